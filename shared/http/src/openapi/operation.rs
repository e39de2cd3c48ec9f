//! A route as operations of the document: parameters, body, and every status that it may return.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::links;
use super::schemas::{BOOLEAN_WORDS, CURSOR, reference, time};
use crate::listing::{Field, FieldType, Resource};
use crate::request::{BodySpec, FILE, Handler, PAGE, Permission, QuerySpec, Route};

/// JSON, as a media type.
const JSON: &str = "application/json";
/// An HTML form with a file, as a media type.
const UPLOAD: &str = "multipart/form-data";
/// An HTML form, as a media type.
const FORM: &str = "application/x-www-form-urlencoded";

/// The operations of a route, by method: two where PUT is accepted beside PATCH.
pub(super) fn of(route: &Route) -> Vec<(&'static str, Value)> {
    let named = |id: String| {
        let mut operation = json!({
            "operationId": id,
            "summary": route.summary,
            "description": description(route),
            "tags": [tag(route.path)],
            "parameters": parameters(route),
            "responses": responses(route),
        });
        if let Some(body) = request_body(route) {
            operation["requestBody"] = body;
        }
        match route.handler {
            Handler::Public(_) | Handler::Probe(_) | Handler::Upload(_) => operation["security"] = json!([]),
            Handler::Authenticated(..) => {}
            Handler::Callback(..) | Handler::OptionalToken(..) => operation["security"] = json!([{}, {"token": []}]),
        }
        operation
    };
    let id = route.id.to_owned();
    match route.method {
        Method::GET => vec![("get", named(id))],
        Method::POST => vec![("post", named(id))],
        Method::DELETE => vec![("delete", named(id))],
        Method::PATCH => vec![("put", named(format!("{id}ByPut"))), ("patch", named(id))],
        ref other => unreachable!("no route has the method {other}"),
    }
}

/// Who may call a route.
fn description(route: &Route) -> &'static str {
    match route.handler {
        Handler::Public(_) | Handler::Probe(_) => "Takes no token.",
        Handler::Upload(_) => "Takes no token: the fields of the form carry a signature.",
        Handler::Callback(..) => "Takes no token if it has a `code`; otherwise for administrators.",
        Handler::OptionalToken(..) => "For every role, and without a token.",
        Handler::Authenticated(permission, _) => match permission {
            Permission::Read => "For administrators and auditors.",
            Permission::Administer => "For administrators.",
            Permission::Publish => "For administrators and publishers.",
            Permission::Follow => "For every role.",
        },
    }
}

/// The tags, with their descriptions.
const TAGS: [(&str, &str); 11] = [
    ("webhooks", "Subscriptions: when this event occurs, POST to this URI."),
    ("webhook_policies", "How messages are signed as JWTs."),
    ("events", "Publishing events, and following them."),
    ("event_types", "Event types that the account defines."),
    ("deliveries", "Records of attempts to deliver messages."),
    ("counts", "Counts of deliveries per hour."),
    ("redeliveries", "Sending messages again."),
    ("endpoint_hosts", "Throttled endpoint hosts."),
    ("attachments", "Files that are attached to webhooks."),
    ("tokens", "Access tokens by OAuth 2.0."),
    ("service", "The service itself."),
];

/// The tag of a path.
fn tag(path: &str) -> &'static str {
    let named = match path.rsplit('/').next() {
        Some("deliveries") => "deliveries",
        Some("counts") => "counts",
        Some("redeliver") => "redeliveries",
        _ => path.split('/').nth(1).unwrap_or_default(),
    };
    let named = match named {
        "webhook_deliveries" => "deliveries",
        "token" => "tokens",
        other => other,
    };
    TAGS.iter().map(|(name, _)| *name).find(|name| *name == named).unwrap_or("service")
}

/// The list of tags.
pub(super) fn tags() -> Value {
    TAGS.iter().map(|(name, what)| json!({"name": name, "description": what})).collect()
}

fn request_body(route: &Route) -> Option<Value> {
    let (kinds, schema) = match route.body {
        BodySpec::None => return None,
        BodySpec::Json(name) | BodySpec::Optional(name) => (&[JSON][..], reference(name)),
        // Clients that are generated from several types for one body send it twice. JSON is mentioned in words.
        BodySpec::Form(name) => (&[FORM][..], reference(name)),
        BodySpec::Upload(name) => (&[UPLOAD][..], reference(name)),
        BodySpec::Events(name) => {
            let many = json!({"type": "array", "items": reference(name), "minItems": 1, "maxItems": 100});
            (&[JSON][..], json!({"oneOf": [reference(name), many]}))
        }
    };
    let required = match route.body {
        BodySpec::None | BodySpec::Optional(_) => false,
        BodySpec::Json(_) | BodySpec::Form(_) | BodySpec::Upload(_) | BodySpec::Events(_) => true,
    };
    let content: Map<String, Value> =
        kinds.iter().map(|kind| ((*kind).to_owned(), json!({"schema": schema}))).collect();
    Some(json!({"required": required, "content": content}))
}

