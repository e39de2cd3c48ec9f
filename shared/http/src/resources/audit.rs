//! `/webhooks/:id/audit` and `/webhook_policies/:id/audit` (sections 3 and 7): who changed what, newest first, also of a deleted record.

use futures_util::FutureExt as _;
use hookline_core::audit::Subject;
use hookline_core::listing::{Position, Query};
use http::{Method, StatusCode};

use super::{policies, webhooks};
use crate::listing::{Links, Parameters, Selection, page_headers, query};
use crate::request::{BodyOf, Call, Duty, Handler, QueryOf, Route};
use crate::response::{Answer, Refusal};
use crate::views::audit::{AUDIT_ENTRY, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/audit",
        id: "listAuditOfWebhook",
        summary: "Lists what was done to a webhook, also to a deleted one, and by whom, newest first.",
        query: QueryOf::List(&AUDIT_ENTRY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Audit")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| of_webhook(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{id}/audit",
        id: "listAuditOfWebhookPolicy",
        summary: "Lists what was done to a webhook policy, also to a deleted one, and by whom, newest first.",
        query: QueryOf::List(&AUDIT_ENTRY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Audit")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| of_policy(call).boxed()),
    },
];

async fn of_webhook(call: Call) -> Result<Answer, Refusal> {
    let id = webhooks::webhook_id(&call)?;
    list(&call, Subject::Webhook(id)).await
}

async fn of_policy(call: Call) -> Result<Answer, Refusal> {
    let id = policies::policy_id(&call)?;
    list(&call, Subject::Policy(id)).await
}

/// The audit trail of a record. Every record has an entry: one without any does not exist in this account.
async fn list(call: &Call, subject: Subject) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let parameters = Parameters::parse(&call.query);
    let selection = Selection::of_list(&AUDIT_ENTRY, &parameters)?;
    let query = query(&AUDIT_ENTRY, &parameters, &account.time_zone)?;
    let page = service.audit.list_audit(&account.id, subject, &query).await?;
    if page.total == 0 {
        let any = Query { filters: Vec::new(), position: Position::Page(1), per_page: 1, sort: query.sort.clone() };
        if service.audit.list_audit(&account.id, subject, &any).await?.total == 0 {
            return Err(Refusal::NotFound);
        }
    }
    let zone = &account.time_zone;
    let records: Vec<_> = page.items.iter().map(|entry| view(entry, &selection, &service.settings, zone)).collect();
    let links = Links::new(&call.base_url(&service.settings), &call.place.asked, &call.query);
    Ok(page_headers(Answer::ok(&records), links, &query, &page, sort_value, |entry| entry.id))
}
