//! How an account that plays tricks affects a quiet one: each way in which it can, and beside it the same load to endpoints
//! that work. Both accounts publish at a steady rate; only the messages of the quiet one are noted.

use std::time::Duration;

use hookline_process::connection::Connection;
use serde_json::{Value, json};

use crate::endpoint::{self, Endpoint};
use crate::load::{Goal, full_speed, steady};
use crate::stage::{EVENT, Stage};

/// The event of the noisy account.
const NOISE: &str = "risk.create";
/// Events per second of the quiet account.
const PER_SECOND: u32 = 100;
/// Messages of the quiet account before it counts.
const WARM_UP: usize = 100;
/// How long the messages of the quiet account may take.
const LIMIT: Duration = Duration::from_mins(5);

/// A way to make noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise {
    /// For the table.
    pub(crate) name: &'static str,
    /// What its endpoints do: a path of the endpoint.
    path: &'static str,
    /// How many hosts they are at. The quiet account is at the first one.
    hosts: u16,
    webhooks: u16,
    disabled: bool,
    /// Events per second; each is for every webhook.
    per_second: u32,
}

/// An account like any other: its endpoints are at a host of their own, and work.
const USUAL: Noise = Noise { name: "", path: "", hosts: 2, webhooks: 1, disabled: false, per_second: 100 };

/// All ways.
pub(crate) const ALL: [Noise; 9] = [
    Noise { name: "8 KB of backslashes", path: "/backslashes", ..USUAL },
    Noise { name: "503 at a shared host", path: "/busy", hosts: 1, ..USUAL },
    Noise { name: "Retry-After, shared", path: "/hold", hosts: 1, ..USUAL },
    Noise { name: "200 silent hosts", path: "/silent", hosts: 201, webhooks: 200, per_second: 5, ..USUAL },
    Noise { name: "disabled webhooks", path: "/uncounted", webhooks: 1_000, disabled: true, per_second: 5, ..USUAL },
    Noise { name: "burst, slow answers", path: "/slow", per_second: 1_000, ..USUAL },
    Noise { name: "410 and mails", path: "/gone", webhooks: 100, per_second: 5, ..USUAL },
    Noise { name: "1xx for ever", path: "/interim", ..USUAL },
    Noise { name: "500 for every one", path: "/wrong", webhooks: 10, per_second: 50, ..USUAL },
];

impl Noise {
    /// The p99 of the quiet account beside this noise, as a multiple of the one beside healthy endpoints.
    pub(crate) async fn ratio(self, seconds: u32) -> f64 {
        let healthy = Self { path: "/uncounted", disabled: false, ..self }.p99_ms(seconds).await;
        let noisy = self.p99_ms(seconds).await;
        eprintln!("  {}: quiet p99 {noisy:.2} ms, {healthy:.2} ms beside healthy endpoints", self.name);
        noisy / healthy
    }

    async fn p99_ms(self, seconds: u32) -> f64 {
        let stage = Stage::empty(Endpoint::on(self.hosts.max(2))).await;
        stage.webhook(EVENT, 0, "/").await;
        let token = stage.hookline.create_account("noisy");
        self.register(&stage, &token).await;
        full_speed(&stage.goal(), WARM_UP).await;
        stage.endpoint.after(WARM_UP, LIMIT).await;

        let count = |per_second: u32| usize::try_from(per_second * seconds).expect("a bounded run");
        let noise = Goal { token: Some(token), ..stage.goal_of(&[NOISE]) };
        let quiet = stage.goal();
        tokio::join!(
            steady(&quiet, PER_SECOND, count(PER_SECOND)),
            steady(&noise, self.per_second, count(self.per_second)),
        );
        let report = stage.endpoint.after(count(PER_SECOND), LIMIT).await;
        f64::from(report.p99_us) / 1_000.0
    }

    /// The webhooks of the noisy account. Its hosts are all but the first one, if there are others.
    async fn register(self, stage: &Stage, token: &str) {
        let mut connection = Connection::new(stage.hookline.address(), Some(token));
        let mails: Vec<String> = (0..20).map(|number| format!("{number}@example.com")).collect();
        for number in 0..self.webhooks {
            let host = if self.hosts == 1 { 0 } else { 1 + number % (self.hosts - 1) };
            let uri = format!("http://{}:{}{}/{number}", endpoint::address(host), stage.endpoint.port, self.path);
            let webhook = json!({"event": NOISE, "uri": uri, "disabled": self.disabled, "headers": headers(),
                "mail_exceptions_to": mails.join(",")});
            let answer = connection.post("/v1/webhooks", webhook.to_string()).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
        }
    }
}

/// Secrets that are looked for in every answer.
fn headers() -> Value {
    let values = (0..10).map(|number| (format!("X-Key-{number}"), json!(format!("\\\\{number}\\secret"))));
    Value::Object(values.collect())
}
