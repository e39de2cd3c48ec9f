//! What receivers get: the section `webhooks` with one message for each event type, so that receivers can generate their
//! code from it (section 14, *Catalogue*).
//!
//! It is made of the document's one message, so that functions can add it to the committed document. All messages share
//! their headers and their response, and those without a schema of their payload the schema `OutgoingMessage`. `AnyMessage`
//! is any of them.

use std::collections::BTreeSet;

use hookline_core::model::event::EVENT_NAMES;
use hookline_core::values::node_id::camel_case;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::request::OwnType;

/// How many bytes of schemas a document holds. The answers of a function end at 6 MB.
const MAX_SCHEMAS: usize = 2 << 20;

/// The schema of any message.
const ANY: &str = "AnyMessage";

/// Replaces the section `webhooks` of a document by one with a message for each of the 77 events and each own type.
pub(crate) fn describe_messages(document: &mut Value, own: &[OwnType]) {
    let mut message = document["webhooks"]["message"]["post"].take();
    let components = &mut document["components"];
    let mut parameters = Vec::new();
    for parameter in message["parameters"].as_array_mut().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        parameters.push(json!({"$ref": format!("#/components/parameters/{name}")}));
        components["parameters"][name] = parameter.take();
    }
    message["parameters"] = parameters.into();
    components["responses"]["Taken"] = message["responses"]["2XX"].take();
    message["responses"]["2XX"] = json!({"$ref": "#/components/responses/Taken"});

    let mut schemas = components["schemas"].take();
    let (mut webhooks, mut any, mut mapping) = (Map::new(), Vec::new(), Map::new());
    let mut left = MAX_SCHEMAS;
    let builtin = EVENT_NAMES.iter().map(|name| (*name, None));
    for (name, own) in builtin.chain(own.iter().map(|own| (own.name.as_str(), Some(own)))) {
        let title = free_title(&schemas, name);
        let event = json!({"type": "string", "const": name});
        let own_part = json!({"type": "object", "required": ["event"], "properties": {"event": event}});
        let mut described = json!({"allOf": [reference("OutgoingMessage"), own_part]});
        let schema = own.and_then(|own| own.schema.as_deref()).filter(|text| {
            left = left.saturating_sub(text.len());
            left > 0
        });
        if let Some(payload) = schema.and_then(|text| serde_json::from_str(text).ok()) {
            let place = format!("{title}Payload");
            // In full: a payload of any properties and this one would be one of any properties.
            described = schemas["OutgoingMessage"].clone();
            described["properties"]["event"] = event;
            described["properties"]["payload"] = reference(&place);
            add_payload(&mut schemas, place, payload);
        }
        let place = format!("{title}Message");
        any.push(reference(&place));
        mapping.insert(name.to_owned(), format!("#/components/schemas/{place}").into());
        let mut operation = message.clone();
        operation["operationId"] = format!("receive{title}").into();
        operation["summary"] = format!("The message of an event `{name}`.").into();
        if let Some(description) = own.and_then(|own| own.description.as_deref()) {
            operation["description"] = description.into();
        }
        operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"][0] = reference(&place);
        webhooks.insert(name.to_owned(), json!({"post": operation}));
        schemas[place] = described;
    }
    schemas[ANY] = json!({"oneOf": any, "discriminator": {"propertyName": "event", "mapping": mapping}});
    schemas["JwtClaims"]["properties"]["data"] = reference(ANY);
    document["components"]["schemas"] = schemas;
    document["webhooks"] = webhooks.into();
}

/// Leaves of a document what receivers need: the section `webhooks`, what it refers to, and the parts of a JWT.
pub(super) fn only_messages(document: &mut Value) {
    let mut wanted = BTreeSet::new();
    let mut found = vec![document["webhooks"].clone()];
    let roots = [ANY, "JwtHeader", "JwtClaims"].map(reference);
    found.extend(roots);
    while let Some(value) = found.pop() {
        for pointer in references(&value) {
            if wanted.insert(pointer.clone()) {
                found.extend(document.pointer(&pointer).cloned());
            }
        }
    }
    if let Value::Object(all) = document {
        all.retain(|name, _| matches!(name.as_str(), "openapi" | "info" | "webhooks" | "components"));
    }
    if let Value::Object(components) = &mut document["components"] {
        components.remove("securitySchemes");
        for (kind, all) in components {
            if let Value::Object(all) = all {
                all.retain(|name, _| wanted.contains(&format!("/components/{kind}/{name}")));
            }
        }
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// `OrderPaid` for `order.paid`, with a number if another type has that title.
fn free_title(schemas: &Value, name: &str) -> String {
    let title: String = name.split(['.', '-']).map(camel_case).collect();
    let is_taken = |place: String| place == ANY || schemas.get(place).is_some();
    let is_free = |title: &String| !is_taken(format!("{title}Message")) && !is_taken(format!("{title}Payload"));
    let numbered = (2..).map(|number| format!("{title}{number}"));
    std::iter::once(title.clone()).chain(numbered).find(is_free).unwrap_or(title)
}

/// Adds the schema of a payload. Its definitions become schemas of the document, where generators expect them.
fn add_payload(schemas: &mut Value, place: String, mut payload: Value) {
    let (mut moves, mut parts) = (Vec::new(), Vec::new());
    if let Value::Object(keywords) = &mut payload {
        keywords.remove("$schema");
        keywords.remove("$id");
        for keyword in ["$defs", "definitions"] {
            let Some(Value::Object(definitions)) = keywords.remove(keyword) else { continue };
            for (name, definition) in definitions {
                let word: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
                let title = format!("{place}{}", camel_case(&word));
                let mut numbered = std::iter::once(title.clone()).chain((2..).map(|number| format!("{title}{number}")));
                let part = numbered.find(|part| schemas.get(part).is_none()).unwrap_or(title);
                moves.push((format!("#/{keyword}/{}", name.replace('~', "~0").replace('/', "~1")), part.clone()));
                schemas[&part] = Value::Null;
                parts.push((part, definition));
            }
        }
    }
    moves.push(("#".to_owned(), place.clone()));
    parts.push((place, payload));
    for (part, mut schema) in parts {
        rebase(&mut schema, &moves);
        schemas[part] = schema;
    }
}

/// Makes the references of a schema lead to where their targets stand now.
fn rebase(schema: &mut Value, moves: &[(String, String)]) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("$ref", Value::String(reference)) => {
                let target = percent_decode_str(reference).decode_utf8_lossy().into_owned();
                let moved = moves.iter().find_map(|(from, to)| {
                    let rest = target.strip_prefix(from.as_str())?;
                    (rest.is_empty() || rest.starts_with('/')).then(|| format!("#/components/schemas/{to}{rest}"))
                });
                *reference = moved.unwrap_or(target);
            }
            // Values, not schemas.
            ("const" | "default" | "enum" | "examples", _) => {}
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(schemas),
            ) => schemas.values_mut().for_each(|schema| rebase(schema, moves)),
            (_, Value::Array(schemas)) => schemas.iter_mut().for_each(|schema| rebase(schema, moves)),
            (_, schema) => rebase(schema, moves),
        }
    }
}

