//! The console (section 13 of `docs/api.md`): a page over the REST API, as static files.
//!
//! The files are in `assets`, as browsers get them: there is no bundler. `build.rs` compresses them and gives them names.
//! The page is at `/console`, and everything that it loads below `/console/<hash of all files>/`.
//!
//! [`respond`] answers a request for one of them. The crate knows nothing else of Hookline.

mod encoding;
mod files;
mod respond;

pub use respond::respond;
