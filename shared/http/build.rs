//! Compresses the committed OpenAPI document, which `src/openapi/served.rs` includes. The functions serve it without the
//! code that generates it.

use std::path::PathBuf;

/// The best compression.
const LEVEL: u8 = 10;

#[expect(clippy::disallowed_methods, reason = "Cargo names the folder in a variable")]
fn main() {
    println!("cargo::rerun-if-changed=openapi.json");
    let document = std::fs::read("openapi.json").expect("the document is committed");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let compressed = miniz_oxide::deflate::compress_to_vec(&document, LEVEL);
    std::fs::write(out.join("openapi.json.deflate"), compressed).expect("the document can be written");
}
