//! A running service with an administrator of account `main`, and whatever else a test puts into it.

use hookline_tests::target::aws::Aws;
use hookline_tests::target::functions::Functions;
use hookline_tests::target::process::Process;
use hookline_tests::target::router::Router;
use hookline_tests::target::{NewToken, Target, Variation};
use http::Method;
use serde_json::{Value, json};

use crate::call::{Call, Json, Reply};

/// The account of most tests.
pub(crate) const MAIN: &str = "wdc";

/// A URI where nothing listens: no test calls a host outside this machine.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9/hook";

/// See the module.
pub(crate) struct ServiceFixture {
    pub(crate) target: Box<dyn Target>,
    /// The token of an administrator of [`MAIN`].
    pub(crate) token: String,
}

impl ServiceFixture {
    /// The router in process.
    pub(crate) async fn router(variation: Variation) -> Self {
        Self::of(Router::start(variation).await).await
    }

    /// The real process.
    pub(crate) async fn process(variation: Variation) -> Self {
        Self::of(Process::start(variation).await).await
    }

    /// The ports on AWS.
    pub(crate) async fn aws(variation: Variation) -> Self {
        Self::of(Aws::start(variation).await).await
    }

    /// The built functions.
    pub(crate) async fn functions(variation: Variation) -> Self {
        Self::of(Functions::start(variation).await).await
    }

    /// Any target, which has no account of that name yet.
    pub(crate) async fn of(target: impl Target + 'static) -> Self {
        target.create_account(MAIN, "UTC").await;
        let token = target.create_token(MAIN, "administrator", None).await.secret;
        Self { target: Box::new(target), token }
    }

    /// A call as the administrator of [`MAIN`].
    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call::new(&*self.target, method, path).by(&self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    /// A `POST` of a JSON text.
    pub(crate) fn post(&self, path: &str, body: impl Json) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    /// A `PATCH` with a JSON text.
    pub(crate) fn patch(&self, path: &str, body: impl Json) -> Call<'_> {
        self.call(Method::PATCH, path).json(body)
    }

    /// Creates a webhook of these fields, beside an event and a URI, and gives the record.
    pub(crate) async fn webhook(&self, fields: Value) -> Value {
        let mut body = json!({"event": "request.create", "uri": NOWHERE});
        let given = fields.as_object().expect("fields").clone();
        body.as_object_mut().expect("fields").extend(given);
        let reply = self.post("/v1/webhooks", body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// Creates a webhook and gives its path.
    pub(crate) async fn webhook_path(&self, fields: Value) -> String {
        format!("/v1/webhooks/{}", self.webhook(fields).await["id"])
    }

    /// Creates another account and gives the token of an administrator of it.
    pub(crate) async fn account(&self, id: &str) -> String {
        self.target.create_account(id, "UTC").await;
        self.target.create_token(id, "administrator", None).await.secret
    }

    /// A token of [`MAIN`].
    pub(crate) async fn role(&self, role: &str) -> NewToken {
        self.target.create_token(MAIN, role, None).await
    }

    /// The URL of [`MAIN`].
    pub(crate) fn account_url(&self) -> String {
        format!("{}/a/{MAIN}", self.target.public_url())
    }

    /// Publishes an event and waits until its fan-out is done; gives its id.
    pub(crate) async fn publish(&self, event: Value) -> String {
        let reply = self.post("/v1/events", event).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        let id = reply.json()["id"].as_str().expect("an id").to_owned();
        let path = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC);
        self.until(&format!("/v1/events/{path}"), |event| event["matched"].is_u64()).await;
        id
    }

    /// Asks until the record is as wanted.
    pub(crate) async fn until(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let limit = std::time::Duration::from_mins(2);
        hookline_tests::wait_until::until(path, limit, || async {
            let reply: Reply = self.get(path).await;
            Some(reply.json()).filter(|record| is_there(record))
        })
        .await
    }
}
