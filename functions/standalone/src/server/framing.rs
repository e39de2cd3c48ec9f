//! Where the body of a request ends (RFC 9112, section 6).

use hyper::header::{CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};

/// What is left of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Everything, because its chunks are invalid. The HTTP library closes the connection.
    Invalid,
}

/// The place within a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the line with the size of a chunk: the size so far, and whether all its digits were read.
    Size { size: u64, digits: u8, ended: bool },
    /// In a chunk and the line break behind it: so many bytes are left.
    Data(u64),
    /// In a line after the last chunk, which is empty so far or not.
    Trailer { empty: bool },
    /// Behind the body.
    End,
}

const FIRST_CHUNK: Chunk = Chunk::Size { size: 0, digits: 0, ended: false };

/// The body that follows a head; `None` if its framing is invalid. A request with both a length and a transfer coding is
/// refused, because a proxy may read it in another way.
pub(super) fn body_of(is_http_11: bool, headers: &[httparse::Header<'_>]) -> Option<Body> {
    let named = |name: &HeaderName| {
        let name = name.as_str().to_owned();
        headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(&name)).map(|header| header.value)
    };
    let mut codings = named(&TRANSFER_ENCODING).peekable();
    let mut lengths = named(&CONTENT_LENGTH);
    let length = match lengths.next() {
        None => None,
        Some(text) => Some(length_of(text)?),
    };
    if !lengths.all(|text| length_of(text) == length) {
        return None;
    }
    if codings.peek().is_none() {
        return Some(Body::Length(length.unwrap_or(0)));
    }
    let last = codings.last()?.rsplit(|byte| *byte == b',').next()?;
    let is_chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
    (is_http_11 && is_chunked && length.is_none()).then_some(Body::Chunked(FIRST_CHUNK))
}

/// A `Content-Length`: digits alone.
fn length_of(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    // The library uses the largest numbers for other things.
    text.parse().ok().filter(|length| *length < u64::MAX - 1)
}

impl Body {
    /// True if nothing is left.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::End))
    }

    /// How many of these bytes belong to the body, which moves on by as many.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Length(left) => {
                let length = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= length as u64;
                length
            }
            Self::Invalid => bytes.len(),
            Self::Chunked(chunk) => {
                let mut at = 0;
                while at < bytes.len() && *chunk != Chunk::End {
                    let Some(length) = chunk.advance(&bytes[at..]) else {
                        *self = Self::Invalid;
                        return bytes.len();
                    };
                    at += length;
                }
                at
            }
        }
    }
}

impl Chunk {
    /// Moves on by at least one byte; `None` if they are invalid.
    fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Size { size, digits, ended } => match (bytes[0], char::from(bytes[0]).to_digit(16)) {
                (b'\n', _) if *digits == 0 => return None,
                (b'\n', _) if *size == 0 => *self = Self::Trailer { empty: true },
                (b'\n', _) => *self = Self::Data(*size + 2),
                (_, Some(digit)) if !*ended => {
                    *size = size.checked_mul(16)?.checked_add(u64::from(digit))?;
                    *digits = digits.checked_add(1).filter(|digits| *digits <= 15)?;
                }
                // An extension, or the line break.
                _ => *ended = true,
            },
            Self::Data(left) => {
                let length = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= length as u64;
                if *left == 0 {
                    *self = FIRST_CHUNK;
                }
                return Some(length);
            }
            Self::Trailer { empty } => match bytes[0] {
                b'\n' if *empty => *self = Self::End,
                b'\n' => *empty = true,
                b'\r' => {}
                _ => *empty = false,
            },
            Self::End => return None,
        }
        Some(1)
    }
}
