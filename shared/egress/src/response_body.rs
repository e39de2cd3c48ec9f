//! Finds the end of an answer's body.

use super::response_head::BodyLength;

/// The longest line of a chunk's size, extensions included, and of a trailer.
const MAX_LINE: usize = 8 * 1024;

/// What is known after some bytes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyState {
    /// More belongs to it.
    Open,
    /// It is complete, with so many bytes after it.
    Ended { surplus: usize },
    /// Its framing is invalid: there is no telling what belongs to it.
    Broken,
}

/// Takes a body apart.
#[derive(Debug)]
pub(crate) struct BodyReader {
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    UntilClose,
    /// Content without chunks: so many bytes are missing.
    Content(u64),
    /// The line with a chunk's size: its value and length so far, and whether digits may still follow.
    Size {
        size: u64,
        length: usize,
        is_number: bool,
    },
    /// Content of a chunk: so many bytes are missing.
    Chunk(u64),
    /// The end of line after a chunk.
    ChunkEnd,
    /// Lines after the last chunk: the length of the current one.
    Trailer {
        length: usize,
    },
}

impl BodyReader {
    pub(crate) fn new(length: BodyLength) -> Self {
        let part = match length {
            BodyLength::Bytes(length) => Part::Content(length),
            BodyLength::Chunked => SIZE,
            BodyLength::UntilClose => Part::UntilClose,
        };
        Self { part }
    }

    /// Reads bytes, and hands what is content to `content`.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut content: impl FnMut(&[u8])) -> BodyState {
        loop {
            if self.part == Part::Content(0) {
                return BodyState::Ended { surplus: bytes.len() };
            }
            let Some((&byte, after)) = bytes.split_first() else { return BodyState::Open };
            match &mut self.part {
                Part::UntilClose => {
                    content(bytes);
                    return BodyState::Open;
                }
                Part::Content(missing) | Part::Chunk(missing) => {
                    let length = usize::try_from(*missing).unwrap_or(usize::MAX).min(bytes.len());
                    content(&bytes[..length]);
                    *missing -= length as u64;
                    bytes = &bytes[length..];
                    if self.part == Part::Chunk(0) {
                        self.part = Part::ChunkEnd;
                    }
                    continue;
                }
                Part::Size { size, length, is_number } => {
                    let digit = char::from(byte).to_digit(16).filter(|_| *is_number);
                    match (byte, digit) {
                        (b'\n', _) if *length == 0 => return BodyState::Broken,
                        (b'\n', _) => {
                            self.part = if *size == 0 { Part::Trailer { length: 0 } } else { Part::Chunk(*size) }
                        }
                        (_, Some(digit)) => {
                            let Some(larger) = size.checked_mul(16) else { return BodyState::Broken };
                            *size = larger + u64::from(digit);
                            *length += 1;
                        }
                        (b'\r' | b';' | b' ' | b'\t', None) if *length > 0 => {
                            *is_number = false;
                            *length += 1;
                        }
                        (_, None) if *is_number || *length > MAX_LINE => return BodyState::Broken,
                        (_, None) => *length += 1,
                    }
                }
                Part::ChunkEnd => match byte {
                    b'\r' => {}
                    b'\n' => self.part = SIZE,
                    _ => return BodyState::Broken,
                },
                Part::Trailer { length } => match byte {
                    b'\n' if *length == 0 => self.part = Part::Content(0),
                    b'\n' => *length = 0,
                    b'\r' => {}
                    _ if *length > MAX_LINE => return BodyState::Broken,
                    _ => *length += 1,
                },
            }
            bytes = after;
        }
    }
}

/// The start of a chunk.
const SIZE: Part = Part::Size { size: 0, length: 0, is_number: true };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(length: BodyLength, bytes: &[u8]) -> (BodyState, String) {
        let mut kept = Vec::new();
        let state = BodyReader::new(length).push(bytes, |content| kept.extend_from_slice(content));
        (state, String::from_utf8(kept).unwrap())
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        let ended = |surplus, content: &str| (BodyState::Ended { surplus }, content.to_owned());
        assert_eq!(read(BodyLength::Bytes(0), b""), ended(0, ""));
        assert_eq!(read(BodyLength::Bytes(3), b"abcde"), ended(2, "abc"));
        assert_eq!(read(BodyLength::Bytes(9), b"abc"), (BodyState::Open, "abc".to_owned()));
        assert_eq!(read(BodyLength::UntilClose, b"abc"), (BodyState::Open, "abc".to_owned()));
        for chunked in
            ["3\r\nabc\r\n0\r\n\r\n", "003;x=\"y\"\r\nabc\n00\r\nA: b\r\nC: d\r\n\r\n", "1 \na\n2\nbc\n0\n\n"]
        {
            assert_eq!(read(BodyLength::Chunked, chunked.as_bytes()), ended(0, "abc"), "{chunked:?}");
            assert_eq!(read(BodyLength::Chunked, format!("{chunked}xy").as_bytes()), ended(2, "abc"), "{chunked:?}");
        }
        let endless = [format!("1;{}", "x".repeat(9000)), format!("0\r\n{}", "x".repeat(9000))];
        let broken =
            ["no number\r\n", "\r\n", "-1\r\n", "3\r\nabcd", "fffffffffffffffff\r\n", &endless[0], &endless[1]];
        for text in broken {
            assert_eq!(read(BodyLength::Chunked, text.as_bytes()).0, BodyState::Broken, "{text:.20?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(text in "[0-9a-f;\r\nx]{0,40}", at: prop::sample::Index) {
            let whole = read(BodyLength::Chunked, text.as_bytes());
            let (first, second) = text.split_at(at.index(text.len() + 1).min(text.len()));
            let mut reader = BodyReader::new(BodyLength::Chunked);
            let mut kept = Vec::new();
            let state = match reader.push(first.as_bytes(), |content| kept.extend_from_slice(content)) {
                BodyState::Open => reader.push(second.as_bytes(), |content| kept.extend_from_slice(content)),
                BodyState::Ended { surplus } => BodyState::Ended { surplus: surplus + second.len() },
                BodyState::Broken => BodyState::Broken,
            };
            prop_assert_eq!((state, String::from_utf8(kept).unwrap()), whole);
        }
    }
}
