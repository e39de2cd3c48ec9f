//! The router in process, over the embedded store in a folder of its own, with its workers. Its clock can be moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use hookline_core::ids::AccountId;
use hookline_core::model::{Account, Person, Role, Token, TokenHash, TokenScope, token};
use hookline_core::ports::{Accounts as _, CreateTokenOutcome, NoMetrics, NoTraces, Transport};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::values::{Clock, MailAddress, System, TimeZone};
use hookline_egress::{Egress, EgressSettings};
use hookline_embedded::{ConcurrencyLimits, FolderMailer, Kept, KeyFileVault, ServiceParts, Store, Workers};
use hookline_http::{Api, MemoryRateLimit, Readiness};
use http::Request;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use tempfile::TempDir;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{NewToken, Target, Variation};
use crate::connection::Answer;

/// The system's clock, moved forward by hand.
#[derive(Debug, Default)]
pub struct MovedClock {
    ahead_ms: AtomicI64,
}

impl MovedClock {
    /// Moves it.
    ///
    /// # Panics
    /// When that is beyond all time.
    pub fn advance(&self, by: Duration) {
        self.ahead_ms.fetch_add(i64::try_from(by.as_millis()).expect("a time that ends"), Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed).unsigned_abs());
        System.now() + ahead
    }
}

/// The service in this process.
pub struct Router {
    /// What it asks for the time.
    pub clock: Arc<MovedClock>,
    /// Its ports, as the API uses them.
    pub service: Service,
    front: axum::Router,
    store: Store,
    _workers: Workers,
    folder: TempDir,
}

struct Ready;

#[async_trait]
impl Readiness for Ready {
    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Router {
    /// Starts it.
    ///
    /// # Panics
    /// When its parts do not start.
    pub async fn start(variation: Variation) -> Self {
        let egress = EgressSettings {
            allow: vec!["127.0.0.0/8".parse().expect("a range of addresses")],
            ..EgressSettings::default()
        };
        Self::start_with(variation, Arc::new(Egress::new(egress).expect("a way out"))).await
    }

    /// Starts it with another way out.
    ///
    /// # Panics
    /// When its parts do not start.
    pub async fn start_with(variation: Variation, transport: Arc<dyn Transport>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = Arc::new(CoreSettings {
            public_url: "https://hooks.example.com".to_owned(),
            account_url: variation.account_url.to_owned(),
            wait_scale: super::WAIT_SCALE,
            require_https: variation.require_https,
            max_webhooks: variation.max_webhooks,
            max_pattern_webhooks: variation.max_pattern_webhooks,
            ..CoreSettings::default()
        });
        let store = Store::open(&folder.path().join("hookline.db"), Kept::of(&settings)).expect("a store");
        let vault = KeyFileVault::open(&store, &folder.path().join("key"), Arc::new(System)).await.expect("a vault");
        let mailer = FolderMailer::new(folder.path().join("mails"), "hooks@example.com").expect("a mail address");
        let clock = Arc::new(MovedClock::default());
        let around = ServiceParts {
            settings: Arc::clone(&settings),
            vault: Arc::new(vault),
            mailer: Arc::new(mailer),
            transport,
            metrics: Arc::new(NoMetrics),
            traces: Arc::new(NoTraces),
            clock: clock.clone(),
            entropy: Arc::new(System),
        };
        let service = store.api().service(&around);
        let workers = Workers::start(store.worker().service(&around), store.clone(), ConcurrencyLimits::default())
            .expect("workers");
        let front = hookline_http::router(Api {
            service: service.clone(),
            readiness: Arc::new(Ready),
            rate_limit: Arc::new(MemoryRateLimit::new(variation.rate_limit, u32::MAX)),
        });
        Self { clock, service, front, store, _workers: workers, folder }
    }
}

fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).expect("an account id")
}

#[async_trait]
impl Target for Router {
    fn public_url(&self) -> String {
        self.service.settings.public_url.clone()
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
            created_at: self.clock.now(),
        };
        assert!(self.store.api().create_account(&account).await.expect("the store works"), "{id} is new");
    }

    async fn disable_account(&self, id: &str) {
        let accounts = self.store.api();
        let account = accounts.account(&account_id(id)).await.expect("the store works").expect("an account");
        assert!(accounts.update_account(&Account { disabled: true, ..account }).await.expect("the store works"));
    }

    async fn create_token(&self, account: &str, role: &str, minutes: Option<u64>) -> NewToken {
        let (id, secret) = (Uuid::now_v7(), token::new_token(&System).expose().clone());
        let now = self.clock.now();
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
        let created = self.store.api().create_token(&account_id(account), &token, 1000).await;
        assert_eq!(created.expect("the store works"), CreateTokenOutcome::Done);
        NewToken { id, secret }
    }

    async fn revoke_token(&self, id: Uuid) {
        assert!(self.store.api().revoke_token(id).await.expect("the store works"), "{id} is a token");
    }

    fn mails(&self) -> Vec<String> {
        super::mails_in(&self.folder.path().join("mails"))
    }
}
