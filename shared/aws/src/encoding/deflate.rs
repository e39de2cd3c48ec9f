//! Bytes made smaller where that helps, and given back unchanged.

use hookline_core::ports::Fault;

/// First byte of bytes that are kept as they were.
const PLAIN: u8 = 0;
/// First byte of bytes that are deflated (RFC 1951).
const DEFLATED: u8 = 1;
/// What is unpacked at most: no value that we wrote is larger.
const MOST: usize = 4 * 1024 * 1024;
/// The level of deflate: most of the gain for little work.
const LEVEL: u8 = 6;

/// Packs bytes.
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

/// Gives the bytes back.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, Fault> {
    let unreadable = || Fault::unavailable("store", "packed bytes are unreadable");
    match packed.split_first() {
        Some((&PLAIN, bytes)) => Ok(bytes.to_vec()),
        Some((&DEFLATED, bytes)) => {
            miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, MOST).map_err(|_| unreadable())
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
