//! The table of files that `build.rs` wrote.

/// A file. Only its compressed form is in the binary: the functions stay small.
pub(crate) struct File {
    /// Its path below `assets`.
    pub(crate) name: &'static str,
    /// `Content-Type`.
    pub(crate) media_type: &'static str,
    /// Its entity tag. It is weak, because the same tag stands for both forms.
    pub(crate) tag: &'static str,
    pub(crate) gzip: &'static [u8],
}

/// How many bytes stand before and after the deflated content of a gzip file without a name (RFC 1952).
const GZIP_HEAD: usize = 10;
const GZIP_TAIL: usize = 8;

impl File {
    /// The content as it is in `assets`; `None` if the table is damaged.
    pub(crate) fn plain(&self) -> Option<Vec<u8>> {
        let deflated = self.gzip.get(GZIP_HEAD..self.gzip.len().checked_sub(GZIP_TAIL)?)?;
        miniz_oxide::inflate::decompress_to_vec(deflated).ok()
    }
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
            assert_eq!(Some(unpacked), file.plain(), "{}", file.name);
        }
    }

    #[test]
    fn all_files_together_are_at_most_150_kib_compressed() {
        let size: usize = FILES.iter().map(|file| file.gzip.len()).sum();
        assert!(size <= 150 * 1024, "{size} bytes");
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
        let page = String::from_utf8(page().unwrap().plain().unwrap()).unwrap();
        assert!(page.contains(&format!("console/{FOLDER}/")) && !page.contains("{{"), "{page}");
    }
}
