//! `/webhook_policies`, and the public documents of discovery (section 7).

use futures_util::FutureExt as _;
use hookline_core::listing::{Filter, Test, Value};
use hookline_core::node_id;
use hookline_core::policies::{self, Made};
use hookline_core::policy::{Policy, PolicyId, PolicyName};
use hookline_core::ports::{self, Fault, Service};
use hookline_core::secret::Secret;
use hookline_core::signing::algorithm::Algorithm;
use hookline_core::signing::keys::SigningKey;
use http::header::{CACHE_CONTROL, ETAG, LOCATION};
use http::{Method, StatusCode};
use serde_json::json;

use crate::input::{self, Object};
use crate::listing::{Links, Parameters, Selection, page_headers, query};
use crate::request::{BodyOf, Call, Duty, Handler, QueryOf, Route, Visit, body};
use crate::response::{Answer, EntityTag, Refusal};
use crate::views::policy::{KEY, MADE, POLICY, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhook_policies",
        id: "listWebhookPolicies",
        summary: "Lists the webhook policies of the account, oldest first.",
        query: QueryOf::List(&POLICY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("WebhookPolicies")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list(call, None).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/enabled",
        id: "listEnabledWebhookPolicies",
        summary: "Lists the webhook policies that are not disabled.",
        query: QueryOf::List(&POLICY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("WebhookPolicies")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list(call, Some(false)).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/disabled",
        id: "listDisabledWebhookPolicies",
        summary: "Lists the webhook policies that are disabled.",
        query: QueryOf::List(&POLICY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("WebhookPolicies")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list(call, Some(true)).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhook_policies",
        id: "createWebhookPolicy",
        summary: "Creates a webhook policy. This answer alone shows what receivers verify with.",
        query: QueryOf::Record(&MADE),
        body: BodyOf::Json("WebhookPolicyInput"),
        good: (StatusCode::CREATED, Some("WebhookPolicyWithKey")),
        also: &[],
        handler: Handler::Closed(Duty::Administer, |call| create(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{id}",
        id: "getWebhookPolicy",
        summary: "Shows a webhook policy.",
        query: QueryOf::Record(&POLICY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("WebhookPolicy")),
        also: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Closed(Duty::Read, |call| show(call).boxed()),
    },
    Route {
        method: Method::PATCH,
        path: "/webhook_policies/{id}",
        id: "updateWebhookPolicy",
        summary: "Changes the fields of a webhook policy that the input mentions. Its algorithm can't be changed.",
        query: QueryOf::Record(&POLICY),
        body: BodyOf::Json("WebhookPolicyInput"),
        good: (StatusCode::OK, Some("WebhookPolicy")),
        also: &[(StatusCode::PRECONDITION_FAILED, Some("Message"))],
        handler: Handler::Closed(Duty::Administer, |call| update(call).boxed()),
    },
    Route {
        method: Method::DELETE,
        path: "/webhook_policies/{id}",
        id: "deleteWebhookPolicy",
        summary: "Deletes a webhook policy that no webhook uses.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::NO_CONTENT, None),
        also: &[
            (StatusCode::PRECONDITION_FAILED, Some("Message")),
            (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed")),
        ],
        handler: Handler::Closed(Duty::Administer, |call| delete(call).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhook_policies/{id}/rotate",
        id: "rotateWebhookPolicy",
        summary: "Gives the webhook policy a new key, or activates the newest for webhooks without discovery.",
        query: QueryOf::Record(&MADE),
        body: BodyOf::Optional("RotationInput"),
        good: (StatusCode::CREATED, Some("WebhookPolicyWithKey")),
        also: &[(StatusCode::OK, Some("WebhookPolicy"))],
        handler: Handler::Closed(Duty::Administer, |call| rotate(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{name}/.well-known/openid-configuration",
        id: "getWebhookPolicyConfiguration",
        summary: "Where the keys of the issuer of JWTs are. Below the account URL; the policy's name, not its id.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("OpenIdConfiguration")),
        also: &[],
        handler: Handler::Open(|visit| configuration(visit).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{name}/.well-known/jwks.json",
        id: "getWebhookPolicyKeys",
        summary: "The keys that verify JWTs of the issuer. Below the account URL; the policy's name, not its id.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("JsonWebKeySet")),
        also: &[],
        handler: Handler::Open(|visit| key_set(visit).boxed()),
    },
];

/// How long caches may keep a public document; far shorter than a new key is published before it signs.
const CACHEABLE: &str = "public, max-age=3600";

/// The policy that the path names.
pub(super) fn policy_id(call: &Call) -> Result<PolicyId, Refusal> {
    let domain = &call.service().settings.domain;
    node_id::parse(domain, "WebhookPolicy", &call.id).map(PolicyId).ok_or(Refusal::NotFound)
}

async fn list(call: Call, disabled: Option<bool>) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let parameters = Parameters::parse(&call.query);
    let selection = Selection::of_list(&POLICY, &parameters)?;
    let mut query = query(&POLICY, &parameters, &account.time_zone)?;
    query.filters.extend(disabled.map(|disabled| Filter {
        field: "disabled",
        test: Test::OneOf(vec![Value::Bool(disabled)]),
        ignore_case: false,
    }));
    let page = service.policies.list_policies(&account.id, &query).await?;
    let show = |policy| view(policy, &selection, &service.settings, &account.time_zone);
    let records: Vec<_> = page.items.iter().map(show).collect();
    let links = Links::new(&call.base_url(&service.settings), &call.place.asked, &call.query);
    Ok(page_headers(Answer::ok(&records), links, &query, &page, sort_value, |policy| policy.id.0))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let id = policy_id(&call)?;
    let selection = Selection::of_record(&POLICY, &Parameters::parse(&call.query))?;
    let policy = call.service().policies.policy(&call.caller.account.id, id).await?.ok_or(Refusal::NotFound)?;
    let tag = EntityTag::of_policy(&policy);
    if tag.is_known_to(&call.headers) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED).with(ETAG, tag.header()));
    }
    Ok(record(&call, &policy, &selection))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let selection = Selection::of_record(&MADE, &Parameters::parse(&call.query))?;
    let input = input::policy(&Object::read(body::text(&call.body)?)?);
    let account = &call.caller.account.id;
    let made =
        policies::create(service, account, call.person(), &input, |algorithm| make_key(service, algorithm)).await?;
    let location = format!("{}/webhook_policies/{}", service.settings.account_url(account), made.policy.id);
    Ok(with_key(&call, &made, &selection).with(LOCATION, location))
}

async fn update(call: Call) -> Result<Answer, Refusal> {
    let id = policy_id(&call)?;
    let selection = Selection::of_record(&POLICY, &Parameters::parse(&call.query))?;
    let input = input::policy(&Object::read(body::text(&call.body)?)?);
    let if_match = |stored: &Policy| EntityTag::of_policy(stored).is_expected_by(&call.headers);
    let policy = policies::update(call.service(), &call.caller.account.id, call.person(), id, &input, if_match).await?;
    Ok(record(&call, &policy, &selection))
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    let id = policy_id(&call)?;
    let if_match = |stored: &Policy| EntityTag::of_policy(stored).is_expected_by(&call.headers);
    policies::delete(call.service(), &call.caller.account.id, call.person(), id, if_match).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn rotate(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let id = policy_id(&call)?;
    let selection = Selection::of_record(&MADE, &Parameters::parse(&call.query))?;
    let rotation = input::rotation(&Object::read(body::text(&call.body)?)?);
    let make = |algorithm| make_key(service, algorithm);
    let made = policies::rotate(service, &call.caller.account.id, call.person(), id, rotation, make).await?;
    if rotation.activate {
        return Ok(record(&call, &made.policy, &selection));
    }
    Ok(with_key(&call, &made, &selection))
}

/// Makes a key where it blocks nobody.
async fn make_key(service: &Service, algorithm: Algorithm) -> ports::Answer<SigningKey> {
    let entropy = service.entropy.clone();
    let making = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm, &*entropy));
    making.await.map_err(|error| Fault::unavailable("cryptography", error))?
}

/// A single policy and its entity tag.
fn record(call: &Call, policy: &Policy, selection: &Selection) -> Answer {
    let record = view(policy, selection, &call.service().settings, &call.caller.account.time_zone);
    Answer::ok(&record).with(ETAG, EntityTag::of_policy(policy).header())
}

/// A policy with what receivers verify with: the one answer that shows it.
fn with_key(call: &Call, made: &Made, selection: &Selection) -> Answer {
    let Made { policy, key } = made;
    let mut record = view(policy, selection, &call.service().settings, &call.caller.account.time_zone);
    record.always(KEY, key.as_ref().map(Secret::expose));
    Answer::json(StatusCode::CREATED, &record).with(ETAG, EntityTag::of_policy(policy).header())
}

/// The policy whose public documents are asked for: one of the account in the URL, with keys that can be published.
async fn public_policy(visit: &Visit) -> Result<Policy, Refusal> {
    let account = visit.account()?;
    let name = PolicyName::parse(&visit.id).ok_or(Refusal::NotFound)?;
    let policy = visit.service().policies.policy_by_name(&account, &name).await?;
    policy.filter(|policy| policy.algorithm.has_public_key()).ok_or(Refusal::NotFound)
}

async fn configuration(visit: Visit) -> Result<Answer, Refusal> {
    let policy = public_policy(&visit).await?;
    let issuer = policy.name.issuer(&visit.service().settings, &policy.account);
    let document = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json")});
    Ok(Answer::ok(&document).with(CACHE_CONTROL, CACHEABLE))
}

async fn key_set(visit: Visit) -> Result<Answer, Refusal> {
    let policy = public_policy(&visit).await?;
    let published = policy.keys.published(visit.service().clock.now());
    let keys: Option<Vec<_>> = published.map(|key| key.public.as_ref()?.to_jwk(key.kid, policy.algorithm)).collect();
    let keys = keys.ok_or_else(|| Fault::unavailable("store", "a public key is unreadable"))?;
    Ok(Answer::ok(&json!({ "keys": keys })).with(CACHE_CONTROL, CACHEABLE))
}
