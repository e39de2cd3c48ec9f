//! Links from a response to the operations on the record that it names. They let tools walk from a list or a new record to
//! every operation on it.

use http::Method;
use serde_json::{Map, Value, json};

use crate::request::Route;
use crate::routes;

/// The links of a route's successful response, by the id of their operation.
pub(super) fn of(route: &Route) -> Map<String, Value> {
    let mut links = Map::new();
    let Some((collection, place)) = named_by(route) else { return links };
    for target in routes::all() {
        let Some(rest) = target.path.strip_prefix(collection) else { continue };
        let Some(parameter) = ["id", "name"].into_iter().find(|name| rest.starts_with(&format!("/{{{name}}}"))) else {
            continue;
        };
        let link = |id: &str| {
            let value = format!("$response.body#{place}/{parameter}");
            json!({"operationId": id, "parameters": {parameter: value}})
        };
        links.insert(target.id.to_owned(), link(target.id));
        if target.method == Method::PATCH {
            let by_put = format!("{}ByPut", target.id);
            let link = link(&by_put);
            links.insert(by_put, link);
        }
    }
    links
}

/// The collection of the record that a successful response names, and the record's place in the response.
fn named_by(route: &Route) -> Option<(&'static str, &'static str)> {
    match (&route.method, route.path) {
        (&Method::GET, "/webhooks/{id}/deliveries") => Some(("/webhook_deliveries", "/0")),
        (&Method::POST, "/webhooks/{id}/redeliver") => Some(("/redeliveries", "")),
        (&Method::POST, "/webhook_deliveries/{id}/redeliver") => Some(("/webhook_deliveries", "")),
        // An attachment has no id until a webhook has it.
        (_, "/attachments") => None,
        (&Method::GET, path) if !path.contains('{') => Some((path, "/0")),
        (&Method::POST, path) if !path.contains('{') => Some((path, "")),
        _ => None,
    }
}
