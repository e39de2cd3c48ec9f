//! A call, and its reply. What every answer has is checked for every reply.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use hookline_tests::connection::Answer;
use hookline_tests::target::Target;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use serde_json::Value;

/// A call that is sent when it is awaited.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    target: &'a dyn Target,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl<'a> Call<'a> {
    /// A call without a token. The operators of filters are encoded, as URIs demand.
    pub(crate) fn new(target: &'a dyn Target, method: Method, path: &str) -> Self {
        let path = path.replace('<', "%3C").replace('>', "%3E");
        Self { target, method, path, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// With this token, in place of any other.
    pub(crate) fn by(self, token: &str) -> Self {
        self.without("authorization").with("authorization", &format!("Bearer {token}"))
    }

    /// Without a token.
    pub(crate) fn by_nobody(self) -> Self {
        self.without("authorization")
    }

    /// With one more header.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.with_bytes(name, value.as_bytes())
    }

    /// With one more header, whose value need not be text.
    pub(crate) fn with_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.append(name, HeaderValue::from_bytes(value).expect("a header value"));
        self
    }

    /// Without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// With a JSON text as its body.
    pub(crate) fn json(self, body: impl Json) -> Self {
        self.with("content-type", "application/json").body(body.into_text())
    }

    /// With a body of no type.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    async fn send(self) -> Reply {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().expect("a path and query");
        *request.headers_mut() = self.headers;
        let Answer { status, headers, body } = self.target.send(request).await;
        let reply = Reply { call: format!("{} {}", self.method, self.path), status, headers, body };
        reply.check();
        reply
    }
}

impl<'a> IntoFuture for Call<'a> {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// What can be sent as JSON: a value, or a text as it is.
pub(crate) trait Json {
    fn into_text(self) -> String;
}

impl Json for &str {
    fn into_text(self) -> String {
        self.to_owned()
    }
}

impl Json for String {
    fn into_text(self) -> String {
        self
    }
}

impl Json for &String {
    fn into_text(self) -> String {
        self.clone()
    }
}

impl Json for Value {
    fn into_text(self) -> String {
        self.to_string()
    }
}

impl Json for &Value {
    fn into_text(self) -> String {
        self.to_string()
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) call: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The value of a header, if there is one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a visible value"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("answers are UTF-8")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The ids of a list.
    pub(crate) fn ids(&self) -> Vec<u64> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json().as_array().expect("a list").iter().map(|record| record["id"].as_u64().expect("an id")).collect()
    }

    /// The links of a page by relation, each as the path and query that leads there.
    pub(crate) fn links(&self) -> BTreeMap<String, String> {
        let Some(header) = self.header("link") else { return BTreeMap::new() };
        let links = header.split(", ").map(|link| {
            let (url, rel) = link.split_once(">; rel=\"").unwrap_or_else(|| panic!("a link: {link}"));
            let url = url.strip_prefix('<').unwrap_or_else(|| panic!("a link: {link}"));
            let rel = rel.strip_suffix('"').unwrap_or_else(|| panic!("nothing follows the relation: {link}"));
            assert!(!url.contains([',', ';', '<', '>', '"', ' ']), "encoded inside a link: {link}");
            let url = url::Url::parse(url).expect("links are absolute");
            (rel.to_owned(), url[url::Position::BeforePath..].to_owned())
        });
        links.collect()
    }

    /// Asserts status and body.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status.as_u16(), self.text()), (status, body), "{}", self.call);
    }

    /// Asserts a refusal whose body says nothing but its message.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, message: &str) {
        self.is(status, &serde_json::json!({ "message": message }).to_string());
    }

    /// Asserts a 422 with exactly these problems, in any order.
    #[track_caller]
    pub(crate) fn is_invalid(&self, problems: &[(&str, &str)]) {
        let mut answer = self.json();
        let mut found: Vec<[String; 2]> = serde_json::from_value(answer["errors"].take()).expect("pairs of texts");
        let mut expected: Vec<[String; 2]> =
            problems.iter().map(|(field, sentence)| [(*field).to_owned(), (*sentence).to_owned()]).collect();
        found.sort();
        expected.sort();
        assert_eq!((self.status.as_u16(), found), (422, expected), "{}", self.call);
        assert_eq!(answer["message"], "Validation Failed");
    }

    /// What every answer has (section 2).
    fn check(&self) {
        let id = self.header("x-request-id").and_then(|id| uuid::Uuid::parse_str(id).ok());
        assert!(id.is_some_and(|id| id.get_version_num() == 7), "the request's id is ours: {self:?}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self:?}");
        let is_public = self.header("cache-control") == Some("public, max-age=3600");
        assert!(is_public || self.header("cache-control") == Some("no-store"), "{self:?}");
        if self.body.is_empty() {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"), "{self:?}");
        let value = self.json();
        if self.status.is_client_error() || self.status.is_server_error() {
            let fields: Vec<&String> = value.as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
            let expected: &[&str] = if self.status == 422 { &["errors", "message"] } else { &["message"] };
            let lists = value.is_array() && self.status == 422;
            // OAuth has a form of its own (RFC 6749, section 5.2).
            let has_oauth = ["/token", "/console_links/redeem"].iter().any(|path| self.call.contains(path));
            let is_oauth = has_oauth && self.status == 400 && fields == ["error"];
            assert!(lists || is_oauth || fields == expected, "{self:?}");
        }
        let has_rate = self.headers.contains_key("x-ratelimit-limit");
        assert!(!(self.status == 401 && has_rate), "a call without a token has no rate: {self:?}");
    }
}
