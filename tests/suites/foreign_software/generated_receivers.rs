//! Receivers that generators make of our OpenAPI document: `openapi-typescript` and `datamodel-code-generator`. The message
//! of each event fits its type, and no message that was changed does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use hookline_core::model::event::EVENT_NAMES;
use hookline_tests::hookline::Start;
use hookline_tests::receiver::{Receiver, next};
use serde_json::{Value, json};

use crate::clients::{clients, installed, installed_by_npm, source, succeeds};

/// An own event type, whose schema uses what generators must follow.
const ORDER: &str = r##"{
    "type": "object",
    "required": ["total", "lines"],
    "additionalProperties": false,
    "properties": {"total": {"type": "number"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    "$defs": {"line": {"type": "object", "required": ["sku"], "additionalProperties": false,
        "properties": {"sku": {"type": "string"}}}}
}"##;

/// The document of an account with an own event type, and the message of each event as a receiver got it.
async fn received(folder: &Path) -> (Value, BTreeMap<String, Value>) {
    let (endpoint, mut arrivals) = Receiver::keeping().await;
    let hookline = Start::on(&folder.join("data")).serve().await;
    let mut administrator = hookline.administrator();
    let mut post = async |path: &str, body: Value| {
        let answer = administrator.post(path, body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.json()
    };
    let schema: Value = serde_json::from_str(ORDER).expect("JSON");
    post("/v1/event_types", json!({"name": "order.paid", "schema": schema, "schema_mode": "enforce"})).await;
    post("/v1/webhooks", json!({"event": "*", "uri": endpoint.uri("/")})).await;
    let rule = post("/v1/webhooks", json!({"event": "automation_rule", "uri": endpoint.uri("/")})).await;
    let event = |(at, name): (usize, &str)| {
        let mut event = json!({"event": name, "object_id": at + 1, "payload": {"status": "open", "n": 1.5}});
        // Every other one was caused by a person.
        if at % 2 == 0 {
            event["person_id"] = json!(6);
            event["person_name"] = json!("Ada Ivanova");
        }
        match name {
            "automation_rule" => event["webhook"] = rule["id"].clone(),
            "order.paid" => event["payload"] = json!({"total": 19.99, "lines": [{"sku": "A-1"}]}),
            _ => {}
        }
        event
    };
    let events: Vec<Value> = EVENT_NAMES.iter().copied().chain(["order.paid"]).enumerate().map(event).collect();
    post("/v1/events", events.into()).await;
    let mut messages = BTreeMap::new();
    while messages.len() < EVENT_NAMES.len() + 1 {
        let message = next(&mut arrivals).await.json();
        messages.insert(message["event"].as_str().expect("an event").to_owned(), message);
    }
    (hookline.administrator().get("/v1/openapi.json").await.json(), messages)
}

/// The name of the schema of each event, as the document has it.
fn schema_of(document: &Value, event: &str) -> String {
    let body = &document["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let reference = body["oneOf"][0]["$ref"].as_str().unwrap_or_else(|| panic!("{event} has no message"));
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Copies of a message that its type must refuse.
fn changed(message: &Value) -> Vec<Value> {
    let with = |field: &str, value: Value| {
        let mut changed = message.clone();
        changed[field] = value;
        changed
    };
    let mut without = message.clone();
    without.as_object_mut().expect("an object").remove("object_id");
    let mut nameless = message.clone();
    nameless.as_object_mut().expect("an object").remove("event");
    let other = if message["event"] == "risk.create" { "risk.update" } else { "risk.create" };
    let mut changed = vec![
        without,
        nameless,
        with("event", other.into()),
        with("webhook_id", "1".into()),
        with("person_id", "6".into()),
        with("payload", "text".into()),
        with("surplus", true.into()),
    ];
    if message["event"] == "order.paid" {
        changed.push(with("payload", json!({"total": "19.99", "lines": []})));
        changed.push(with("payload", json!({"total": 19.99})));
        changed.push(with("payload", json!({"total": 19.99, "lines": [{"sku": 1}]})));
        changed.push(with("payload", json!({"total": 19.99, "lines": [], "status": "open"})));
    }
    changed
}

/// Messages with the names of their schemas, each also as [any](ANY), and whether they fit.
fn cases(document: &Value, messages: &BTreeMap<String, Value>) -> Vec<(String, Value, bool)> {
    let mut cases = Vec::new();
    for (event, message) in messages {
        let schema = schema_of(document, event);
        cases.push((schema.clone(), message.clone(), true));
        cases.push((ANY.to_owned(), message.clone(), true));
        cases.extend(changed(message).into_iter().map(|changed| (schema.clone(), changed, false)));
    }
    cases
}

/// The schema of any message.
const ANY: &str = "AnyMessage";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_types_fit_every_message_and_none_that_was_changed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (document, messages) = received(folder.path()).await;
    let cases = cases(&document, &messages);
    assert_eq!(cases.iter().filter(|(_, _, fits)| *fits).count(), 2 * 78);
    let written = folder.path().join("openapi.json");
    std::fs::write(&written, document.to_string()).expect("the folder can be written to");
    python_agrees(folder.path(), &written, &cases);
    typescript_agrees(&written, &cases);
}

/// The section alone has what receivers of the 77 need.
#[test]
fn the_section_alone_is_enough_for_generators() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let written = folder.path().join("webhooks.json");
    let document = hookline_http::openapi_of_messages();
    std::fs::write(&written, &document).expect("the folder can be written to");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let person = json!({"person_id": null, "person_nodeID": null, "person_name": null});
    let cases: Vec<(String, Value, bool)> = EVENT_NAMES
        .iter()
        .flat_map(|event| {
            let mut message = json!({"webhook_id": 1, "webhook_nodeID": "a", "account_id": "wdc",
                "account": "https://wdc.example", "name": "n", "event": event, "object_id": 1, "object_nodeID": "b",
                "payload": {}});
            message.as_object_mut().expect("an object").extend(person.as_object().expect("an object").clone());
            let schema = schema_of(&document, event);
            let changed = changed(&message).into_iter().map({
                let schema = schema.clone();
                move |changed| (schema.clone(), changed, false)
            });
            [(schema, message, true)].into_iter().chain(changed.collect::<Vec<_>>())
        })
        .collect();
    python_agrees(folder.path(), &written, &cases);
    typescript_agrees(&written, &cases);
}

fn python_agrees(folder: &Path, document: &Path, cases: &[(String, Value, bool)]) {
    let mut generator = installed("datamodel-codegen");
    generator.args(["--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel"]);
    generator.args(["--openapi-scopes", "schemas"]);
    succeeds(generator.arg("--input").arg(document).arg("--output").arg(folder.join("models.py")));
    let messages: Vec<_> = cases.iter().map(|(schema, message, _)| (schema, message)).collect();
    let messages = serde_json::to_string(&messages).expect("JSON");
    std::fs::write(folder.join("messages.json"), messages).expect("the folder can be written to");
    let said = succeeds(installed("python").arg(source("messages.py")).arg(folder));
    let verdicts: Vec<bool> = said.lines().map(|line| line == "True").collect();
    assert_eq!(verdicts.len(), cases.len());
    for (verdict, (schema, message, fits)) in verdicts.iter().zip(cases) {
        assert_eq!(verdict, fits, "{schema}: {message}");
    }
}

/// Compiles each message as a literal of its type. Where a message does not fit, the compiler must say so.
fn typescript_agrees(document: &Path, cases: &[(String, Value, bool)]) {
    // Beside `node_modules`, so that its libraries are found.
    let folder = tempfile::tempdir_in(clients().join("node")).expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(source("node/tsconfig.json"), at("tsconfig.json")).expect("the folder can be written to");
    succeeds(installed_by_npm("openapi-typescript").arg(document).arg("--output").arg(at("made.d.ts")));
    let mut program = String::from("import type { components } from './made.js';\ntype S = components['schemas'];\n");
    for (number, (schema, message, fits)) in cases.iter().enumerate() {
        let expected = if *fits { "" } else { "// @ts-expect-error\n" };
        let _ = writeln!(program, "{expected}export const m{number}: S['{schema}'] = {message};");
    }
    std::fs::write(at("walk.ts"), program).expect("the folder can be written to");
    succeeds(installed_by_npm("tsc").arg("--project").arg(folder.path()).arg("--noEmit"));
}
