//! The `Link` header of a message (section 5; RFC 8288).

use crate::model::{EventName, Links};

/// The value of the `Link` header: the links that the event has, else those that follow from the object.
#[must_use]
pub fn header(links: &Links, account_url: &str, public_url: &str, event: &EventName, object_id: i64) -> String {
    let plural = plural(event.noun());
    let canonical = links.canonical.clone().unwrap_or_else(|| format!("{account_url}/{plural}/{object_id}"));
    let resource = links.resource.clone().unwrap_or_else(|| format!("{public_url}/v1/{plural}/{object_id}"));
    let mut header = format!("<{}>; rel=\"canonical\", <{}>; rel=\"resource\"", escape(&canonical), escape(&resource));
    if let Some(related) = &links.related {
        header.push_str(&format!(", <{}>; rel=\"related\"", escape(related)));
    }
    header
}

/// `<noun>s`, and `people` for person.
fn plural(noun: &str) -> String {
    if noun == "person" { "people".to_owned() } else { format!("{noun}s") }
}

/// Percent-encodes what would end the link, and everything that is not visible ASCII.
fn escape(link: &str) -> String {
    const SET: &percent_encoding::AsciiSet =
        &percent_encoding::CONTROLS.add(b' ').add(b'<').add(b'>').add(b'"').add(b',').add(b';');
    percent_encoding::utf8_percent_encode(link, SET).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_publishers_links_or_our_own() {
        let event = EventName::builtin("person.update").unwrap();
        let own = header(&Links::default(), "https://h/a/wdc", "https://h", &event, 7);
        assert_eq!(own, "<https://h/a/wdc/people/7>; rel=\"canonical\", <https://h/v1/people/7>; rel=\"resource\"");
        let links =
            Links {
                canonical: Some("https://x/<a>,;\"é".into()), resource: None, related: Some("https://x/r".into())
            };
        assert_eq!(
            header(&links, "https://h/a/wdc", "https://h", &event, 7),
            "<https://x/%3Ca%3E%2C%3B%22%C3%A9>; rel=\"canonical\", <https://h/v1/people/7>; rel=\"resource\", \
             <https://x/r>; rel=\"related\""
        );
    }
}
