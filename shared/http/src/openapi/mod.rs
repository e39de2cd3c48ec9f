//! The OpenAPI 3.1 document. It is generated from the table of routes and the resources' tables of fields, so it describes
//! what the router serves. `hookline openapi` prints it. It is committed as `openapi.json` in this crate's folder, and
//! services serve the committed document. To a caller with a token they describe the messages of each event type as well.

mod links;
mod operation;
mod received;
mod schemas;
mod served;
mod text;

use serde_json::{Map, Value, json};

pub(crate) use self::served::openapi_of;
use self::text::text;
use crate::routes;

/// The document as pretty JSON, for a service with the default settings.
#[must_use]
pub fn openapi() -> String {
    text(document())
}

/// What receivers of the 77 events get, as a document of its own with the section `webhooks`.
#[must_use]
pub fn openapi_of_messages() -> String {
    let mut document = document();
    received::describe_messages(&mut document, &[]);
    received::only_messages(&mut document);
    text(document)
}

fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes::all() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        for (method, operation) in operation::of(route) {
            path[method] = operation;
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hookline",
            "summary": "Outbound webhooks: register, publish, and see what was delivered.",
            "description": "The REST API of Hookline, compatible with the Webhooks API of R-Service, 4me and Xurrent. `docs/api.md` \
                            is its contract.",
            "contact": {"name": "The operator of this service"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{"url": "/v1", "description": "Every path answers at the root and under the account URL as well."}],
        "security": [{"token": []}],
        "tags": operation::tags(),
        "paths": paths,
        "webhooks": {"message": {"post": schemas::outgoing_message()}},
        "components": {
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token that `hookline token create` made: `hl_` and 43 characters of base64url.",
            }},
            "schemas": schemas::all(),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn inputs_are_open_and_say_what_they_require() {
        let document = document();
        for (name, required) in [
            ("WebhookInput", json!(["event", "uri"])),
            ("WebhookChanges", json!(null)),
            ("WebhookPolicyInput", json!(["jwt_alg"])),
            ("WebhookPolicyChanges", json!(null)),
            ("EventInput", json!(["event", "object_id"])),
            ("EventTypeInput", json!(["name"])),
            ("EventTypeChanges", json!(null)),
            ("RedeliveryInput", json!(null)),
            ("RotationInput", json!(null)),
            ("ClientCredentials", json!(["grant_type", "client_id", "client_secret"])),
        ] {
            let schema = &document["components"]["schemas"][name];
            assert_eq!((&schema["additionalProperties"], &schema["required"]), (&json!(true), &required), "{name}");
        }
        walk(&document, &mut |object| {
            assert!(object.get("const").is_none_or(Value::is_string), "generators expect strings: {object:?}");
        });
    }

    /// Calls `visit` with every object in a value.
    fn walk(value: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                visit(object);
                object.values().for_each(|value| walk(value, visit));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, visit)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn schemas_are_closed_and_responses_named() {
        let document = document();
        walk(&document["components"]["schemas"], &mut |object| {
            let is_object = object.get("type").is_some_and(|kind| {
                kind == "object" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("object")))
            });
            assert!(!is_object || object.contains_key("additionalProperties"), "an open schema: {object:?}");
        });
        walk(&document["paths"], &mut |object| {
            if let Some(Value::Object(responses)) = object.get("responses") {
                assert!(!responses.contains_key("default") && responses.len() > 3, "{responses:?}");
            }
        });
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let document = document();
        let mut used = BTreeSet::new();
        walk(&document, &mut |object| {
            if let Some(Value::String(reference)) = object.get("$ref") {
                used.insert(reference.trim_start_matches("#/components/schemas/").to_owned());
            }
        });
        let defined: BTreeSet<String> =
            document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(used, defined);
    }

    #[test]
    fn links_lead_to_operations_and_fill_their_parameters() {
        let document = document();
        let mut operations = std::collections::BTreeMap::new();
        walk(&document["paths"], &mut |object| {
            if let (Some(Value::String(id)), Some(Value::Array(parameters))) =
                (object.get("operationId"), object.get("parameters"))
            {
                let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
                let names = in_path.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
                operations.insert(id.clone(), names.collect::<Vec<_>>());
            }
        });
        let mut linked = BTreeSet::new();
        walk(&document["paths"], &mut |object| {
            for (name, link) in object.get("links").and_then(Value::as_object).into_iter().flatten() {
                let parameters: Vec<&String> = link["parameters"].as_object().unwrap().keys().collect();
                assert_eq!(
                    (&link["operationId"], Some(parameters)),
                    (&json!(name), operations.get(name).map(|names| names.iter().collect()))
                );
                linked.insert(name.clone());
            }
        });
        let unlinked: Vec<_> = operations
            .iter()
            .filter(|(id, names)| !names.is_empty() && !linked.contains(*id))
            .map(|(id, _)| id)
            .collect();
        assert_eq!(unlinked, ["downloadAttachment"], "an attachment's address comes from its webhook");
    }

    #[test]
    fn every_operation_but_those_for_supervisors_may_be_refused_as_too_many() {
        let mut unlimited = BTreeSet::new();
        walk(&document()["paths"], &mut |object| {
            if let (Some(Value::String(id)), Some(responses)) = (object.get("operationId"), object.get("responses"))
                && responses.get("429").is_none()
            {
                unlimited.insert(id.clone());
            }
        });
        assert_eq!(unlimited.into_iter().collect::<Vec<_>>(), ["getHealth", "getReadiness"]);
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let mut names = BTreeSet::new();
        walk(&document()["paths"], &mut |object| {
            if let Some(Value::String(name)) = object.get("operationId").filter(|_| object.contains_key("responses")) {
                assert!(names.insert(name.clone()), "{name} twice");
            }
        });
        assert!(names.len() >= routes::all().count());
    }
}
