//! Reads the head of an answer.
//!
//! The status line decides about success, so it is the only part that must be valid. Headers may be folded, hundreds,
//! cut off or invalid: what can be read is kept, and the rest is ignored. Interim (1xx) answers and the size of all heads
//! together are limited.

use std::time::Duration;

use super::request_bytes::is_token;

/// How many bytes of heads are read, those of interim answers included.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// How many interim answers are read.
const MAX_INTERIM: usize = 8;
/// The start of every status line.
const VERSION: &[u8] = b"HTTP/1.";

/// An answer's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// Names as they were sent; bytes of values that are not printable ASCII as `?`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) framing: Framing,
}

/// Where the body ends, and whether the connection may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) body: BodyLength,
    pub(crate) keep_alive: KeepAlive,
}

/// Whether the endpoint keeps the connection for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Closed,
    /// For so long, if it says.
    Open {
        timeout: Option<Duration>,
    },
}

/// How the end of a body is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLength {
    Bytes(u64),
    Chunked,
    UntilClose,
}

/// Why the bytes are not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadError {
    NotHttp,
    TooManyInterim,
    TooLong,
    Upgraded,
}

/// Collects bytes until the head is complete.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    /// Bytes of the current answer.
    bytes: Vec<u8>,
    /// How far the end of the head was looked for.
    searched: usize,
    status: Option<u16>,
    interim: usize,
    /// Bytes before the current answer: interim answers and empty lines.
    earlier: usize,
}

impl HeadReader {
    /// Takes more bytes. Gives the head once it is complete, with the bytes after it.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Option<(ResponseHead, Vec<u8>)>, HeadError> {
        self.bytes.extend_from_slice(bytes);
        loop {
            let Some(status) = self.read_status()? else { return self.within_limit() };
            let Some(end) = self.find_end() else {
                // The status is known: an endless head does not take it back.
                let is_full = self.earlier + self.bytes.len() >= MAX_HEAD && status >= 200;
                return if is_full { Ok(self.cut_off().map(|head| (head, Vec::new()))) } else { self.within_limit() };
            };
            let rest = self.bytes.split_off(end);
            if status >= 200 {
                return Ok(Some((head(status, &self.bytes, true), rest)));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(HeadError::TooManyInterim);
            }
            self.earlier += self.bytes.len();
            self.bytes = rest;
            self.searched = 0;
            self.status = None;
            if self.earlier >= MAX_HEAD {
                return Err(HeadError::TooLong);
            }
        }
    }

    /// The head as far as it came, if its status line did: what follows may be cut off.
    pub(crate) fn cut_off(&self) -> Option<ResponseHead> {
        let status = self.status.filter(|status| *status >= 200)?;
        Some(head(status, &self.bytes, false))
    }

    /// True once a final status line was read.
    pub(crate) fn has_status(&self) -> bool {
        self.status.is_some_and(|status| status >= 200)
    }

    /// True while the endpoint has not sent a byte.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.earlier == 0
    }

    fn within_limit<T>(&self) -> Result<Option<T>, HeadError> {
        if self.earlier + self.bytes.len() < MAX_HEAD { Ok(None) } else { Err(HeadError::TooLong) }
    }

    fn read_status(&mut self) -> Result<Option<u16>, HeadError> {
        if self.status.is_none() {
            // Empty lines before a status line are taken away at once: a head may be sent byte by byte.
            let blank = self.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.bytes.drain(..blank);
            self.earlier += blank;
            let line = self.bytes.as_slice();
            let compared = line.len().min(VERSION.len());
            if line[..compared] != VERSION[..compared] {
                return Err(HeadError::NotHttp);
            }
            // A status line without an end is cut off by the limit for heads.
            let Some(end) = line.iter().skip(self.searched).position(|byte| *byte == b'\n') else {
                self.searched = line.len();
                return Ok(None);
            };
            let end = self.searched + end;
            self.status = Some(parse_status(&line[..end])?);
            // The line's own end may be the first half of the head's.
            self.searched = end;
        }
        Ok(self.status)
    }

    /// Where the empty line ends that ends the head.
    fn find_end(&mut self) -> Option<usize> {
        while let Some(found) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
            let line = self.searched + found + 1;
            match self.bytes[line..] {
                [b'\n', ..] => return Some(line + 1),
                [b'\r', b'\n', ..] => return Some(line + 2),
                // Not known yet: looked at again when more has come.
                [] | [b'\r'] => {
                    self.searched = line - 1;
                    return None;
                }
                _ => self.searched = line,
            }
        }
        self.searched = self.bytes.len();
        None
    }
}

