//! `/webhook_policies`, and the public documents of discovery (section 7).

use futures_util::FutureExt as _;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::PolicyId;
use hookline_core::model::{Policy, PolicyName};
use hookline_core::service::Service;
use hookline_core::signing::{Algorithm, SigningKey};
use hookline_core::use_cases::policies::{self, PolicyWithKey};
use hookline_core::values::{Condition, FieldValue, Filter, Secret, node_id};
use http::header::{CACHE_CONTROL, ETAG, LOCATION};
use http::{Method, StatusCode};
use serde_json::json;

use crate::input::{self, JsonObject};
use crate::listing::{PageLinks, QueryParameters, Selection, page_answer, query};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, PublicRequest, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse, EntityTag};
use crate::views::policy::{KEY, MADE, POLICY, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhook_policies",
        id: "listWebhookPolicies",
        summary: "Lists the webhook policies of the account, oldest first.",
        query: QuerySpec::List(&POLICY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("WebhookPolicies")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request, None).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/enabled",
        id: "listEnabledWebhookPolicies",
        summary: "Lists the webhook policies that are not disabled.",
        query: QuerySpec::List(&POLICY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("WebhookPolicies")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request, Some(false)).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/disabled",
        id: "listDisabledWebhookPolicies",
        summary: "Lists the webhook policies that are disabled.",
        query: QuerySpec::List(&POLICY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("WebhookPolicies")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request, Some(true)).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhook_policies",
        id: "createWebhookPolicy",
        summary: "Creates a webhook policy. Only this response shows the key that receivers verify with.",
        query: QuerySpec::Record(&MADE),
        body: BodySpec::Json("WebhookPolicyInput"),
        success: (StatusCode::CREATED, Some("WebhookPolicyWithKey")),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| create(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{id}",
        id: "getWebhookPolicy",
        summary: "Shows a webhook policy.",
        query: QuerySpec::Record(&POLICY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("WebhookPolicy")),
        other: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Authenticated(Permission::Read, |request| show(request).boxed()),
    },
    Route {
        method: Method::PATCH,
        path: "/webhook_policies/{id}",
        id: "updateWebhookPolicy",
        summary: "Updates the given fields of a webhook policy. Its algorithm can't be changed.",
        query: QuerySpec::Record(&POLICY),
        body: BodySpec::Json("WebhookPolicyChanges"),
        success: (StatusCode::OK, Some("WebhookPolicy")),
        other: &[(StatusCode::PRECONDITION_FAILED, Some("Message"))],
        handler: Handler::Authenticated(Permission::Administer, |request| update(request).boxed()),
    },
    Route {
        method: Method::DELETE,
        path: "/webhook_policies/{id}",
        id: "deleteWebhookPolicy",
        summary: "Deletes a webhook policy that no webhook uses.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::NO_CONTENT, None),
        other: &[
            (StatusCode::PRECONDITION_FAILED, Some("Message")),
            (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed")),
        ],
        handler: Handler::Authenticated(Permission::Administer, |request| delete(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhook_policies/{id}/rotate",
        id: "rotateWebhookPolicy",
        summary: "Rotates the key of a webhook policy, or activates its newest key for webhooks without discovery.",
        query: QuerySpec::Record(&MADE),
        body: BodySpec::Optional("RotationInput"),
        success: (StatusCode::CREATED, Some("WebhookPolicyWithKey")),
        other: &[(StatusCode::OK, Some("WebhookPolicy"))],
        handler: Handler::Authenticated(Permission::Administer, |request| rotate(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{name}/.well-known/openid-configuration",
        id: "getWebhookPolicyConfiguration",
        summary: "Returns the OpenID configuration of the issuer of JWTs. Below the account URL; with the name of the policy, not its id.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("OpenIdConfiguration")),
        other: &[],
        handler: Handler::Public(|request| configuration(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{name}/.well-known/jwks.json",
        id: "getWebhookPolicyKeys",
        summary: "Returns the keys that verify JWTs of the issuer. Below the account URL; with the name of the policy, not its id.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("JsonWebKeySet")),
        other: &[],
        handler: Handler::Public(|request| key_set(request).boxed()),
    },
];

/// How long caches may keep a public document. A new key is published much longer than that before it signs.
const CACHEABLE: &str = "public, max-age=3600";

/// The policy that the path names.
pub(super) fn policy_id(request: &AuthenticatedRequest) -> Result<PolicyId, ApiError> {
    let domain = &request.service().settings.domain;
    node_id::parse(domain, "WebhookPolicy", &request.id).map(PolicyId).ok_or(ApiError::NotFound)
}

async fn list(request: AuthenticatedRequest, disabled: Option<bool>) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let parameters = QueryParameters::parse(&request.query);
    let selection = Selection::of_list(&POLICY, &parameters)?;
    let mut query = query(&POLICY, &parameters, &account.time_zone)?;
    query.filters.extend(disabled.map(|disabled| Filter {
        field: "disabled",
        test: Condition::OneOf(vec![FieldValue::Bool(disabled)]),
        ignore_case: false,
    }));
    let page = service.policies.list_policies(&account.id, &query).await?;
    let show = |policy| view(policy, &selection, &service.settings, &account.time_zone);
    let records: Vec<_> = page.items.iter().map(show).collect();
    let links = PageLinks::new(&request.base_url(&service.settings), &request.url.path, &request.query);
    Ok(page_answer(&records, links, &query, page, sort_value, |policy| policy.id.0))
}

async fn show(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = policy_id(&request)?;
    let selection = Selection::of_record(&POLICY, &QueryParameters::parse(&request.query))?;
    let policy = request.service().policies.policy(&request.caller.account.id, id).await?.ok_or(ApiError::NotFound)?;
    let tag = EntityTag::of_policy(&policy);
    if tag.is_known_to(&request.headers) {
        return Ok(ApiResponse::empty(StatusCode::NOT_MODIFIED).with(ETAG, tag.header()));
    }
    Ok(record(&request, &policy, &selection))
}

async fn create(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let selection = Selection::of_record(&MADE, &QueryParameters::parse(&request.query))?;
    let input = input::policy(&JsonObject::read(body::text(&request.body)?)?);
    let account = &request.caller.account.id;
    let made =
        policies::create(service, account, request.person(), &input, |algorithm| make_key(service, algorithm)).await?;
    let location = format!("{}/webhook_policies/{}", service.settings.account_url(account), made.policy.id);
    Ok(with_key(&request, &made, &selection).with(LOCATION, location))
}

async fn update(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = policy_id(&request)?;
    let selection = Selection::of_record(&POLICY, &QueryParameters::parse(&request.query))?;
    let input = input::policy(&JsonObject::read(body::text(&request.body)?)?);
    let if_match = |stored: &Policy| EntityTag::of_policy(stored).is_expected_by(&request.headers);
    let policy =
        policies::update(request.service(), &request.caller.account.id, request.person(), id, &input, if_match).await?;
    Ok(record(&request, &policy, &selection))
}

async fn delete(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = policy_id(&request)?;
    let if_match = |stored: &Policy| EntityTag::of_policy(stored).is_expected_by(&request.headers);
    policies::delete(request.service(), &request.caller.account.id, request.person(), id, if_match).await?;
    Ok(ApiResponse::empty(StatusCode::NO_CONTENT))
}

async fn rotate(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let id = policy_id(&request)?;
    let selection = Selection::of_record(&MADE, &QueryParameters::parse(&request.query))?;
    let rotation = input::rotation(&JsonObject::read(body::text(&request.body)?)?)?;
    let make = |algorithm| make_key(service, algorithm);
    let made = policies::rotate(service, &request.caller.account.id, request.person(), id, rotation, make).await?;
    if rotation.activate {
        return Ok(record(&request, &made.policy, &selection));
    }
    Ok(with_key(&request, &made, &selection))
}

/// Creates a key on a thread for blocking work.
async fn make_key(service: &Service, algorithm: Algorithm) -> PortResult<SigningKey> {
    let entropy = service.entropy.clone();
    let making = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm, &*entropy));
    making.await.map_err(|error| PortError::unavailable("cryptography", error))?
}

/// A single policy and its entity tag.
fn record(request: &AuthenticatedRequest, policy: &Policy, selection: &Selection) -> ApiResponse {
    let record = view(policy, selection, &request.service().settings, &request.caller.account.time_zone);
    ApiResponse::ok(&record).with(ETAG, EntityTag::of_policy(policy).header())
}

/// A policy with its new key. No other response shows the key.
fn with_key(request: &AuthenticatedRequest, made: &PolicyWithKey, selection: &Selection) -> ApiResponse {
    let PolicyWithKey { policy, key } = made;
    let mut record = view(policy, selection, &request.service().settings, &request.caller.account.time_zone);
    record.always(KEY, key.as_ref().map(Secret::expose));
    ApiResponse::json(StatusCode::CREATED, &record).with(ETAG, EntityTag::of_policy(policy).header())
}

/// The policy of a public document: one of the account in the URL, with keys that can be published.
async fn public_policy(request: &PublicRequest) -> Result<Policy, ApiError> {
    let account = request.account()?;
    let name = PolicyName::parse(&request.id).ok_or(ApiError::NotFound)?;
    let policy = request.service().policies.policy_by_name(&account, &name).await?;
    policy.filter(|policy| policy.algorithm.has_public_key()).ok_or(ApiError::NotFound)
}

async fn configuration(request: PublicRequest) -> Result<ApiResponse, ApiError> {
    let policy = public_policy(&request).await?;
    let issuer = policy.name.issuer(&request.service().settings, &policy.account);
    let document = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json")});
    Ok(ApiResponse::ok(&document).with(CACHE_CONTROL, CACHEABLE))
}

async fn key_set(request: PublicRequest) -> Result<ApiResponse, ApiError> {
    let policy = public_policy(&request).await?;
    let published = policy.keys.published(request.service().clock.now());
    let keys: Option<Vec<_>> = published.map(|key| key.public.as_ref()?.to_jwk(key.kid, policy.algorithm)).collect();
    let keys = keys.ok_or_else(|| PortError::unavailable("store", "a public key is unreadable"))?;
    Ok(ApiResponse::ok(&json!({ "keys": keys })).with(CACHE_CONTROL, CACHEABLE))
}
