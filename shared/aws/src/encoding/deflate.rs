//! Lossless compression that never grows its input by more than one byte.

use hookline_core::errors::PortError;

/// First byte of a value that is stored uncompressed.
const PLAIN: u8 = 0;
/// First byte of a value that is deflated (RFC 1951).
const DEFLATED: u8 = 1;
/// The limit for uncompressed values. No value that we write is larger.
const MAX_UNPACKED: usize = 4 * 1024 * 1024;
/// The compression level: most of the gain for little work.
const LEVEL: u8 = 6;

/// Compresses bytes if that makes them smaller.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![DEFLATED];
    packed.extend(miniz_oxide::deflate::compress_to_vec(bytes, LEVEL));
    if packed.len() > bytes.len() {
        packed.clear();
        packed.push(PLAIN);
        packed.extend_from_slice(bytes);
    }
    packed
}

/// Restores bytes that [`pack`] wrote.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, PortError> {
    let unreadable = || PortError::unavailable("store", "decompressing a value failed");
    match packed.split_first() {
        Some((&PLAIN, bytes)) => Ok(bytes.to_vec()),
        Some((&DEFLATED, bytes)) => {
            miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, MAX_UNPACKED).map_err(|_| unreadable())
        }
        Some(_) | None => Err(unreadable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_unchanged() {
        let noise: Vec<u8> = (0..2000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        for bytes in [&b""[..], b"{}", "{\"a\":\"Ж\"}".repeat(1000).as_bytes(), &noise] {
            assert_eq!(unpack(&pack(bytes)).unwrap(), bytes);
            assert!(pack(bytes).len() <= bytes.len() + 1);
        }
        assert!(unpack(&[]).is_err() && unpack(&[7]).is_err() && unpack(&[1, 255]).is_err());
    }
}