/// The status of a line such as `HTTP/1.1 200 OK`. The reason may be anything, or missing.
fn parse_status(line: &[u8]) -> Result<u16, HeadError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let rest = line.strip_prefix(VERSION).ok_or(HeadError::NotHttp)?;
    let (digits, reason) = match rest {
        [minor, b' ', rest @ ..] if minor.is_ascii_digit() => rest.trim_ascii_start(),
        _ => return Err(HeadError::NotHttp),
    }
    .split_at_checked(3)
    .ok_or(HeadError::NotHttp)?;
    let is_number = digits.iter().all(u8::is_ascii_digit) && matches!(reason, [] | [b' ', ..]);
    let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit.wrapping_sub(b'0')));
    match status {
        101 if is_number => Err(HeadError::Upgraded),
        100.. if is_number => Ok(status),
        _ => Err(HeadError::NotHttp),
    }
}

/// Reads the headers of a head that begins with its status line. Its last line counts only if it has an end.
fn head(status: u16, bytes: &[u8], is_complete: bool) -> ResponseHead {
    let mut headers: Vec<(String, String)> = Vec::new();
    let is_old = bytes.get(VERSION.len()) == Some(&b'0');
    let mut is_folding = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n').skip(1) {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            // A folded line goes on with the header before it, unless that one was ignored.
            if let Some((_, value)) = headers.last_mut().filter(|_| is_folding) {
                value.push(' ');
                value.push_str(&printable(line.trim_ascii()));
            }
            continue;
        }
        let header = parse_header(line);
        is_folding = header.is_some();
        headers.extend(header);
    }
    let framing = framing(status, &headers, is_old, is_complete);
    ResponseHead { status, headers, framing }
}

fn parse_header(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(line[..colon].trim_ascii_end()).ok().filter(|name| is_token(name))?;
    Some((name.to_owned(), printable(line[colon + 1..].trim_ascii())))
}

fn printable(value: &[u8]) -> String {
    let printable = |byte: &u8| if matches!(byte, b' '..=b'~' | b'\t') { char::from(*byte) } else { '?' };
    value.iter().map(printable).collect()
}

/// RFC 9112, section 6.3, for the answer to a POST. A length that is not clear is the end of the connection.
fn framing(status: u16, headers: &[(String, String)], is_old: bool, is_complete: bool) -> Framing {
    let values = |name: &'static str| {
        let named = headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.flat_map(|(_, value)| value.split(',')).map(str::trim)
    };
    let is_chunked = values("Transfer-Encoding").next_back().is_some_and(|last| last.eq_ignore_ascii_case("chunked"));
    let mut lengths = values("Content-Length");
    let length =
        lengths.next().and_then(parse_length).filter(|length| lengths.all(|l| parse_length(l) == Some(*length)));
    let body = match (status, length) {
        (204 | 304, _) => BodyLength::Bytes(0),
        _ if is_chunked => BodyLength::Chunked,
        (_, Some(length)) if values("Transfer-Encoding").next().is_none() => BodyLength::Bytes(length),
        _ => BodyLength::UntilClose,
    };
    let connection = |option: &str| values("Connection").any(|value| value.eq_ignore_ascii_case(option));
    let is_kept = is_complete
        && body != BodyLength::UntilClose
        && !(is_chunked && values("Content-Length").next().is_some())
        && !connection("close")
        && (!is_old || connection("keep-alive"));
    let parameter = |name: &str| {
        let mut pairs = values("Keep-Alive").filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(found, _)| found.trim().eq_ignore_ascii_case(name))?;
        value.trim().trim_matches('"').parse::<u32>().ok()
    };
    let is_kept = is_kept && parameter("max") != Some(0);
    let timeout = parameter("timeout").map(|seconds| Duration::from_secs(seconds.into()));
    let keep_alive = if is_kept { KeepAlive::Open { timeout } } else { KeepAlive::Closed };
    Framing { body, keep_alive }
}