/// The pointers of all references in a value.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(reference) if name == "$ref" => vec![reference.trim_start_matches('#').to_owned()],
                value => references(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::document;

    fn own(name: &str, schema: Option<&str>) -> OwnType {
        let description = Some(format!("About {name}."));
        OwnType { name: name.to_owned(), description, schema: schema.map(str::to_owned) }
    }

    #[test]
    fn every_event_has_its_message_and_every_reference_leads_somewhere() {
        let mut described = document();
        let schema = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"x","type":"object",
            "properties":{"$ref":{"$ref":"#/$defs/a"},"self":{"$ref":"#"},"c":{"const":{"$ref":"#/$defs/a"}}},
            "$defs":{"a":{"type":"string"},"A":{"items":{"$ref":"#/$defs/a/b"}}}}"##;
        let types =
            [own("order.paid", Some(schema)), own("order_paid", None), own("order.paid-late", None), own("any", None)];
        describe_messages(&mut described, &types);
        assert_eq!(described["webhooks"].as_object().unwrap().len(), 81);
        let post = &described["webhooks"]["order.paid"]["post"];
        assert_eq!(
            (&post["operationId"], &post["description"]),
            (&json!("receiveOrderPaid"), &json!("About order.paid."))
        );
        assert_eq!(described["webhooks"]["order_paid"]["post"]["operationId"], "receiveOrderPaid2");
        assert_eq!(described["webhooks"]["any"]["post"]["operationId"], "receiveAny2");
        let schemas = &described["components"]["schemas"];
        let message = &schemas["OrderPaidMessage"];
        assert_eq!(message["required"], schemas["OutgoingMessage"]["required"]);
        assert_eq!(message["properties"]["event"]["const"], "order.paid");
        assert_eq!(message["properties"]["payload"], reference("OrderPaidPayload"));
        let message = &schemas["OrderPaid2Message"]["allOf"];
        assert_eq!(message[0], reference("OutgoingMessage"));
        assert_eq!(message[1]["properties"]["event"]["const"], "order_paid");
        let base = "#/components/schemas/OrderPaidPayload";
        assert_eq!(
            schemas["OrderPaidPayload"],
            json!({"type": "object", "properties": {
                "$ref": {"$ref": format!("{base}A2")}, "self": {"$ref": base}, "c": {"const": {"$ref": "#/$defs/a"}}}})
        );
        assert_eq!(schemas["OrderPaidPayloadA"], json!({"items": {"$ref": format!("{base}A2/b")}}));
        assert_eq!(schemas["OrderPaidPayloadA2"], json!({"type": "string"}));
        assert_eq!(
            schemas["AnyMessage"]["discriminator"]["mapping"]["order.paid-late"],
            "#/components/schemas/OrderPaidLateMessage"
        );

        only_messages(&mut described);
        let mut pointers = references(&described);
        pointers.retain(|pointer| pointer != "/$defs/a" && !pointer.ends_with("A2/b"));
        assert!(pointers.len() > 80 * 10);
        for pointer in pointers {
            assert!(described.pointer(&pointer).is_some(), "{pointer}");
        }
        let names: Vec<&String> = described.as_object().unwrap().keys().collect();
        assert_eq!(names, ["components", "info", "openapi", "webhooks"]);
        assert!(described["components"]["schemas"].get("Webhook").is_none());
        assert!(described["components"]["schemas"].get("JwtClaims").is_some());
    }

    #[test]
    fn schemas_that_are_too_large_together_are_left_out() {
        let schema = format!(r#"{{"title":"{}"}}"#, "x".repeat(60_000));
        let types: Vec<OwnType> = (0..100).map(|number| own(&format!("n{number}"), Some(&schema))).collect();
        let mut described = document();
        describe_messages(&mut described, &types);
        assert!(described.to_string().len() < 5 << 20);
        assert!(described["components"]["schemas"].get("N0Payload").is_some());
        let last = &described["components"]["schemas"]["N99Message"]["allOf"][1]["properties"];
        assert_eq!(last, &json!({"event": {"type": "string", "const": "n99"}}));
    }
}
