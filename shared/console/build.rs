//! Reads the files below `assets`, compresses each, and writes a table of them that `src/files.rs` includes. Nothing here
//! needs the network or Node.
//!
//! All files but the page are served below one folder, which has the hash of all files as its name. So modules can import
//! each other by relative names, and each of their URLs always leads to the same bytes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// The page, and what it writes for the URL of the folder with all other files, as seen from the page.
const PAGE: &str = "index.html";
const BASE: &str = "{{base}}";

fn main() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut files = Vec::new();
    collect(&assets, "", &mut files);
    files.sort();
    let hash = hash(files.iter().flat_map(|(name, content)| [name.as_bytes(), content]));
    let base = format!("console/{hash}");

    let out = out_dir();
    let mut table =
        format!("/// The folder of all files but the page.\npub(crate) const FOLDER: &str = \"{hash}\";\n\n");
    table.push_str("/// Every file.\npub(crate) const FILES: &[File] = &[\n");
    for (number, (name, content)) in files.iter().enumerate() {
        let content = if name == PAGE {
            let page = std::str::from_utf8(content).expect("the page is UTF-8");
            assert!(page.contains(BASE), "{PAGE} does not refer to {BASE}");
            page.replace(BASE, &base).into_bytes()
        } else {
            content.clone()
        };
        let tag = self::hash([content.as_slice()].into_iter());
        let media_type = media_type(name);
        let _ = write!(table, "    File {{ name: {name:?}, media_type: {media_type:?}, tag: \"W/\\\"{tag}\\\"\"");
        let path = out.join(format!("{number}.gzip"));
        std::fs::write(&path, gzip(&content)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let _ = writeln!(table, ", gzip: include_bytes!({:?}) }},", path.display().to_string());
    }
    table.push_str("];\n");
    std::fs::write(out.join("files.rs"), table).expect("the table can be written");
}

#[expect(clippy::disallowed_methods, reason = "Cargo names the folder in a variable")]
fn out_dir() -> PathBuf {
    PathBuf::from(std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"))
}

/// The names and contents of all files below a folder.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("file names are UTF-8");
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files);
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            let content = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push((format!("{prefix}{name}"), content));
        }
    }
}

/// The `Content-Type` of a file, by the end of its name. A file without one is a licence.
fn media_type(name: &str) -> &'static str {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") | None => "text/plain; charset=utf-8",
        Some(other) => panic!("{name}: files with the ending {other} have no media type here"),
    }
}

/// A hash in 20 hexadecimal digits. Each part is hashed with its length.
fn hash<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(10).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("memory takes what is written")
}
