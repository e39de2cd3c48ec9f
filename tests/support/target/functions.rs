//! The built function binaries, called as API Gateway, the queues and an operator would, on local AWS.
//!
//! Requests become events of payload 2.0, which the function of the template's routes answers; messages of the queues go
//! to the functions that the template maps them to; accounts and tokens are made by `admin`. Each target has a table,
//! queues and a key of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookline_aws::Table;
use hookline_core::ids::AccountId;
use hookline_core::model::{Person, Role, Token, TokenHash, TokenScope, token};
use hookline_core::ports::{Accounts as _, CreateTokenOutcome};
use hookline_core::values::{Clock as _, System};
use http::{Method, Request};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use uuid::Uuid;

use super::aws::{self, PUBLIC_URL};
use super::{NewToken, Target, Variation};
use crate::connection::Answer;
use crate::lambda::environment::{Configuration, Outcome};
use crate::lambda::function::{Function, bootstrap};
use crate::lambda::gateway;
use crate::lambda::queue::Mapping;
use crate::lambda::routes::{Match, Routes};
use crate::local_aws::resources::{self, Resources};
use crate::local_aws::{REGION, clients, dynamodb, services};

/// Invocations of one function at once.
const AT_ONCE: usize = 4;
/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The functions, by the names of their binaries.
const BINARIES: [&str; 7] =
    ["webhooks-api", "policies-api", "deliveries-api", "events-api", "event-fanout", "delivery", "admin"];

/// The functions of one deployment.
pub struct Functions {
    routes: Routes,
    by_name: HashMap<&'static str, Arc<Function>>,
    table: Table,
    resources: Resources,
    _mappings: [Mapping; 2],
}

impl Functions {
    /// Makes what they need, and the functions themselves. A process is started when there is work for it.
    ///
    /// # Panics
    /// When local AWS does not start, or a binary has not been built.
    pub async fn start(variation: Variation) -> Self {
        let clients = clients();
        let (table, resources) = (resources::table(&clients).await, Resources::new(&clients).await);
        let variables = variables(&variation, &table, &resources);
        let function = |binary: &'static str| {
            let configuration = Configuration {
                name: format!("hookline-{binary}"),
                timeout: TIMEOUT,
                memory: 256,
                variables: variables.iter().map(|(name, value)| (name.clone(), value.into())).collect(),
            };
            (binary, Arc::new(Function::new(&bootstrap(binary), configuration, AT_ONCE)))
        };
        let by_name: HashMap<_, _> = BINARIES.into_iter().map(function).collect();
        let mapping = |url: &str, name: &str| Mapping::start(clients.sqs(), url, Arc::clone(&by_name[name]));
        let mappings = [mapping(&resources.events, "event-fanout"), mapping(&resources.deliveries, "delivery")];
        let table = resources::store(&clients, &table);
        Self { routes: Routes::of_template(), by_name, table, resources, _mappings: mappings }
    }

    /// One call, led to this function whatever the routes say.
    pub async fn send_to(&self, function: &str, request: &Request<Bytes>) -> Answer {
        let matched = Match { function: function.to_owned(), route_key: "$default".to_owned(), parameters: Vec::new() };
        let event = gateway::event(request, &matched).expect("a request of a size that the gateway takes");
        gateway::answer(request.method() == Method::HEAD, &self.by_name[function].invoke(event).await)
    }

    /// Invokes `admin` with a command, and gives what it answers.
    async fn admin(&self, command: Value) -> Value {
        match self.by_name["admin"].invoke(command.to_string()).await {
            Outcome::Answered(answer) => serde_json::from_slice(&answer).expect("JSON"),
            other => panic!("{command}: {other:?}"),
        }
    }
}

/// The environment of every function, as the template has it. What is AWS's own says where local AWS is.
pub fn variables(variation: &Variation, table: &str, resources: &Resources) -> Vec<(String, String)> {
    let mut ours = vec![("LOG", "off".to_owned()), ("DEPLOYMENT", "hookline".to_owned())];
    ours.extend(aws::variables(variation, table, resources));
    let of_aws = [
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", services()),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb()),
    ];
    let ours = ours.into_iter().map(|(name, value)| (format!("HOOKLINE_{name}"), value));
    ours.chain(of_aws.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

#[async_trait]
impl Target for Functions {
    fn public_url(&self) -> String {
        PUBLIC_URL.to_owned()
    }

    async fn send(&self, request: Request<Bytes>) -> Answer {
        let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
        let matched = self.routes.find(&path);
        let head = request.method() == Method::HEAD;
        match gateway::event(&request, &matched) {
            None => gateway::too_large(),
            Some(event) => gateway::answer(head, &self.by_name[matched.function.as_str()].invoke(event).await),
        }
    }

    async fn create_account(&self, id: &str, time_zone: &str) {
        let fields = json!({
            "command": "account.create", "id": id, "name": id, "admin_mails": ["admin@example.com"],
            "time_zone": time_zone,
        });
        self.admin(fields).await;
    }

    async fn disable_account(&self, id: &str) {
        self.admin(json!({"command": "account.update", "id": id, "disabled": true})).await;
    }

    async fn create_token(&self, account: &str, role: &str, minutes: Option<u64>) -> NewToken {
        let Some(minutes) = minutes else {
            let fields =
                json!({"command": "token.create", "account": account, "person": "Ada", "person_id": 7, "role": role});
            let made = self.admin(fields).await;
            let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{name} in {made}")).to_owned();
            return NewToken { id: text("id").parse().expect("an id"), secret: text("token") };
        };
        // `admin` counts in days.
        let (id, secret, now) = (Uuid::now_v7(), token::new_token(&System).expose().clone(), System.now());
        let token = Token {
            id,
            hash: TokenHash::of(&secret),
            person: Person { id: 7, name: "Ada".to_owned() },
            role: Role::parse(role).expect("a role"),
            created_at: now,
            expires_at: Some(now + Duration::from_mins(minutes)),
            parent: None,
            scope: TokenScope::Account,
        };
        let account = AccountId::parse(account).expect("an account id");
        let created = self.table.create_token(&account, &token, u64::MAX).await;
        assert_eq!(created.expect("the store works"), CreateTokenOutcome::Done);
        NewToken { id, secret }
    }

    async fn revoke_token(&self, id: Uuid) {
        self.admin(json!({"command": "token.revoke", "id": id})).await;
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
