//! Cuts an answer down to what the record keeps (section 8): 50 headers and 8 KiB of them.

use hookline_core::model::ResponseRecord;

use super::exchange::Received;

/// How many headers are kept.
const HEADERS_KEPT: usize = 50;
/// How many bytes of headers are kept, names and values together.
const HEADER_BYTES_KEPT: usize = 8 * 1024;
/// Headers that decide what happens next. They are kept wherever they stand.
const DECISIVE: [&str; 3] = ["Retry-After", "Webhook-Delivery", "Date"];
/// Longer values of those decide nothing.
const MAX_DECISIVE: usize = 256;

/// The answer as the record keeps it.
pub(crate) fn kept(received: Received) -> ResponseRecord {
    let Received { head, body, .. } = received;
    ResponseRecord {
        status: head.status,
        headers: kept_headers(head.headers),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// The first headers, in their order, among them those that decide.
fn kept_headers(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let size = |(name, value): &(String, String)| name.len() + value.len();
    let decisive: Vec<usize> = DECISIVE
        .iter()
        .filter_map(|wanted| headers.iter().position(|(name, _)| name.eq_ignore_ascii_case(wanted)))
        .filter(|index| headers[*index].1.len() <= MAX_DECISIVE)
        .collect();
    let mut places = HEADERS_KEPT - decisive.len();
    let mut room = HEADER_BYTES_KEPT - decisive.iter().map(|index| size(&headers[*index])).sum::<usize>();
    let mut kept = Vec::with_capacity(headers.len().min(HEADERS_KEPT));
    let mut is_full = false;
    for (index, header) in headers.into_iter().enumerate() {
        if !decisive.contains(&index) {
            is_full = is_full || places == 0 || room < size(&header);
            if is_full {
                continue;
            }
            places -= 1;
            room -= size(&header);
        }
        kept.push(header);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn many(count: usize, length: usize) -> Vec<(String, String)> {
        (0..count).map(|n| (format!("x-{n:03}"), "v".repeat(length))).collect()
    }

    #[test]
    fn headers_are_cut_at_50_and_8_kib() {
        let kept = |count, length| kept_headers(many(count, length)).len();
        assert_eq!(kept(80, 10), 50);
        assert_eq!(kept(50, 10), 50);
        assert_eq!(kept(9, 1019), 8);
        assert_eq!(kept(1, 8187), 1);
        assert_eq!(kept(1, 8188), 0);
    }

    #[test]
    fn headers_that_decide_are_kept_wherever_they_stand() {
        let mut headers = many(150, 10);
        headers.push(header("retry-AFTER", "60"));
        headers.push(header("Webhook-Delivery", &"x".repeat(257)));
        headers.push(header("Retry-After", "90"));
        let kept = kept_headers(headers);
        assert_eq!((kept.len(), kept.last()), (50, Some(&header("retry-AFTER", "60"))));
        let mut wide = many(20, 1000);
        wide.push(header("Date", "today"));
        let kept = kept_headers(wide);
        assert_eq!((kept.len(), kept.last()), (9, Some(&header("Date", "today"))));
    }
}
