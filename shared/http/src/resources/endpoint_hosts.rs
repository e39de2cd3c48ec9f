//! `/endpoint_hosts` (section 8, *Throttling*).

use futures_util::FutureExt as _;
use hookline_core::ports::HostStatus;
use hookline_core::use_cases::health;
use hookline_core::values::{FieldValue, ListQuery, Page, Position};
use http::{Method, StatusCode};

use crate::listing::{PageLinks, QueryParameters, Selection, page_answer, query};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route};
use crate::response::{ApiError, ApiResponse};
use crate::views::endpoint_host::{ENDPOINT_HOST, host, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/endpoint_hosts",
        id: "listEndpointHosts",
        summary: "Lists the throttled endpoint hosts of the account's webhooks, with the number of waiting messages.",
        query: QuerySpec::List(&ENDPOINT_HOST),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("EndpointHosts")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request).boxed()),
    },
    Route {
        method: Method::DELETE,
        path: "/endpoint_hosts/{id}/throttle",
        id: "liftThrottle",
        summary: "Lifts the throttle of an endpoint host.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::NO_CONTENT, None),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| lift(request).boxed()),
    },
];

async fn list(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let parameters = QueryParameters::parse(&request.query);
    let selection = Selection::of_list(&ENDPOINT_HOST, &parameters)?;
    let query = query(&ENDPOINT_HOST, &parameters, &account.time_zone)?;
    let hosts = service.health.troubled_hosts(&account.id, service.clock.now()).await?;
    let page = part(hosts, &query);
    let records: Vec<_> = page.items.iter().map(|status| view(status, &selection, &account.time_zone)).collect();
    let links = PageLinks::new(&request.base_url(&service.settings), &request.url.path, &request.query);
    // The name is a unique sort key.
    Ok(page_answer(&records, links, &query, page, sort_value, |_| 0))
}

async fn lift(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let host = host(&request.id).ok_or(ApiError::NotFound)?;
    health::lift_throttle(request.service(), &request.caller.account.id, &host).await?;
    Ok(ApiResponse::empty(StatusCode::NO_CONTENT))
}

/// A page of a short list that is sorted by name.
fn part(hosts: Vec<HostStatus>, query: &ListQuery) -> Page<HostStatus> {
    let (total, size) = (hosts.len(), query.per_page as usize);
    let place = |value: Option<&Option<FieldValue>>, inclusive: bool| {
        let before = |host: &HostStatus| match value.and_then(Option::as_ref) {
            Some(FieldValue::Text(text)) => {
                host.host.as_str() < text.as_str() || inclusive && host.host.as_str() == text
            }
            Some(FieldValue::Int(_) | FieldValue::Bool(_) | FieldValue::Time(_)) | None => false,
        };
        hosts.iter().filter(|host| before(host)).count()
    };
    let (from, to) = match &query.position {
        Position::Page(page) => {
            let from = usize::try_from(page.max(&1) - 1).unwrap_or(total).saturating_mul(size);
            (from, from.saturating_add(size))
        }
        Position::After(cursor) => {
            let from = place(cursor.values.first(), true);
            (from, from + size)
        }
        Position::Before(cursor) => {
            let to = place(cursor.values.first(), false);
            (to.saturating_sub(size), to)
        }
    };
    let items = hosts.into_iter().take(to).skip(from).collect();
    Page { items, total: total as u64, offset: from as u64 }
}

#[cfg(test)]
mod tests {
    use hookline_core::model::HostHealth;
    use hookline_core::values::{Cursor, EndpointHost, Sort};

    use super::*;

    #[test]
    fn parts_of_a_list() {
        let hosts: Vec<HostStatus> = ["a", "b", "c", "d", "e"]
            .map(|name| EndpointHost::parse(&format!("http://{name}:80")).unwrap())
            .map(|host| HostStatus { host, health: HostHealth::default(), waiting: 0 })
            .into();
        let at = |name: &str| {
            let values = vec![Some(FieldValue::Text(format!("http://{name}:80")))];
            Cursor { offset: 0, values, id: 0 }
        };
        for (position, expected, offset) in [
            (Position::Page(1), "ab", 0),
            (Position::Page(3), "e", 4),
            (Position::Page(4), "", 6),
            (Position::After(at("b")), "cd", 2),
            (Position::After(at("bb")), "cd", 2),
            (Position::Before(at("c")), "ab", 0),
            (Position::Before(at("b")), "a", 0),
        ] {
            let sort = vec![Sort { field: "host", descending: false }];
            let query = ListQuery { filters: Vec::new(), sort, position, per_page: 2 };
            let page = part(hosts.clone(), &query);
            let names: String = page.items.iter().map(|status| &status.host.as_str()[7..8]).collect();
            assert_eq!((names.as_str(), page.total, page.offset), (expected, 5, offset), "{:?}", query.position);
        }
    }
}
