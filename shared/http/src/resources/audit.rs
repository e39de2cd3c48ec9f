//! `/webhooks/:id/audit` and `/webhook_policies/:id/audit` (sections 3 and 7): who changed what, newest first, also of a deleted record.

use futures_util::FutureExt as _;
use hookline_core::model::AuditSubject;
use hookline_core::values::{ListQuery, Position};
use http::{Method, StatusCode};

use super::{policies, webhooks};
use crate::listing::{PageLinks, QueryParameters, Selection, page_answer, query};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route};
use crate::response::{ApiError, ApiResponse};
use crate::views::audit::{AUDIT_ENTRY, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/audit",
        id: "listAuditOfWebhook",
        summary: "Lists the audit trail of a webhook, also of a deleted one, newest first.",
        query: QuerySpec::List(&AUDIT_ENTRY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Audit")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| of_webhook(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_policies/{id}/audit",
        id: "listAuditOfWebhookPolicy",
        summary: "Lists the audit trail of a webhook policy, also of a deleted one, newest first.",
        query: QuerySpec::List(&AUDIT_ENTRY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Audit")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| of_policy(request).boxed()),
    },
];

async fn of_webhook(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhooks::webhook_id(&request)?;
    list(&request, AuditSubject::Webhook(id)).await
}

async fn of_policy(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = policies::policy_id(&request)?;
    list(&request, AuditSubject::Policy(id)).await
}

/// The audit trail of a record. Every record has at least one entry, so none means that the account has no such record.
async fn list(request: &AuthenticatedRequest, subject: AuditSubject) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let parameters = QueryParameters::parse(&request.query);
    let selection = Selection::of_list(&AUDIT_ENTRY, &parameters)?;
    let query = query(&AUDIT_ENTRY, &parameters, &account.time_zone)?;
    let page = service.audit.list_audit(&account.id, subject, &query).await?;
    if page.total == 0 {
        let any = ListQuery { filters: Vec::new(), position: Position::Page(1), per_page: 1, sort: query.sort.clone() };
        if service.audit.list_audit(&account.id, subject, &any).await?.total == 0 {
            return Err(ApiError::NotFound);
        }
    }
    let zone = &account.time_zone;
    let records: Vec<_> = page.items.iter().map(|entry| view(entry, &selection, &service.settings, zone)).collect();
    let links = PageLinks::new(&request.base_url(&service.settings), &request.url.path, &request.query);
    Ok(page_answer(&records, links, &query, page, sort_value, |entry| entry.id))
}
