//! What leaves the house: POSTs to the endpoints of the world, and mails.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Mail, MailBatch, MailKind, MailStep};
use hookline_core::ports::{
    Exchange, MailBatchClaim, MailBatches, MailLimiter, MailLimits, MailPermit, Mailer, OutgoingRequest, Transport,
};
use hookline_core::values::{EndpointUri, MailAddress};
use jiff::Timestamp;

use super::Gated;
use crate::rules;
use crate::steps::Step;
use crate::world::{Leave, Post, Sent};

#[async_trait]
impl Transport for Gated {
    fn permits(&self, _uri: &EndpointUri) -> bool {
        true
    }

    async fn post(&self, request: OutgoingRequest<'_>) -> PortResult<Exchange> {
        let effect = async {
            let mut guard = self.world.lock();
            let state = &mut *guard;
            let headers: Vec<(String, String)> =
                request.headers.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
            let host = request.uri.url().host_str();
            state.check_admission(request.uri.host());
            state.check_in_time();
            state.check_proof();
            state.check_not_gone();
            let (exchange, millis) = state.endpoints.answer(host, state.now, &mut state.chance, &headers);
            state.coverage.posts += 1;
            if exchange.result.as_ref().is_ok_and(|response| response.status == 200) {
                state.asked(&request.body, millis);
            }
            let work = state.work().clone();
            match work.attempt {
                Some(attempt) => state.log.posts.push(Post {
                    attempt,
                    target: work.target,
                    uri: request.uri.url().to_string(),
                    headers,
                    body: request.body.clone(),
                    between: (work.moved_back == state.moved_back).then_some((work.began_at, state.now)),
                }),
                None => state.violation("a POST that no message of the queue asked for"),
            }
            state.note(|| format!("      POST {} -> {:?}", request.uri.host().as_str(), exchange.result));
            Ok((exchange, millis))
        };
        let (exchange, millis) = self.world.step(Step::Post, effect).await?;
        // The answer takes its time, and the others go on meanwhile.
        self.world.pause().await;
        let mut state = self.world.lock();
        state.now += millis;
        let status = exchange.result.as_ref().ok().map(|response| response.status);
        let sent = Sent {
            success: status == Some(200),
            status,
            hold: exchange.result.as_ref().ok().and_then(rules::hold),
            at: state.now,
            moved_back: state.moved_back,
        };
        state.work().sent = Some(sent);
        drop(state);
        Ok(exchange)
    }
}

#[async_trait]
impl Mailer for Gated {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
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
impl MailLimiter for Gated {
    async fn admit(
        &self,
        account: &AccountId,
        webhooks: &[WebhookId],
        to: &[MailAddress],
        kind: MailKind,
        now: Timestamp,
        limits: MailLimits,
    ) -> PortResult<MailPermit> {
        let effect = async {
            let admission = self.store.admit(account, webhooks, to, kind, now, limits).await?;
            if let MailPermit::Send { to, webhooks, .. } = &admission {
                self.world.lock().check_no_leave(account);
                let at = now.as_millisecond();
                let (webhooks, to) = (webhooks.clone(), to.clone());
                let leave = Leave { account: account.clone(), webhooks, to, kind, at };
                self.world.lock().log.admissions.push(leave);
            }
            Ok(admission)
        };
        self.world.step(Step::Admit, effect).await
    }
}

#[async_trait]
impl MailBatches for Gated {
    async fn has_mail_batch(&self, account: &AccountId, name: &str) -> PortResult<bool> {
        self.world.step(Step::HasMailBatch, self.store.has_mail_batch(account, name)).await
    }

    async fn join_mail_batch(
        &self,
        account: &AccountId,
        name: &str,
        more: &MailBatch,
        due_at: Timestamp,
    ) -> PortResult<()> {
        self.world.step(Step::JoinMailBatch, self.store.join_mail_batch(account, name, more, due_at)).await
    }

    async fn claim_mail_batch(
        &self,
        step: &MailStep,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> PortResult<MailBatchClaim> {
        let effect = async {
            let claim = self.store.claim_mail_batch(step, now, lease_until).await?;
            if matches!(claim, MailBatchClaim::Won(_)) && step.kind.is_none() {
                self.world.lock().log.digests += 1;
            }
            Ok(claim)
        };
        self.world.step(Step::ClaimMailBatch, effect).await
    }

    async fn remove_mail_batch(&self, step: &MailStep) -> PortResult<()> {
        self.world.step(Step::RemoveMailBatch, self.store.remove_mail_batch(step)).await
    }
}
