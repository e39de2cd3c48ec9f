//! `nodeID`: unpadded base64url of `<domain>/<Type>/<id>` (section 1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The node id of an object.
#[must_use]
pub fn encode(domain: &str, kind: &str, id: impl std::fmt::Display) -> String {
    URL_SAFE_NO_PAD.encode(format!("{domain}/{kind}/{id}"))
}

/// The integer id in a node id, if it is one of this domain and kind.
#[must_use]
pub fn decode(domain: &str, kind: &str, node_id: &str) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(node_id).ok()?).ok()?;
    let id = text.strip_prefix(domain)?.strip_prefix('/')?.strip_prefix(kind)?.strip_prefix('/')?;
    parse_id(id)
}

/// A record's id in a path: the integer, or the node id.
#[must_use]
pub fn parse(domain: &str, kind: &str, text: &str) -> Option<u64> {
    parse_id(text).or_else(|| decode(domain, kind, text))
}

/// A positive integer without sign, leading zeros or spaces.
fn parse_id(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().filter(|&id| i64::try_from(id).is_ok())
}

/// The type name of an event's object: `project_task` -> `ProjectTask`.
#[must_use]
pub fn camel_case(noun: &str) -> String {
    noun.split('_')
        .map(|word| {
            let mut word = word.to_owned();
            if let Some(first) = word.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            word
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let node_id = encode("hookline.example", "Webhook", 47);
        assert_eq!(node_id, "aG9va2xpbmUuZXhhbXBsZS9XZWJob29rLzQ3");
        assert_eq!(parse("hookline.example", "Webhook", &node_id), Some(47));
        assert_eq!(parse("hookline.example", "Webhook", "47"), Some(47));
        for bad in ["", "0", "047", "+4", "-4", " 4", "4x", "99999999999999999999", &encode("other", "Webhook", 47)] {
            assert_eq!(parse("hookline.example", "Webhook", bad), None, "{bad:?}");
        }
        assert_eq!(decode("hookline.example", "WebhookPolicy", &node_id), None);
    }

    #[test]
    fn camel() {
        assert_eq!(camel_case("project_task"), "ProjectTask");
        assert_eq!(camel_case("ci"), "Ci");
    }
}