fn responses(route: &Route) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    let mut put = |status: StatusCode, schema: Option<&str>| {
        let mut response = json!({"description": status.canonical_reason().unwrap_or_default()});
        if let Some(name) = schema {
            response["content"] = match name {
                FILE => json!({FILE: {"schema": {"type": "string", "format": "binary"}}}),
                PAGE => json!({PAGE: {"schema": {"type": "string"}}}),
                name => json!({"application/json": {"schema": reference(name)}}),
            };
        }
        responses.entry(status.as_str()).or_insert(response);
    };
    let (status, schema) = route.success;
    put(status, schema);
    route.other.iter().for_each(|(status, schema)| put(*status, *schema));
    let mut refuse = |status| put(status, Some("Message"));
    match route.handler {
        Handler::Public(_) | Handler::Probe(_) | Handler::Upload(_) => {}
        Handler::Authenticated(..) | Handler::Callback(..) | Handler::OptionalToken(..) => {
            refuse(StatusCode::UNAUTHORIZED);
            refuse(StatusCode::FORBIDDEN);
        }
    }
    if route.path.contains('{') {
        refuse(StatusCode::NOT_FOUND);
    }
    let reads_query = match route.query {
        QuerySpec::None | QuerySpec::Named(_) => false,
        QuerySpec::Record(_) | QuerySpec::List(_) | QuerySpec::Log(..) => true,
    };
    if route.changes() {
        refuse(StatusCode::LOOP_DETECTED);
    }
    if reads_query || route.body != BodySpec::None {
        refuse(StatusCode::BAD_REQUEST);
    }
    if route.body != BodySpec::None {
        refuse(StatusCode::PAYLOAD_TOO_LARGE);
        refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    for status in [StatusCode::NOT_ACCEPTABLE, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE] {
        refuse(status);
    }
    match route.handler {
        Handler::Probe(_) => {}
        Handler::Public(_)
        | Handler::Authenticated(..)
        | Handler::Upload(_)
        | Handler::Callback(..)
        | Handler::OptionalToken(..) => {
            refuse(StatusCode::TOO_MANY_REQUESTS);
        }
    }
    if let BodySpec::Json(_) | BodySpec::Optional(_) = route.body {
        put(StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"));
    }
    let links = links::of(route);
    if !links.is_empty() {
        responses[route.success.0.as_str()]["links"] = Value::Object(links);
    }
    Value::Object(responses)
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    if route.path.contains("{id}") {
        let of = |resource: &str| route.path.starts_with(resource);
        let what = if of("/webhook_deliveries/") {
            "The UUID of the delivery."
        } else if of("/events/") {
            "The id of the event."
        } else if of("/redeliveries/") {
            "The UUID of the job."
        } else if of("/attachments/") {
            "The UUID in the key of the attachment."
        } else if of("/event_types/") {
            "The integer id, the node id or the name."
        } else if of("/endpoint_hosts/") {
            "The id of the endpoint host: the unpadded base64url of `scheme://host:port`."
        } else {
            "The integer id or the node id."
        };
        let schema = json!({"type": "string", "minLength": 1});
        parameters.push(json!({"name": "id", "in": "path", "required": true, "description": what, "schema": schema}));
    }
    if route.path.contains("{name}") {
        let schema = json!({"type": "string", "pattern": "^[0-9a-f]{56}$"});
        let what = "The name of the policy.";
        parameters.push(json!({"name": "name", "in": "path", "required": true, "description": what, "schema": schema}));
    }
    let mut query = |name: &str, what: &str, schema: Value| {
        parameters.push(json!({"name": name, "in": "query", "description": what, "schema": schema}));
    };
    match route.query {
        QuerySpec::None => {}
        QuerySpec::Named(own) => own.iter().for_each(|(name, what)| match *name {
            "report" => query(name, what, json!({"type": "string", "pattern": BOOLEAN_WORDS})),
            "by" => query(name, what, json!({"type": "string", "pattern": "^(webhook)?$"})),
            "since" | "until" => query(name, what, time(&json!("string"), what)),
            name => query(name, what, json!({"type": "string"})),
        }),
        QuerySpec::Record(resource) => fields_parameter(resource, &mut query),
        QuerySpec::List(resource) => {
            fields_parameter(resource, &mut query);
            filters(resource, &mut query);
            page_size(&mut query);
            query("page", "The page, from 1.", json!({"type": "integer", "minimum": 1}));
            let sortable = resource.fields.iter().filter(|field| field.sortable).map(|field| field.name);
            let sortable: Vec<&str> = sortable.collect();
            let what = format!("Sort keys, separated by commas, `-` for descending: {}.", sortable.join(", "));
            if !sortable.is_empty() {
                let key = format!("-?({})", sortable.join("|"));
                query("sort", &what, json!({"type": "string", "pattern": format!("^({key}(,{key})*)?$")}));
            }
            cursors(&mut query);
        }
        QuerySpec::Log(resource, own) => {
            fields_parameter(resource, &mut query);
            filters(resource, &mut query);
            page_size(&mut query);
            cursors(&mut query);
            for name in own {
                let pattern = if *name == "message_id" { "^msg_[0-9a-f]{32}$" } else { "^[!-~]{1,128}$" };
                query(name, "Lists all deliveries of this one.", json!({"type": "string", "pattern": pattern}));
            }
        }
    }
    let mut header = |name: &str, what: &str| {
        let schema = json!({"type": "string"});
        parameters.push(json!({"name": name, "in": "header", "description": what, "schema": schema}));
    };
    if route.other.iter().any(|(status, _)| *status == StatusCode::NOT_MODIFIED) {
        header("If-None-Match", "An entity tag of the record. The response is 304 if the record still has it.");
    }
    if route.other.iter().any(|(status, _)| *status == StatusCode::PRECONDITION_FAILED) {
        header("If-Match", "An entity tag of the record. The response is 412 if the record no longer has it.");
    }
    parameters
}

fn fields_parameter(resource: &Resource, query: &mut impl FnMut(&str, &str, Value)) {
    let names: Vec<&str> = resource.fields.iter().map(|field| field.name).collect();
    let what = format!("The fields to show, separated by commas: {}.", names.join(", "));
    let name = format!("({})", names.join("|"));
    query("fields", &what, json!({"type": "string", "pattern": format!("^({name}(,{name})*)?$")}));
}

/// Filters by the type of their field, with patterns of what they take.
fn filters(resource: &Resource, query: &mut impl FnMut(&str, &str, Value)) {
    const INTEGER: &str = "-?[0-9]{1,18}";
    const TIME: &str =
        "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?Z?)?";
    let range = |value: &str| format!("<=?{value}(>=?{value})?|>=?{value}(<=?{value})?");
    for Field { name, kind, .. } in resource.fields.iter().filter(|field| field.filterable) {
        let (what, pattern) = match kind {
            FieldType::Integer | FieldType::Number => (
                "`v`, `!v`, `a,b`, `!a,b`, `<v`, `<=v`, `>v`, `>=v`, `>a<b`, `!` (present), or empty.",
                format!("^(!|!?{INTEGER}(,{INTEGER})*|{})?$", range(INTEGER)),
            ),
            FieldType::Time => (
                "`v`, `<v`, `<=v`, `>v`, `>=v`, `>a<b`, `!` (present), or empty; ISO 8601.",
                format!("^(!|{TIME}|{})?$", range(TIME)),
            ),
            FieldType::Boolean => ("`v`, `!v`, `!` (present), or empty.", "^([^<>,][^,]*)?$".to_owned()),
            FieldType::Enumeration => {
                ("`v`, `!v`, `a,b`, `!a,b`, `!` (present), or empty.", r"^([^<>][\s\S]*)?$".to_owned())
            }
            FieldType::Text | FieldType::Uuid | FieldType::Object(_) => {
                ("`v`, `!v`, `!` (present), or empty.", r"^([^<>][\s\S]*)?$".to_owned())
            }
        };
        query(name, what, json!({"type": "string", "pattern": pattern}));
    }
}

fn page_size(query: &mut impl FnMut(&str, &str, Value)) {
    let what = "Records of a page; more than 100 is taken as 100.";
    query("per_page", what, json!({"type": "integer", "minimum": 1, "default": 20}));
}

fn cursors(query: &mut impl FnMut(&str, &str, Value)) {
    query("search_after", "A cursor from a `next` link.", json!({"type": "string", "pattern": CURSOR}));
    query("search_before", "A cursor from a `prev` link.", json!({"type": "string", "pattern": CURSOR}));
}
