//! `hookline demo`: the main job from end to end, in one process, on a temporary folder, with waits scaled 1:3000.

mod endpoint;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hookline_core::model::event::{AUTOMATION_RULE, EVENT_NAMES};
use hookline_core::model::{Person, Role};
use hookline_core::settings::CoreSettings;
use hookline_core::signing::{SigningSecret, VerifyingKey};
use hookline_core::use_cases::accounts::{self, AccountInput};
use hookline_core::use_cases::tokens::{self, TokenInput};
use hookline_core::values::{System, encoded_words};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::endpoint::DemoEndpoint;
use self::verdict::{Registered, Seen, judge};
use crate::assembly::RunningService;
use crate::commands::console;
use crate::commands::serve::FIRST_ACCOUNT;
use crate::jwt;
use crate::output::{CommandError, print};
use crate::server::{self, ServerLimits};
use crate::settings::ServeSettings;

/// How long the demonstration may take.
const LIMIT: Duration = Duration::from_mins(1);
/// How often it looks for what it waits for.
const POLL: Duration = Duration::from_millis(20);

/// Runs the demonstration; fails unless everything went as promised.
/// With `keep` it then leaves the service running until Ctrl-C, with the console open.
pub(crate) async fn run(keep: bool) -> Result<(), CommandError> {
    let folder = tempfile::tempdir().map_err(CommandError::of)?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(CommandError::of)?;
    let address = listener.local_addr().map_err(CommandError::of)?;
    let loopback = "127.0.0.0/8".parse().map_err(CommandError::of)?;
    let settings = ServeSettings {
        data: folder.path().join("data"),
        allow_cidrs: vec![loopback],
        core: CoreSettings { wait_scale: 1.0 / 3000.0, ..CoreSettings::default() },
        ..ServeSettings::default()
    };
    let host = RunningService::start(&settings, address).await?;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let stop = async {
        // Ends as well when the demonstration fails and drops its end.
        let _ = ended.await;
    };
    let router = host.router.clone();
    let served = tokio::spawn(server::serve(
        listener,
        router,
        Vec::new(),
        ServerLimits::default(),
        stop,
        Duration::from_secs(5),
    ));
    let shown = show(&host, &settings, address, keep).await;
    drop(end);
    let _ = served.await;
    host.workers.stop(Duration::from_secs(5)).await;
    host.store.close().await;
    shown
}