fn parse_length(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<(ResponseHead, Vec<u8>)>, HeadError> {
        HeadReader::default().push(bytes)
    }

    fn complete(text: &str) -> ResponseHead {
        read(text.as_bytes()).unwrap().expect("complete").0
    }

    fn headers(text: &str) -> Vec<(String, String)> {
        complete(&format!("HTTP/1.1 200 OK\r\n{text}\r\n")).headers
    }

    #[test]
    fn status_lines() {
        for (line, status) in [
            ("HTTP/1.1 200 OK", 200),
            ("HTTP/1.0 204", 204),
            ("HTTP/1.1 299 ", 299),
            ("HTTP/1.1  410 Gone\r", 410),
            ("HTTP/1.1 999 \u{0}é", 999),
        ] {
            assert_eq!(parse_status(line.as_bytes()), Ok(status), "{line:?}");
        }
        for line in ["", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 200OK", "HTTP/2 200", "HTTP/1.1 099 x"] {
            assert_eq!(parse_status(line.as_bytes()), Err(HeadError::NotHttp), "{line:?}");
        }
        assert_eq!(parse_status(b"HTTP/1.1 101 Switching"), Err(HeadError::Upgraded));
        for garbage in ["SSH-2.0", "<", "\u{0}", "HTTP/2", "HTTP/0.9 200 OK\r\n"] {
            assert_eq!(read(garbage.as_bytes()), Err(HeadError::NotHttp), "{garbage:?} is refused at once");
        }
    }

    #[test]
    fn odd_headers_are_kept_as_far_as_they_can_be_read() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(headers("X-API-KEY:a\r\nX-B :  b \t\n"), [pair("X-API-KEY", "a"), pair("X-B", "b")]);
        assert_eq!(headers("A: one\r\n two\r\n\tthree\r\nB: x\r\n"), [pair("A", "one two three"), pair("B", "x")]);
        assert_eq!(headers(" folded first\r\nX A: b\r\n more\r\nno colon\r\n: no name\r\nC: d\r\n"), [pair("C", "d")]);
        assert_eq!(headers("X: \u{0}\r\nY: é\r\n"), [pair("X", "?"), pair("Y", "??")]);
        assert_eq!(headers(&"N: v\r\n".repeat(150)).len(), 150);
    }

    #[test]
    fn the_rest_belongs_to_the_body() {
        let (head, rest) = read(b"\r\nHTTP/1.1 200 OK\nA: b\n\nbody").unwrap().unwrap();
        assert_eq!((head.headers.len(), rest.as_slice()), (1, b"body".as_slice()));
    }

    #[test]
    fn eight_interim_answers_are_read() {
        let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        let last = "HTTP/1.1 202 Accepted\r\n\r\n";
        assert_eq!(complete(&format!("{}{last}", early.repeat(8))).status, 202);
        assert_eq!(read(format!("{}{last}", early.repeat(9)).as_bytes()), Err(HeadError::TooManyInterim));
        let wide = format!("HTTP/1.1 100 Continue\r\nX: {}\r\n\r\n", "w".repeat(MAX_HEAD / 4));
        assert_eq!(read(format!("{}{last}", wide.repeat(5)).as_bytes()), Err(HeadError::TooLong));
    }

    #[test]
    fn an_endless_head_keeps_its_status() {
        let endless = |start: &str, line: &str| {
            let mut reader = HeadReader::default();
            let mut read = reader.push(start.as_bytes());
            while matches!(read, Ok(None)) {
                assert!(reader.bytes.len() < MAX_HEAD);
                read = reader.push(line.as_bytes());
            }
            read.map(|head| head.map(|(head, _)| (head.status, head.framing.keep_alive)))
        };
        assert_eq!(endless("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"), Ok(Some((200, KeepAlive::Closed))));
        assert_eq!(endless("HTTP/1.1 410 Gone\r\n", "X"), Ok(Some((410, KeepAlive::Closed))));
        assert_eq!(endless("HTTP/1.1 200 ", "O"), Err(HeadError::TooLong));
        assert_eq!(endless("HTTP/1.1 100 Continue\r\n", "X"), Err(HeadError::TooLong));
        assert_eq!(endless("\r\n", "\r\n"), Err(HeadError::TooLong));
    }

    #[test]
    fn a_cut_head_counts_from_its_status_line_on() {
        let cut = |text: &str| {
            let mut reader = HeadReader::default();
            assert_eq!(reader.push(text.as_bytes()), Ok(None), "{text:?}");
            reader.cut_off().map(|head| (head.status, head.headers.len(), head.framing.keep_alive))
        };
        assert_eq!(cut(""), None);
        assert_eq!(cut("HTTP/1.1 200 OK"), None);
        assert_eq!(cut("HTTP/1.1 100 Continue\r\n"), None);
        assert_eq!(cut("HTTP/1.1 200 OK\r\n"), Some((200, 0, KeepAlive::Closed)));
        assert_eq!(cut("HTTP/1.1 410 Gone\r\nA: b\r\nRetry-After: 36"), Some((410, 1, KeepAlive::Closed)));
    }

    #[test]
    fn the_framing_of_bodies() {
        let framing = |rest: &str| complete(&format!("HTTP/1.1 200 OK\r\n{rest}\r\n")).framing;
        let (kept, closed) = (KeepAlive::Open { timeout: None }, KeepAlive::Closed);
        for (text, body, keep_alive) in [
            ("Content-Length: 5\r\n", BodyLength::Bytes(5), kept),
            ("content-length: 5\r\nContent-Length: 5, 5\r\n", BodyLength::Bytes(5), kept),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", BodyLength::UntilClose, closed),
            ("Content-Length: +5\r\n", BodyLength::UntilClose, closed),
            ("Content-Length: 99999999999999999999\r\n", BodyLength::UntilClose, closed),
            ("", BodyLength::UntilClose, closed),
            ("Transfer-Encoding: gzip, Chunked\r\n", BodyLength::Chunked, kept),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", BodyLength::Chunked, closed),
            ("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", BodyLength::UntilClose, closed),
            ("Content-Length: 0\r\nConnection: x, Close\r\n", BodyLength::Bytes(0), closed),
            ("Content-Length: 0\r\nKeep-Alive: timeout=7, max=0\r\n", BodyLength::Bytes(0), closed),
            (
                "Content-Length: 0\r\nKeep-Alive: max=3, Timeout=7\r\n",
                BodyLength::Bytes(0),
                KeepAlive::Open { timeout: Some(Duration::from_secs(7)) },
            ),
            ("Content-Length: 0\r\nKeep-Alive: timeout=soon\r\n", BodyLength::Bytes(0), kept),
        ] {
            assert_eq!(framing(text), Framing { body, keep_alive }, "{text:?}");
        }
        let status = |text: &str| complete(text).framing;
        let none = BodyLength::Bytes(0);
        assert_eq!(status("HTTP/1.1 204 No Content\r\n\r\n"), Framing { body: none, keep_alive: kept });
        assert_eq!(status("HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n").body, none);
        assert_eq!(status("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive, closed);
        let old = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(status(old).keep_alive, kept);
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(bytes in r"(HTTP/1\.1 (100|200|503) x\r?\n([ A-z:]{0,9}\r?\n){0,4}){1,3}", at: prop::sample::Index) {
            let whole = HeadReader::default().push(bytes.as_bytes());
            let mut reader = HeadReader::default();
            let (first, second) = bytes.as_bytes().split_at(at.index(bytes.len()));
            let parts = match reader.push(first) {
                Ok(None) => reader.push(second),
                Ok(Some((head, rest))) => Ok(Some((head, [&rest, second].concat()))),
                Err(error) => Err(error),
            };
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, start in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\n", "HTTP/1."])) {
            let mut reader = HeadReader::default();
            for byte in start.bytes().chain(bytes) {
                if reader.push(&[byte]) != Ok(None) {
                    break;
                }
            }
            reader.cut_off();
        }
    }
}
