//! The router in process, over the ports on AWS: the store on a DynamoDB, the queues, the vault and the mails on what
//! stands in for the other services. What Lambda does with the queues is done here: batches are handed to the functions'
//! own code, and what is not reported as undone is deleted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use axum::body::Body;
use bytes::Bytes;
use hookline_aws::{AwsClients, BatchConsumer, Deployment, FunctionSettings};
use hookline_core::ids::AccountId;
use hookline_core::model::{Account, Person, Role, Token, TokenHash, TokenScope, token};
use hookline_core::ports::{Accounts as _, CreateTokenOutcome};
use hookline_core::service::Service;
use hookline_core::values::{Clock as _, MailAddress, System, TimeZone};
use hookline_egress::{Egress, EgressSettings};
use hookline_http::{AlwaysReady, Api, MemoryRateLimit};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{NewToken, Target, Variation};
use crate::connection::Answer;
use crate::local_aws::resources::{self, Resources};
use crate::local_aws::{clients, services};

/// How long a function may take for a batch.
const TIME: Duration = Duration::from_secs(30);
/// How often a queue is asked.
const PAUSE: Duration = Duration::from_millis(20);

/// Where the service says that it is.
pub(super) const PUBLIC_URL: &str = "https://hooks.example.com";

/// The service on AWS.
pub struct Aws {
    /// Its parts.
    pub deployment: Deployment,
    /// Its ports.
    pub service: Service,
    /// What it has beside its table.
    pub resources: Resources,
    front: axum::Router,
    lambda: Vec<tokio::task::JoinHandle<()>>,
}

impl Aws {
    /// Starts it.
    ///
    /// # Panics
    /// When its parts do not start.
    pub async fn start(variation: Variation) -> Self {
        let clients = clients();
        let (table, resources) = (resources::table(&clients).await, Resources::new(&clients).await);
        let settings = settings(&variation, &table, &resources);
        let allow = settings.allow_cidrs.clone();
        let deployment = Deployment::new(settings, clients.clone());
        let egress = EgressSettings { allow, ..EgressSettings::default() };
        let service = Service {
            queues: Arc::new(deployment.queues()),
            vault: Arc::new(deployment.vault().expect("a vault")),
            mailer: Arc::new(deployment.mailer().expect("mails")),
            mail_limiter: Arc::new(deployment.table().clone()),
            mail_batches: Arc::new(deployment.table().clone()),
            attachments: Arc::new(deployment.attachments().expect("attachments")),
            transport: Arc::new(Egress::new(egress).expect("a way out")),
            ..deployment.service()
        };
        let front = hookline_http::router(Api {
            service: service.clone(),
            readiness: Arc::new(AlwaysReady),
            rate_limit: deployment.rate_limit(MemoryRateLimit::new(0, u32::MAX)),
        });
        let fan_out = deployment.event_fanout(service.clone()).expect("the function event-fanout");
        let delivery = deployment.delivery(service.clone()).expect("the function delivery");
        let lambda = vec![
            tokio::spawn(drain(clients.clone(), resources.events.clone(), fan_out)),
            tokio::spawn(drain(clients, resources.deliveries.clone(), delivery)),
        ];
        Self { deployment, service, resources, front, lambda }
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.lambda.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// The settings of a deployment, without the prefix that they have in the environment.
pub(super) fn variables(variation: &Variation, table: &str, resources: &Resources) -> Vec<(&'static str, String)> {
    let Variation { max_webhooks, max_pattern_webhooks, rate_limit, require_https, account_url, .. } = variation;
    vec![
        ("PUBLIC_URL", PUBLIC_URL.to_owned()),
        ("ACCOUNT_URL", (*account_url).to_owned()),
        ("WAIT_SCALE", "0.001".to_owned()),
        ("REQUIRE_HTTPS", require_https.to_string()),
        ("MAX_WEBHOOKS", max_webhooks.to_string()),
        ("MAX_PATTERN_WEBHOOKS", max_pattern_webhooks.to_string()),
        ("RATE_LIMIT", rate_limit.to_string()),
        ("ALLOW_CIDRS", "127.0.0.0/8".to_owned()),
        ("TABLE", table.to_owned()),
        ("EVENTS_QUEUE_URL", resources.events.clone()),
        ("EVENTS_DEAD_LETTERS_URL", resources.events_dead.clone()),
        ("DELIVERIES_QUEUE_URL", resources.deliveries.clone()),
        ("DELIVERIES_DEAD_LETTERS_URL", resources.deliveries_dead.clone()),
        ("MASTER_KEY", resources.key.clone()),
        ("MAIL_SENDER", resources.sender.clone()),
        ("UPLOADS_BUCKET", resources.uploads.clone()),
        ("ATTACHMENTS_BUCKET", resources.attachments.clone()),
    ]
}

/// The settings of a deployment with this table and resources.
///
/// # Panics
/// Never: they are good.
pub fn settings(variation: &Variation, table: &str, resources: &Resources) -> FunctionSettings {
    let variables = variables(variation, table, resources);
    let find = |name: &str| {
        let found = variables.iter().find(|(known, _)| name.strip_prefix("HOOKLINE_") == Some(known));
        found.map(|(_, value)| value.clone())
    };
    FunctionSettings::from(&find).expect("good settings")
}

/// Hands a queue's batches to a function, as Lambda does.
async fn drain(clients: AwsClients, queue: String, function: BatchConsumer) {
    loop {
        let request = clients.sqs().receive_message().queue_url(&queue).max_number_of_messages(10);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let messages = match request.send().await {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        if messages.is_empty() {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let batch = json!({"Records": messages.iter().map(record).collect::<Vec<_>>()});
        let batch = serde_json::from_value(batch).expect("an event of SQS");
        let report = function.take(batch, System.now() + TIME).await;
        for message in messages {
            let undone = |id: &String| report.batch_item_failures.iter().any(|failure| failure.item_identifier == *id);
            if message.message_id.as_ref().is_some_and(undone) {
                continue;
            }
            let request = clients.sqs().delete_message().queue_url(&queue).set_receipt_handle(message.receipt_handle);
            // A message that stays comes again.
            let _ = request.send().await;
        }
    }
}

/// A message as Lambda shows it.
fn record(message: &Message) -> Value {
    let attributes = message.attributes.iter().flatten();
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes.map(|(name, value)| (name.as_str().to_owned(), Value::from(value.clone())))
            .collect::<serde_json::Map<_, _>>(),
        "messageAttributes": null,
        "eventSource": "aws:sqs",
    })
}

fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).expect("an account id")
}

