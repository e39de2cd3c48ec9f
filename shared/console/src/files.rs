//! The table of files that `build.rs` wrote.

/// A file, and its compressed forms.
pub(crate) struct File {
    /// Its path below `assets`.
    pub(crate) name: &'static str,
    /// `Content-Type`.
    pub(crate) media_type: &'static str,
    /// Its entity tag. It is weak, because the same tag stands for all three forms.
    pub(crate) tag: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) gzip: &'static [u8],
    pub(crate) brotli: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The name of the page.
const PAGE: &str = "index.html";

/// The page.
pub(crate) fn page() -> Option<&'static File> {
    FILES.iter().find(|file| file.name == PAGE)
}

/// A file by its path below `/console/`.
pub(crate) fn file(path: &str) -> Option<&'static File> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    FILES.iter().find(|file| file.name == name && file.name != PAGE)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn compressed_files_are_the_same_files() {
        for file in FILES {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(file.gzip).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, file.plain, "{}", file.name);
            let mut unpacked = Vec::new();
            brotli::BrotliDecompress(&mut &*file.brotli, &mut unpacked).unwrap();
            assert_eq!(unpacked, file.plain, "{}", file.name);
        }
    }

    #[test]
    fn all_files_together_are_at_most_150_kib_compressed() {
        for (encoding, size) in [
            ("gzip", FILES.iter().map(|file| file.gzip.len()).sum::<usize>()),
            ("brotli", FILES.iter().map(|file| file.brotli.len()).sum()),
        ] {
            assert!(size <= 150 * 1024, "{size} bytes of {encoding}");
        }
    }

    #[test]
    fn files_are_found_below_the_folder_only() {
        let other = FILES.iter().find(|file| file.name != PAGE).unwrap();
        assert!(file(&format!("{FOLDER}/{}", other.name)).is_some());
        for path in ["", "x", PAGE, other.name, FOLDER, &format!("{FOLDER}/"), &format!("{FOLDER}/{PAGE}")] {
            assert!(file(path).is_none(), "{path}");
        }
    }

    #[test]
    fn the_page_names_the_folder() {
        let page = std::str::from_utf8(page().unwrap().plain).unwrap();
        assert!(page.contains(&format!("console/{FOLDER}/")) && !page.contains("{{"), "{page}");
    }
}
