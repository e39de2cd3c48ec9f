//! The document that a service serves: the committed one, so that no function needs the code that generates it.

use hookline_core::settings::CoreSettings;
use serde_json::{Value, json};

use crate::openapi::received::describe_messages;
use crate::openapi::text::text;
use crate::request::OwnType;

static COMMITTED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.deflate"));

/// The document of a service with these settings; with own event types, what their receivers get and what those of the 77
/// events get.
pub(crate) fn openapi_of(settings: &CoreSettings, own: Option<&[OwnType]>) -> String {
    let committed = committed();
    if !settings.allow_unsigned_jwt && own.is_none() {
        return committed;
    }
    let mut document = serde_json::from_str(&committed).expect("the committed document is JSON");
    if settings.allow_unsigned_jwt {
        allow_unsigned(&mut document);
    }
    if let Some(own) = own {
        describe_messages(&mut document, own);
    }
    text(document)
}

/// The committed document, which `hookline openapi` generates.
fn committed() -> String {
    let document = miniz_oxide::inflate::decompress_to_vec(COMMITTED).expect("the build compressed it");
    String::from_utf8(document).expect("the committed document is UTF-8")
}

/// Adds the algorithm `none` wherever algorithms are listed.
fn allow_unsigned(document: &mut Value) {
    for place in ["WebhookPolicyInput/properties/jwt_alg", "JwtHeader/properties/alg"]
        .into_iter()
        .chain(["WebhookPolicy/properties/jwt_alg", "WebhookPolicyWithKey/properties/jwt_alg"])
    {
        let algorithms =
            document.pointer_mut(&format!("/components/schemas/{place}/enum")).and_then(Value::as_array_mut);
        if let Some(algorithms) = algorithms {
            algorithms.push(json!("none"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::openapi;

    #[test]
    fn the_committed_document_is_current() {
        assert!(
            committed().trim_end() == openapi(),
            "write it anew with `hookline openapi > shared/http/openapi.json`"
        );
    }

    #[test]
    fn unsigned_policies_are_described_only_where_they_are_allowed() {
        assert!(!openapi_of(&CoreSettings::default(), None).contains("\"none\""));
        let allowed = openapi_of(&CoreSettings { allow_unsigned_jwt: true, ..CoreSettings::default() }, None);
        assert_eq!(allowed.matches("\"none\"").count(), 4);
    }
}
