//! A transport that reports to the scheduler how the hosts keep up.

use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::model::{ErrorClass, Failure};
use hookline_core::ports::{Exchange, Inspection, OutgoingRequest, Transport};
use hookline_core::values::EndpointUri;

use crate::queue::lane::AccountHost;
use crate::queue::scheduler::Scheduler;
use crate::queue::unit_of_work::UnitOfWork;

/// Reports the result of every request to the scheduler.
pub(super) struct ObservedTransport {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) scheduler: Arc<Scheduler>,
}

#[async_trait]
impl Transport for ObservedTransport {
    fn permits(&self, uri: &EndpointUri) -> bool {
        self.transport.permits(uri)
    }

    async fn post(&self, request: OutgoingRequest<'_>) -> PortResult<Exchange> {
        let host = UnitOfWork::current()
            .map(|unit| AccountHost { account: unit.account, host: request.uri.host().hash().cast_signed() });
        let exchange = self.transport.post(request).await?;
        match (host, keeps_up(&exchange)) {
            (Some(host), Some(true)) => self.scheduler.succeeded(host),
            (Some(host), Some(false)) => self.scheduler.congested(host),
            (_, None) | (None, _) => {}
        }
        Ok(exchange)
    }

    async fn examine(&self, request: OutgoingRequest<'_>) -> PortResult<Inspection> {
        self.transport.examine(request).await
    }
}

/// `None` if the result says nothing about the host's load.
fn keeps_up(exchange: &Exchange) -> Option<bool> {
    match &exchange.result {
        Ok(response) if (200..300).contains(&response.status) => Some(true),
        Ok(response) if response.status == 429 => Some(false),
        Err(Failure { class: ErrorClass::Timeout | ErrorClass::ConnectTimeout, .. }) => Some(false),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::model::{ResponseRecord, Timings};
    use hookline_core::ports::ConnectionUse;

    use super::*;

    #[test]
    fn successes_timeouts_and_429_tell_of_the_pace() {
        let exchange =
            |result| Exchange { result, timings: Timings::default(), address: None, connection: ConnectionUse::New };
        let answer =
            |status| keeps_up(&exchange(Ok(ResponseRecord { status, headers: Vec::new(), body: String::new() })));
        let failure = |class| keeps_up(&exchange(Err(Failure::new(class, "x"))));
        assert_eq!([200, 204, 299].map(answer), [Some(true); 3]);
        assert_eq!([429].map(answer), [Some(false)]);
        assert_eq!([301, 404, 500, 503].map(answer), [None; 4]);
        assert_eq!([ErrorClass::Timeout, ErrorClass::ConnectTimeout].map(failure), [Some(false); 2]);
        assert_eq!(
            [ErrorClass::Refused, ErrorClass::Dns, ErrorClass::Tls, ErrorClass::Protocol].map(failure),
            [None; 4]
        );
    }
}
