//! What leaves the house: POSTs to the endpoints of the world, and mails.

use std::time::Duration;

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::endpoint_uri::EndpointUri;
use hookline_core::ports::{Admission, Answer, Exchange, Mail, Mailer, Notices, OutgoingRequest, Transport};
use hookline_core::webhook::WebhookId;
use jiff::Timestamp;

use super::Gated;
use crate::steps::Step;
use crate::world::{Post, Sent};

#[async_trait]
impl Transport for Gated {
    fn permits(&self, _uri: &EndpointUri) -> bool {
        true
    }

    async fn post(&self, request: OutgoingRequest<'_>) -> Exchange {
        let effect = async {
            let mut guard = self.world.lock();
            let state = &mut *guard;
            let headers: Vec<(String, String)> =
                request.headers.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
            let host = request.uri.url().host_str();
            let (exchange, millis) = state.endpoints.answer(host, state.now, &mut state.chance, &headers);
            let success = exchange.result.as_ref().is_ok_and(|response| (200..300).contains(&response.status));
            state.coverage.posts += 1;
            let work = state.work().clone();
            match work.attempt {
                Some(attempt) => state.log.posts.push(Post {
                    attempt,
                    target: work.target,
                    uri: request.uri.url().to_string(),
                    headers,
                    body: request.body.clone(),
                }),
                None => state.violation("a POST that no message of the queue asked for"),
            }
            state.note(|| format!("      POST {} -> {:?}", request.uri.host().as_str(), exchange.result));
            (exchange, millis, success)
        };
        let (exchange, millis, success) = self.world.sure_step(Step::Post, effect).await;
        // The answer takes its time, and the others go on meanwhile.
        self.world.pause().await;
        let mut state = self.world.lock();
        state.now += millis;
        let (at, moved_back) = (state.now, state.moved_back);
        state.work().sent = Some(Sent { success, at, moved_back });
        drop(state);
        exchange
    }
}

#[async_trait]
impl Mailer for Gated {
    async fn send(&self, mail: &Mail) -> Answer<()> {
        let effect = async {
            let mut state = self.world.lock();
            let now = state.now;
            state.log.mails.push((now, mail.clone()));
            state.log.texts.push(format!("{mail:?}"));
            Ok(())
        };
        self.world.step(Step::SendMail, effect).await
    }
}

#[async_trait]
impl Notices for Gated {
    async fn admit(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        dropped: bool,
        now: Timestamp,
        interval: Duration,
    ) -> Answer<Admission> {
        let effect = async {
            let admission = self.store.admit(account, webhook, dropped, now, interval).await?;
            if let Admission::Send { .. } = admission {
                self.world.lock().log.admissions.push((webhook, now.as_millisecond()));
            }
            Ok(admission)
        };
        self.world.step(Step::Admit, effect).await
    }
}
