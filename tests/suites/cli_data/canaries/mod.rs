//! Canaries (invariant 8): secrets of every kind are planted in the real process, everything that it can do is made to
//! happen against an endpoint that echoes what it got, and then all that was answered, logged, mailed and stored is
//! searched for them in every spelling.
//!
//! A secret may be seen in the one answer made to show it, which is not kept here; in the request that goes to the
//! endpoint; and the first token in `admin-token`, which is the place where it is shown. Nowhere else.

mod echo;
mod search;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use hookline_tests::connection::{Answer, Connection};
use hookline_tests::hookline::{Hookline, Start};
use hookline_tests::wait_until::until;
use http::{Method, Request};
use serde_json::{Value, json};

use echo::Echo;
use search::Search;

const LIMIT: Duration = Duration::from_mins(1);
/// Passwords and header values of webhooks. The last is in need of every kind of escape.
const PASSWORD: &str = "pw-Canary.7Hq2kXw9vBn";
const OLD_PASSWORD: &str = "pw-former.4Jt8sLm1cZa";
const ODD_PASSWORD: &str = "pw Canary/\"9\\%41+&<Ж🚀>?end";
const VALUE: &str = "hv-Canary.5Rf3yGp6dQs";
const OLD_VALUE: &str = "hv-former.2Wd7uKb8xEo";
const ODD_VALUE: &str = "Bearer hv Canary/\"8\\%42+&<>?end";
/// What is no secret, is planted all the same, and must be found.
const CONTROL: &str = "control-Canary 3Nv/\"x";

/// The process, and everything that it said.
struct Witness {
    hookline: Hookline,
    connection: Connection,
    search: Search,
    /// What to look through: where it comes from, and what it is.
    seen: Vec<(String, Vec<u8>)>,
}

impl Witness {
    /// A call whose answer is made to show a secret.
    async fn shown(&mut self, method: Method, path: &str, body: &Value) -> Value {
        let body = Bytes::from(body.to_string());
        let answer = self.connection.call(method, path, Some(body)).await.expect("an answer");
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.json()
    }

    /// A call whose answer must show none.
    async fn call(&mut self, method: Method, path: &str, body: Option<&str>) -> Answer {
        let body = body.map(|body| Bytes::from(body.to_owned()));
        let answer = self.connection.call(method.clone(), path, body).await.expect("an answer");
        self.keep(format!("{method} {path}"), &answer);
        answer
    }

    fn keep(&mut self, what: String, answer: &Answer) {
        let head = format!("{:?}", answer.headers).into_bytes();
        self.seen.push((format!("{what}: head"), head));
        self.seen.push((what, answer.body.to_vec()));
    }

    async fn get(&mut self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(&body.to_string())).await
    }

    /// Registers a webhook and plants its secret.
    async fn webhook(&mut self, mut fields: Value) -> u64 {
        fields["mail_exceptions_to"] = json!("ops@example.com");
        let answer = self.post("/v1/webhooks", &fields).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.json()["id"].as_u64().expect("an id");
        let shown = self.shown(Method::GET, &format!("/v1/webhooks/{id}/secret"), &json!({})).await;
        self.plant_signing_secret(&shown);
        id
    }

    fn plant_signing_secret(&mut self, shown: &Value) {
        let text = shown["secret"].as_str().expect("a secret").strip_prefix("whsec_").expect("the prefix");
        self.search.plant("a signing secret", text.as_bytes());
        self.search.plant("the key of a signing secret", &STANDARD.decode(text).expect("base64"));
    }

    fn plant_policy_secret(&mut self, shown: &Value) {
        let text = shown["public_key_pem"].as_str().expect("a key");
        self.search.plant("the secret of a policy", text.as_bytes());
        self.search.plant("the key of a policy", &URL_SAFE_NO_PAD.decode(text).expect("base64url"));
    }

    /// Waits until a webhook's newest records are like this, and gives them.
    async fn deliveries(&mut self, webhook: u64, what: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let path = format!("/v1/webhooks/{webhook}/deliveries?per_page=100");
        let connection = tokio::sync::Mutex::new(&mut self.connection);
        until(what, LIMIT, || async {
            let list = connection.lock().await.get(&path).await.json().as_array().cloned().expect("a list");
            enough(&list).then_some(list)
        })
        .await
    }
}