/// The story itself.
async fn show(
    host: &RunningService,
    settings: &ServeSettings,
    address: SocketAddr,
    keep: bool,
) -> Result<(), CommandError> {
    heading("1  The service")?;
    line(&format!("runs on http://{address}, on one SQLite file in a temporary folder."))?;
    line("Waits are scaled 1:3000: what takes 15 seconds in earnest takes 5 milliseconds here.")?;
    let client = DemoClient {
        http: reqwest::Client::builder().no_proxy().build().map_err(CommandError::of)?,
        address,
        token: { account(host).await? },
    };

    heading("2  Webhooks")?;
    let (plain, flaky, down) =
        (DemoEndpoint::start(0).await?, DemoEndpoint::start(2).await?, DemoEndpoint::start(0).await?);
    down.set_down(true);
    let dead = dead_address().await?;
    let policy = client.post("webhook_policies", &json!({"jwt_alg": "es256"})).await?;
    let pem = policy["public_key_pem"].as_str().unwrap_or_default();
    let mut webhooks = BTreeMap::new();
    for (name, event, uri, what) in [
        ("plain", "*", plain.uri(), "every event; its endpoint works"),
        ("rule", AUTOMATION_RULE, plain.uri(), "automation rules that name it"),
        ("flaky", "request.*", flaky.uri(), "requests; its endpoint answers 500 twice before it takes a message"),
        ("signed", "problem.*", flaky.uri(), "problems, at the same endpoint, each attempt a JWT of its own (ES256)"),
        ("down", "task.*", down.uri(), "tasks; its endpoint answers 503 to everything until it is repaired"),
        ("dead", "risk.create", format!("http://{dead}/hooks"), "new risks; nothing listens there"),
    ] {
        let is_signed = name == "signed";
        // Each its own address, which gets one mail in twenty minutes.
        let mails_to = format!("{name}@example.com");
        let mut body = json!({"event": event, "uri": uri, "name": name, "mail_exceptions_to": mails_to});
        if is_signed {
            body["webhook_policy_id"] = policy["id"].clone();
        }
        let id = client.post("webhooks", &body).await?["id"].as_u64().unwrap_or_default();
        let secret = client.get(&format!("webhooks/{id}/secret")).await?;
        let secret =
            secret["secret"].as_str().and_then(SigningSecret::parse).ok_or_else(|| CommandError::of("no secret"))?;
        line(&format!("#{id} {name:<6} gets {what}"))?;
        let key = if is_signed {
            Some(VerifyingKey::parse(pem).ok_or_else(|| CommandError::of("no public key"))?)
        } else {
            None
        };
        webhooks.insert(id, Registered { name, secret, key });
    }

    heading("3  Events")?;
    let events: Vec<Value> = EVENT_NAMES.iter().enumerate().map(|(at, name)| event(at, name)).collect();
    client.post("events", &Value::from(events)).await?;
    line(&format!("published one event of each of the {} kinds in one request", EVENT_NAMES.len()))?;

    heading("4  A host that cannot work is throttled")?;
    show_throttle(&client, &down).await?;

    let endpoints = [&plain, &flaky, &down];
    let began = Instant::now();
    let dead_id = named(&webhooks, "dead");
    loop {
        let dropped = client.get(&format!("webhooks/{dead_id}/deliveries?outcome=dropped")).await?;
        let seen = Seen::of(&webhooks, &endpoints, dropped.as_array().map_or(0, Vec::len));
        if seen.is_complete() || began.elapsed() > LIMIT {
            conclude(&client, settings, &webhooks, &endpoints, &seen).await?;
            return if keep { stay(&client).await } else { Ok(()) };
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until the host of that endpoint is throttled, and repairs it.
async fn show_throttle(client: &DemoClient, down: &DemoEndpoint) -> Result<(), CommandError> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        let hosts = client.get("endpoint_hosts").await?;
        let is_it = |host: &&Value| host["host"] == down.host().as_str() && !host["throttled_at"].is_null();
        if let Some(host) = hosts.as_array().into_iter().flatten().find(is_it) {
            line(&format!("{} failed {} times in a row.", down.host(), host["failures"]))?;
            line(&format!(
                "Its {} messages wait, and one at a time is tried. Waiting uses up no attempts.",
                host["waiting"]
            ))?;
            line("Now it is repaired: the next message that is tried arrives, and the others follow.")?;
            down.set_down(false);
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    Err(CommandError::of(format!("{} was not throttled", down.host())))
}

/// Opens the console, and waits for Ctrl-C.
async fn stay(client: &DemoClient) -> Result<(), CommandError> {
    let link = client.post("console_links", &json!({"role": "administrator"})).await?;
    heading("The console")?;
    line("shows what happened here. The service keeps running until Ctrl-C.")?;
    console::open(link["url"].as_str().unwrap_or_default())?;
    tokio::signal::ctrl_c().await.map_err(CommandError::of)
}

/// Shows what came of it, and judges.
async fn conclude(
    client: &DemoClient,
    settings: &ServeSettings,
    webhooks: &BTreeMap<u64, Registered>,
    endpoints: &[&DemoEndpoint],
    seen: &Seen,
) -> Result<(), CommandError> {
    heading("5  Messages, as the receivers saw them")?;
    for (id, Registered { name, .. }) in webhooks {
        let got = seen.verified.get(id).map_or(0, BTreeSet::len);
        line(&format!("#{id} {name:<6} {got:>3} messages arrived with the right signature"))?;
    }
    if let Some(example) = endpoints.first().and_then(|endpoint| endpoint.messages().into_iter().next()) {
        line(&format!("for instance: {}", String::from_utf8_lossy(&example.body)))?;
    }
    let mut tokens = endpoints.iter().flat_map(|endpoint| endpoint.messages()).filter_map(|got| jwt::token(&got.body));
    if let Some((header, claims)) = tokens.find_map(|token| jwt::parts(&token)) {
        line(&format!("and as a JWT: {header} {claims}"))?;
    }

    heading("6  Retries: the log of a message to the flaky endpoint")?;
    let (flaky, dead) = (named(webhooks, "flaky"), named(webhooks, "dead"));
    show_log(client, &format!("webhooks/{flaky}/deliveries?event=request.create&per_page=3")).await?;

    heading("7  The log of the message to the dead endpoint: ten attempts, then dropped")?;
    show_log(client, &format!("webhooks/{dead}/deliveries?per_page=10")).await?;

    heading("8  A mail about it")?;
    for text in mail(settings, &format!("Subject: Webhook #{dead} ")).await? {
        line(&text)?;
    }

    heading("Result")?;
    match judge(seen) {
        Ok(summary) => line(&summary),
        Err(problems) => Err(CommandError::of(problems.join("; "))),
    }
}

/// The id of the webhook of that name.
fn named(webhooks: &BTreeMap<u64, Registered>, name: &str) -> u64 {
    webhooks.iter().find(|(_, webhook)| webhook.name == name).map(|(id, _)| *id).unwrap_or_default()
}

async fn show_log(client: &DemoClient, path: &str) -> Result<(), CommandError> {
    let records = client.get(path).await?;
    for record in records.as_array().into_iter().flatten().rev() {
        line(&format!(
            "{}  attempt {:>2}  {:<9}  {}",
            record["created_at"].as_str().unwrap_or_default(),
            record["attempt"],
            record["outcome"].as_str().unwrap_or_default(),
            record["error"].as_str().unwrap_or_default(),
        ))?;
    }
    Ok(())
}

/// The readable head and text of the first mail with a subject that starts so.
async fn mail(settings: &ServeSettings, subject: &str) -> Result<Vec<String>, CommandError> {
    let wanted = |line: &String| {
        ["To: ", "Subject: ", "Error: ", "Attempt: ", "Next attempt: "].iter().any(|start| line.starts_with(start))
    };
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        let files = std::fs::read_dir(settings.mail_folder()).into_iter().flatten();
        let mut paths: Vec<_> = files.filter_map(Result::ok).map(|file| file.path()).collect();
        // One without that ending is still being written.
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(path).map_err(CommandError::of)?;
            let lines: Vec<_> = text.lines().map(encoded_words::decoded).filter(wanted).collect();
            if lines.iter().any(|line| line.starts_with(subject)) {
                return Ok(lines);
            }
        }
        tokio::time::sleep(POLL).await;
    }
    Err(CommandError::of(format!("no mail {subject}")))
}

/// The account of the demonstration, and its administrator's token.
async fn account(host: &RunningService) -> Result<String, CommandError> {
    let account = AccountInput {
        id: FIRST_ACCOUNT.to_owned(),
        name: Some("Demonstration".to_owned()),
        admin_mails: Some(vec!["ada@example.com".to_owned()]),
        ..AccountInput::default()
    };
    let service = &host.service;
    let account = accounts::create(&*service.accounts, &System, account).await?;
    let person = Person { id: 1, name: "Ada Ivanova".to_owned() };
    let token = TokenInput { person, role: Role::Administrator, expires_at: None };
    let limit = service.settings.max_tokens;
    let (_, token) = tokens::create(&*service.accounts, (&System, &System), &account.id, token, limit).await?;
    Ok(token.expose().clone())
}

fn event(at: usize, name: &str) -> Value {
    let mut event = json!({
        "event": name,
        "object_id": at + 1,
        "person_id": 6,
        "person_name": "Ada Ivanova",
        "payload": {"status": "in_progress", "number": at},
    });
    if name == AUTOMATION_RULE {
        event["webhook"] = "rule".into();
    }
    event
}

/// An address on which nothing listens.
async fn dead_address() -> Result<SocketAddr, CommandError> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(CommandError::of)?;
    listener.local_addr().map_err(CommandError::of)
}

struct DemoClient {
    http: reqwest::Client,
    address: SocketAddr,
    token: String,
}

impl DemoClient {
    async fn get(&self, path: &str) -> Result<Value, CommandError> {
        self.answer(self.http.get(format!("http://{}/v1/{path}", self.address))).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        let request = self.http.post(format!("http://{}/v1/{path}", self.address));
        self.answer(request.header("content-type", "application/json").body(body.to_string())).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, CommandError> {
        let answer = request.bearer_auth(&self.token).send().await.map_err(CommandError::of)?;
        let (status, text) = (answer.status(), answer.text().await.map_err(CommandError::of)?);
        if !status.is_success() {
            return Err(CommandError::of(format!("the service answered {status}: {text}")));
        }
        serde_json::from_str(&text).map_err(CommandError::of)
    }
}

fn heading(text: &str) -> Result<(), CommandError> {
    print(&format!("\n{text}"))
}

fn line(text: &str) -> Result<(), CommandError> {
    print(&format!("   {text}"))
}