#[async_trait]
impl Target for Aws {
    fn public_url(&self) -> String {
        self.service.settings.public_url.clone()
    }

    fn knows_repeats(&self) -> bool {
        false
    }

    async fn send(&self, request: Request<Bytes>) -> Answer {
        let response = self.front.clone().oneshot(request.map(Body::from)).await;
        let (head, body) = response.unwrap_or_else(|never| match never {}).into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    async fn create_account(&self, id: &str, time_zone: &str) {
        let account = Account {
            id: account_id(id),
            name: id.to_owned(),
            admin_mails: MailAddress::parse_list("admin@example.com", 1).expect("an address"),
            time_zone: TimeZone::parse(time_zone).expect("a time zone"),
            custom_url: None,
            disabled: false,
            created_at: System.now(),
        };
        assert!(self.deployment.table().create_account(&account).await.expect("the store works"), "{id} is new");
    }

    async fn disable_account(&self, id: &str) {
        let accounts = self.deployment.table();
        let account = accounts.account(&account_id(id)).await.expect("the store works").expect("an account");
        assert!(accounts.update_account(&Account { disabled: true, ..account }).await.expect("the store works"));
    }

    async fn create_token(&self, account: &str, role: &str, minutes: Option<u64>) -> NewToken {
        let (id, secret) = (Uuid::now_v7(), token::new_token(&System).expose().clone());
        let now = System.now();
        let token = Token {
            id,
            hash: TokenHash::of(&secret),
            person: Person { id: 7, name: "Ada".to_owned() },
            role: Role::parse(role).expect("a role"),
            created_at: now,
            expires_at: minutes.map(|minutes| now + Duration::from_mins(minutes)),
            parent: None,
            scope: TokenScope::Account,
        };
        let limit = self.service.settings.max_tokens;
        let created = self.deployment.table().create_token(&account_id(account), &token, limit).await;
        assert_eq!(created.expect("the store works"), CreateTokenOutcome::Done);
        NewToken { id, secret }
    }

    async fn revoke_token(&self, id: Uuid) {
        assert!(self.deployment.table().revoke_token(id).await.expect("the store works"), "{id} is a token");
    }

    fn mails(&self) -> Vec<String> {
        let url = format!("{}/_ministack/ses/messages", services());
        let asked = async { reqwest::get(url).await?.bytes().await };
        let runtime = tokio::runtime::Handle::current();
        let sent = tokio::task::block_in_place(|| runtime.block_on(asked)).expect("the mails that were sent");
        let sent: Value = serde_json::from_slice(&sent).expect("they are JSON");
        let by_account = sent["messages"].as_object().cloned().unwrap_or_default();
        let all = by_account.values().filter_map(Value::as_array).flatten();
        all.map(Value::to_string).filter(|mail| mail.contains(&self.resources.sender)).collect()
    }
}