/// A URI with a password, as an administrator writes it.
fn uri(echo: &Echo, password: &str, path: &str) -> String {
    let password = percent_encoding::utf8_percent_encode(password, percent_encoding::NON_ALPHANUMERIC);
    format!("http://ada:{password}@{}{path}", echo.address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_answered_logged_mailed_or_stored() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut echo = Echo::start().await;
    let hookline = Start::on(&folder.path().join("data"))
        .with("HOOKLINE_VERIFICATION", "required")
        .with("HOOKLINE_MAIL_INTERVAL_MINUTES", "0")
        .with("HOOKLINE_DISABLE_AFTER_FAILURES", "15")
        .with("HOOKLINE_DISABLE_AFTER_MINUTES", "0")
        .with("RUST_LOG", "trace")
        .keeping_all_lines()
        .serve()
        .await;
    let connection = hookline.administrator();
    let mut witness = Witness { hookline, connection, search: Search::new(), seen: Vec::new() };
    for (name, canary) in [
        ("a password", PASSWORD),
        ("a former password", OLD_PASSWORD),
        ("an odd password", ODD_PASSWORD),
        ("a header value", VALUE),
        ("a former header value", OLD_VALUE),
        ("an odd header value", ODD_VALUE),
        ("the first token", &witness.hookline.admin_token()),
        ("another token", &witness.hookline.create_token("main", "auditor")),
    ] {
        witness.search.plant(name, canary.as_bytes());
    }
    search::plant_private_keys(&mut witness.search);

    let webhooks = register(&mut witness, &mut echo).await;
    let login = |password: &str| STANDARD.encode(format!("ada:{password}"));
    let (basic, odd) = (login(PASSWORD), login(ODD_PASSWORD));
    witness.search.plant("a login", basic.as_bytes());
    witness.search.plant("an odd login", odd.as_bytes());
    for path in ["/fail", "/signed"] {
        echo.cut(path, [PASSWORD, VALUE, &basic]);
    }
    echo.cut("/odd", [ODD_PASSWORD, ODD_VALUE, &odd]);
    deliver(&mut witness, &webhooks).await;
    ask_for_everything(&mut witness, &webhooks).await;
    make_mistakes(&mut witness, &echo, webhooks.failing).await;
    look_everywhere(witness, folder.path()).await;
}

struct Webhooks {
    failing: u64,
    signed: u64,
    odd: u64,
    ok: u64,
    gone: u64,
}

/// Policies of both kinds, and webhooks that are verified by a code, after it was echoed.
async fn register(witness: &mut Witness, echo: &mut Echo) -> Webhooks {
    let mut policies = Vec::new();
    for algorithm in ["hs256", "es256", "rs256"] {
        let made = witness.shown(Method::POST, "/v1/webhook_policies", &json!({"jwt_alg": algorithm})).await;
        let rotate = format!("/v1/webhook_policies/{}/rotate", made["id"]);
        let rotated = witness.shown(Method::POST, &rotate, &json!({"now": true})).await;
        if algorithm == "hs256" {
            witness.plant_policy_secret(&made);
            witness.plant_policy_secret(&rotated);
        }
        policies.push(made["id"].clone());
    }
    let fields = json!({"event": "request.create", "name": CONTROL, "uri": uri(echo, OLD_PASSWORD, "/fail"),
        "headers": {"X-Key": OLD_VALUE}});
    let failing = witness.webhook(fields).await;
    let fields = json!({"event": "request.create", "uri": uri(echo, PASSWORD, "/signed"), "webhook_policy_id": policies[0],
        "headers": {"X-Key": VALUE}});
    let signed = witness.webhook(fields).await;
    let fields = json!({"event": "request.create", "uri": uri(echo, ODD_PASSWORD, "/odd"),
        "headers": {"X-Odd": ODD_VALUE}, "webhook_policy_id": policies[1]});
    let odd = witness.webhook(fields).await;
    let fields = json!({"event": "request.create", "uri": uri(echo, PASSWORD, "/ok"), "headers": {"Authentication": VALUE},
        "webhook_policy_id": policies[2]});
    let ok = witness.webhook(fields).await;
    let gone = witness.webhook(json!({"event": "problem.create", "uri": uri(echo, PASSWORD, "/gone")})).await;
    let all = [failing, signed, odd, ok, gone];

    // The echo of the verify message is recorded before the code is used.
    let mut codes = std::collections::BTreeMap::new();
    while codes.len() < all.len() {
        let arrived = tokio::time::timeout(LIMIT, echo.arrivals.recv()).await.expect("in time").expect("it runs");
        let message: Value = serde_json::from_slice(&arrived.1).expect("JSON");
        let data = match message["jwt"].as_str() {
            Some(token) => {
                let claims = token.split('.').nth(1).expect("claims");
                serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("claims")["data"]
                    .clone()
            }
            None => message,
        };
        let callback = data["payload"]["callback"].as_str().expect("a callback").to_owned();
        codes.insert(data["webhook_id"].as_u64().expect("an id"), callback);
    }
    for (webhook, callback) in codes {
        let code = callback.split("code=").nth(1).and_then(|rest| rest.split('&').next()).expect("a code");
        witness.search.plant("a code", code.as_bytes());
        let (_, path) = callback.split_once("/a/").expect("an account URL");
        witness.deliveries(webhook, "the verify message is recorded", |list| !list.is_empty()).await;
        let wrong = format!("/a/{}", path.replace(code, &code.replace(&code[..1], "~")));
        assert_eq!(witness.call(Method::GET, &wrong, None).await.status, 403);
        let answer = witness.call(Method::GET, &format!("/a/{path}"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let fields = json!({"uri": uri(echo, PASSWORD, "/fail"), "headers": {"X-Key": VALUE}}).to_string();
    let changed = witness.call(Method::PATCH, &format!("/v1/webhooks/{failing}"), Some(&fields)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    // What was verified is another path of the same host, so there is a new code, and the last of these is a page.
    let mut reverify = async |witness: &mut Witness| {
        let arrived = tokio::time::timeout(LIMIT, echo.arrivals.recv()).await.expect("in time").expect("it runs");
        let message: Value = serde_json::from_slice(&arrived.1).ok()?;
        let callback = message["payload"]["callback"].as_str()?.to_owned();
        let code = callback.split("code=").nth(1)?.split('&').next()?.to_owned();
        witness.search.plant("a code", code.as_bytes());
        let path = format!("/a/{}", callback.split_once("/a/")?.1);
        let webhook = message["webhook_id"].as_u64()?;
        (webhook == failing && witness.call(Method::POST, &path, Some("")).await.status == 200).then_some(())
    };
    let verified = witness.get(&format!("/v1/webhooks/{failing}?fields=verified")).await;
    if verified["verified"] == false {
        while reverify(witness).await.is_none() {}
    }
    Webhooks { failing, signed, odd, ok, gone }
}

/// Successes, failures to the last attempt, a 410, tests, a report, redeliveries and rotated secrets.
async fn deliver(witness: &mut Witness, webhooks: &Webhooks) {
    let rotated =
        witness.shown(Method::POST, &format!("/v1/webhooks/{}/secret/rotate", webhooks.failing), &json!({})).await;
    witness.plant_signing_secret(&rotated);
    for event in ["request.create", "problem.create"] {
        let body = json!({"event": event, "object_id": 7, "id": format!("event-of-{event}"), "payload": {"a": "b"}});
        assert_eq!(witness.post("/v1/events", &body).await.status, 202);
    }
    let ended = |outcome: &'static str| move |list: &[Value]| list.iter().any(|record| record["outcome"] == outcome);
    for webhook in [webhooks.failing, webhooks.signed, webhooks.odd] {
        witness.deliveries(webhook, "ten attempts fail", ended("dropped")).await;
    }
    witness.deliveries(webhooks.ok, "a success", ended("succeeded")).await;
    witness.deliveries(webhooks.gone, "a 410", ended("dropped")).await;
    for webhook in [webhooks.failing, webhooks.signed, webhooks.odd, webhooks.ok] {
        let test = format!("/v1/webhooks/{webhook}/test");
        assert_eq!(witness.post(&test, &json!({})).await.status, 204);
        let report = witness.post(&format!("{test}?report=true"), &json!({})).await;
        assert_eq!(report.status, 200, "{report:?}");
        let job = json!({"since": "2020-01-01T00:00:00Z"});
        assert_eq!(witness.post(&format!("/v1/webhooks/{webhook}/redeliver"), &job).await.status, 202);
    }
    // The second run reaches the number of failures that disables.
    let path = format!("/v1/webhooks/{}", webhooks.failing);
    let connection = tokio::sync::Mutex::new(&mut witness.connection);
    until("a webhook is disabled", LIMIT, || async {
        (connection.lock().await.get(&path).await.json()["disabled"] == true).then_some(())
    })
    .await;
}

/// Every list, record, trail and page.
async fn ask_for_everything(witness: &mut Witness, webhooks: &Webhooks) {
    let fields = "id,name,event,uri,headers,verified,webhook_policy,last_error,last_delivery,description,disabled";
    for webhook in [webhooks.failing, webhooks.signed, webhooks.odd, webhooks.ok, webhooks.gone] {
        let path = format!("/v1/webhooks/{webhook}");
        for more in ["", "?fields=headers,verified,last_delivery,uri", "/audit", "/deliveries?outcome=!x"] {
            witness.call(Method::GET, &format!("{path}{more}"), None).await;
        }
        let records = witness.get(&format!("{path}/deliveries?per_page=100")).await;
        let ids: Vec<String> =
            records.as_array().expect("a list").iter().map(|record| record["id"].to_string()).collect();
        assert!(!ids.is_empty());
        for id in ids {
            let record = witness.get(&format!("/v1/webhook_deliveries/{}", id.trim_matches('"'))).await;
            assert!(
                record["response"].is_null() || record["response"].to_string().contains("***"),
                "nothing was echoed: {record}"
            );
        }
    }
    let policies = witness.get("/v1/webhook_policies").await;
    for policy in policies.as_array().expect("a list") {
        witness.get(&format!("/v1/webhook_policies/{}", policy["id"])).await;
        witness.get(&format!("/v1/webhook_policies/{}/audit", policy["id"])).await;
        let discovery = format!("/a/main/webhook_policies/{}/.well-known", policy["name"].as_str().expect("a name"));
        for file in ["openid-configuration", "jwks.json"] {
            witness.call(Method::GET, &format!("{discovery}/{file}"), None).await;
        }
    }
    for path in
        ["/v1", "/v1/webhook_deliveries?per_page=100", "/v1/endpoint_hosts", "/v1/event_types", "/healthz", "/readyz"]
    {
        witness.get(path).await;
    }
    witness.get(&format!("/v1/webhooks?fields={fields}")).await;
    witness.get("/v1/webhooks/disabled").await;
    witness.get("/v1/events/event-of-request.create").await;
    let explained = json!({"event": "request.create", "object_id": 1});
    assert_eq!(witness.post("/v1/events/explain", &explained).await.status, 200);
    for arguments in [&["token", "list"][..], &["account", "list"], &["token", "list", "--json"]] {
        let said = witness.hookline.command(arguments);
        witness.seen.push((arguments.join(" "), said.into_bytes()));
    }
}

/// Refused input that holds secrets, and an access token that is asked for and revoked.
async fn make_mistakes(witness: &mut Witness, echo: &Echo, webhook: u64) {
    let ids = witness.hookline.command(&["token", "list", "--json"]);
    let ids: Value = serde_json::from_str(&ids).expect("JSON");
    let id = ids[0]["id"].as_str().expect("an id").to_owned();
    let token = witness.hookline.admin_token();
    let asked = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": token});
    let access =
        witness.shown(Method::POST, "/token", &asked).await["access_token"].as_str().expect("a token").to_owned();
    witness.search.plant("an access token", access.as_bytes());
    let mut with_access = Connection::new(witness.hookline.address(), Some(&access));
    let answer = with_access.get("/v1/webhooks").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    witness.keep("with an access token".to_owned(), &answer);
    let wrong = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": format!("{token}x")});
    assert_eq!(witness.post("/token", &wrong).await.status, 400);

    for (body, status) in [
        (json!({"event": "nothing", "uri": uri(echo, PASSWORD, "/#x"), "headers": {"Host": VALUE}}).to_string(), 422),
        (json!({"uri": format!("ftp://ada:{PASSWORD}@x"), "headers": {VALUE: VALUE, " ": VALUE}}).to_string(), 422),
        (json!({"uri": "http://ada:***@elsewhere.example", "headers": {"X-Key": ["a", VALUE]}}).to_string(), 422),
        (json!({"uri": {"password": PASSWORD}, "headers": VALUE}).to_string(), 422),
        (format!("{{\"uri\":\"{PASSWORD}\",{VALUE}"), 400),
    ] {
        let answer = witness.call(Method::PATCH, &format!("/v1/webhooks/{webhook}"), Some(&body)).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    for header in [format!("Bearer {token}x"), format!("Basic {token}"), format!("Bearer {access} {token}")] {
        let request =
            Request::get("/v1/webhooks").header("authorization", &header).body(Bytes::new()).expect("a request");
        let mut connection = Connection::new(witness.hookline.address(), None);
        let answer = connection.send(request).await.expect("an answer");
        assert_eq!(answer.status, 401);
        witness.keep(format!("with {}", &header[..6]), &answer);
    }
}

/// Everything that was answered, logged, mailed and stored, while it runs, backed up and at rest.
async fn look_everywhere(mut witness: Witness, folder: &Path) {
    let data = witness.hookline.data().to_owned();
    // So that the log of the database holds the control.
    let made = json!({"event": "request.create", "uri": "https://example.com/", "name": CONTROL});
    witness.webhook(made).await;
    read_all(&data, &mut |path, bytes| witness.seen.push((format!("in use {path}"), bytes)));
    let backup = folder.join("backup.db");
    witness.hookline.command(&["backup", backup.to_str().expect("a name in UTF-8")]);
    witness.seen.push(("the backup".to_owned(), std::fs::read(&backup).expect("a backup")));
    let log = witness.hookline.last_lines();
    for level in ["TRACE", "DEBUG", " INFO", " WARN"] {
        assert!(log.contains(level), "no line has the level {level}");
    }
    for said in [
        "event accepted",
        "event fanned out",
        "attempt ended outcome=\"succeeded\"",
        "attempt ended outcome=\"dropped\"",
        "webhook disabled",
        "webhook verified",
        "mail sent",
        "redelivery job ended",
        "administrative request completed",
        "request completed",
        " message_id=",
        " host=",
    ] {
        assert!(log.contains(said), "no line says {said}");
    }
    witness.seen.push(("the log".to_owned(), log.into_bytes()));
    let Witness { hookline, search, mut seen, .. } = witness;
    let (_, status) = hookline.terminate().await;
    assert!(status.success());
    read_all(&data, &mut |path, bytes| seen.push((format!("at rest {path}"), bytes)));

    let mails: Vec<&str> = ["failed", "dropped", "disabled"]
        .into_iter()
        .filter(|kind| seen.iter().any(|(what, text)| is_mail(what) && String::from_utf8_lossy(text).contains(kind)))
        .collect();
    assert_eq!(mails, ["failed", "dropped", "disabled"], "mails of these kinds");
    let mut control = Search::new();
    control.plant("the control", CONTROL.as_bytes());
    for kind in ["GET /v1/webhooks", "the backup", ".eml", "hookline.db", "hookline.db-wal"] {
        let found = seen.iter().any(|(what, bytes)| {
            what.contains(kind) && readings(what, bytes).iter().any(|bytes| control.find(bytes).is_some())
        });
        assert!(found, "what is no secret is not found in {kind} either");
    }
    let found: Vec<String> = seen
        .iter()
        .filter_map(|(what, bytes)| {
            let found = readings(what, bytes).iter().find_map(|bytes| search.find(bytes))?;
            Some(format!("{what}: {found}"))
        })
        .collect();
    assert!(found.is_empty(), "{} secrets are seen:\n{}", found.len(), found.join("\n"));
}

fn is_mail(what: &str) -> bool {
    Path::new(what).extension().is_some_and(|ending| ending == "eml")
}

fn readings(what: &str, bytes: &[u8]) -> Vec<Vec<u8>> {
    if is_mail(what) { search::readings_of_a_mail(bytes) } else { vec![bytes.to_vec()] }
}

/// Reads every file of a folder but the one whose purpose is to show a token.
fn read_all(folder: &Path, found: &mut impl FnMut(String, Vec<u8>)) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, found);
        } else if !path.ends_with("admin-token") {
            let bytes = std::fs::read(&path).expect("a file that can be read");
            found(path.display().to_string(), bytes);
        }
    }
}
