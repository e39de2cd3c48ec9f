//! The report of a test (section 3, `POST /webhooks/:id/test?report=true`): the test runs in the request, over a
//! connection of its own, and reports what was learned. Like every test it leaves a record, and counts for
//! nothing.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::test;
use crate::errors::UseCaseError;
use crate::ids::WebhookId;
use crate::model::{Account, Delivery, Outcome, ResponseRecord, Timings};
use crate::ports::{Exchange, TlsInfo};
use crate::service::Service;
use crate::use_cases::send;
use crate::values::http_date;

/// What a test showed.
#[derive(Debug)]
pub struct TestReport {
    /// Its record.
    pub delivery: Delivery,
    /// The endpoint's addresses, as far as they may be connected to.
    pub addresses: Vec<IpAddr>,
    /// The TLS connection; `None` if none was begun.
    pub tls: Option<TlsInfo>,
    /// By how many seconds the endpoint's clock is ahead of ours; `None` if its answer has no date.
    pub clock_difference: Option<i64>,
}

/// Tests a webhook and reports.
pub async fn test_report(service: &Service, account: &Account, id: WebhookId) -> Result<TestReport, UseCaseError> {
    let (_, attempt) = test::test_attempt(service, account, id).await?;
    let target = service.webhooks.target(&account.id, id).await?.ok_or(UseCaseError::NotFound)?;
    let began = service.clock.now();
    let (span, trace) = send::begin_span(service, &attempt, &target);
    let prepared = send::prepare(service, &attempt, &target, trace).await?.map_err(|_| UseCaseError::NotFound)?;
    let (request, examined) = prepared.examine(service).await?;
    let Exchange { result, timings, address, connection: _ } = examined.exchange;
    let (response, failure) = send::judged(result);
    let clock_difference = response.as_ref().and_then(|response| clock_difference(response, began, &timings));
    let outcome = if failure.is_none() { Outcome::Succeeded } else { Outcome::Failed };
    let delivery = Delivery {
        failure,
        request: Some(request),
        response,
        timings: Some(timings),
        address,
        ..Delivery::of_attempt(&attempt, began, outcome)
    };
    service.deliveries.record(&delivery).await?;
    if let Some(span) = span {
        span.end(Some(&delivery));
    }
    Ok(TestReport { delivery, addresses: examined.addresses, tls: examined.tls, clock_difference })
}

/// The answer's `Date` minus our time when its head came.
fn clock_difference(response: &ResponseRecord, began: Timestamp, timings: &Timings) -> Option<i64> {
    let Timings { dns, connect, tls, first_byte, total: _, reconnected: _ } = timings;
    let until_head: Duration = [dns, connect, tls, first_byte].into_iter().flatten().sum();
    let head_came = began + SignedDuration::try_from(until_head).ok()?;
    let (_, date) = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
    Some(http_date::date(date)?.as_second() - head_came.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_are_compared_when_the_head_comes() {
        let answer = |date: &str| ResponseRecord {
            status: 200,
            headers: vec![("Via".to_owned(), "x".to_owned()), ("DATE".to_owned(), date.to_owned())],
            body: String::new(),
        };
        let began = Timestamp::from_second(784_111_777 - 10).unwrap();
        let timings = Timings {
            dns: Some(Duration::from_secs(1)),
            first_byte: Some(Duration::from_secs(4)),
            total: Duration::from_secs(9),
            ..Timings::default()
        };
        assert_eq!(clock_difference(&answer("Sun, 06 Nov 1994 08:49:37 GMT"), began, &timings), Some(5));
        assert_eq!(clock_difference(&answer("Sun, 06 Nov 1994 08:48:32 GMT"), began, &timings), Some(-60));
        assert_eq!(clock_difference(&answer("soon"), began, &timings), None);
    }
}
