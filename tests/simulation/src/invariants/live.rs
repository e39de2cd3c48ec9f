//! What is checked while it happens: edits, retries, and what the engine decides.

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId};
use hookline_core::model::{Attempt, Delivery, DisabledBy, MessageKind, Webhook};
use hookline_core::ports::{Disposition, RecordOutcome};

use crate::intents::{Change, Intent};
use crate::rules::{self, Row};
use crate::shadow::Version;
use crate::world::{End, State, Working, moment};

/// A claim's lease, in milliseconds: work that takes longer may be done a second time.
const LEASE: i64 = 60_000;

impl State {
    /// A version of a webhook may differ from the one before only in what its author wanted (5).
    pub(crate) fn edited(&mut self, version: &Version) {
        let new = &version.webhook;
        let Some(old) = self.shadow.webhooks.get(&new.id).map(|known| known.now().webhook.clone()) else { return };
        let intent = self.work().intent.clone();
        let change = match &intent {
            Some(Intent::Change { change, .. }) => Some(change),
            _ => None,
        };
        let rotates = matches!(intent, Some(Intent::Rotate { .. }));
        let secrets_may_change = rotates || matches!(change, Some(Change::Uri(_) | Change::Headers(_)));
        // A change of an unverified webhook sends a fresh code.
        let asks = self.shadow.verifies && !old.verified && !matches!(intent, Some(Intent::Confirm { .. }));
        let proved = matches!(intent, Some(Intent::Confirm { .. })) || self.shadow.has_twin(new);
        if new.verified && !old.verified && !proved {
            self.violation(format!("webhook {} is verified without a callback", new.id));
        }
        let expected = Webhook {
            name: match change {
                Some(Change::Name(name)) => name.clone(),
                _ => old.name.clone(),
            },
            description: match change {
                Some(Change::Description(text)) => Some(text.clone()),
                _ => old.description.clone(),
            },
            uri: match change {
                Some(Change::Uri(_)) => new.uri.clone(),
                _ => old.uri.clone(),
            },
            disabling: match change {
                Some(Change::Disabled(_)) => new.disabling,
                _ => old.disabling,
            },
            disabled: match change {
                Some(Change::Disabled(disabled)) => *disabled,
                _ => old.disabled,
            },
            mail_exceptions_to: match change {
                Some(Change::Mails(mails)) => Some(mails.clone()),
                _ => old.mail_exceptions_to.clone(),
            },
            policy: match change {
                Some(Change::Signed(true)) if self.owns(&new.account, new.policy) => new.policy,
                Some(Change::Signed(_)) => None,
                _ => old.policy,
            },
            header_names: if secrets_may_change { new.header_names.clone() } else { old.header_names.clone() },
            secrets: if secrets_may_change || asks { new.secrets.clone() } else { old.secrets.clone() },
            secrets_version: if secrets_may_change || asks { new.secrets_version } else { old.secrets_version },
            verified: if self.shadow.verifies { new.verified } else { old.verified },
            version: old.version + 1,
            updated_at: new.updated_at,
            last_error: new.last_error.clone(),
            ..old.clone()
        };
        if *new != expected {
            self.violation(format!("an edit by {intent:?} lost another edit's change: {old:?} became {new:?} (5)"));
        }
    }

    /// True for a policy of the account.
    fn owns(&self, account: &AccountId, policy: Option<PolicyId>) -> bool {
        self.shadow.policies.iter().any(|(owner, id)| owner == account && Some(*id) == policy)
    }

    /// A retry is put when the record of the attempt before it says so, and is due after its wait: neither sooner nor
    /// much later (3).
    pub(crate) fn check_put(&mut self, attempt: &Attempt) {
        if attempt.number == 1 {
            return;
        }
        let work = self.work().clone();
        if work.end.next() != Some(attempt.due_at) {
            self.violation(format!("attempt {} was put, and no record says so (3)", attempt.number));
        }
        let Some(sent) = work.sent.filter(|_| matches!(work.end, End::Decided(_))) else { return };
        let Some(wait) = rules::WAITS.get(usize::from(attempt.number) - 2) else {
            return self.violation(format!("a run has an attempt {} (3)", attempt.number));
        };
        let wait = (wait * 1000).cast_signed();
        let moved = self.moved_back - sent.moved_back;
        let due = attempt.due_at.as_millisecond();
        if due < sent.at - moved + wait.max(sent.hold.unwrap_or(0)) {
            self.violation(format!("attempt {} is due sooner than its wait (3)", attempt.number));
        }
        if due > self.now + moved + (wait + wait / 10 + 1).max(sent.hold.unwrap_or(0)) {
            self.violation(format!("attempt {} is due later than its wait (3)", attempt.number));
        }
    }

    /// What is recorded is what the rules say.
    pub(crate) fn judge(&mut self, delivery: &Delivery, recorded: RecordOutcome) {
        let work = self.work().clone();
        let Some(attempt) = &work.attempt else {
            return self.violation("a record that belongs to no attempt");
        };
        if self.is_gone(&delivery.account) {
            self.coverage.row("message of a deleted account");
        }
        if attempt.delivery_id() != delivery.id {
            self.violation("the record of another attempt");
        }
        let now = moment(self.now);
        if work.recovers {
            let run = (attempt.message.id.clone(), attempt.run);
            self.log.runs.entry(run).or_insert_with(|| attempt.clone());
        }
        let row = match work.sent {
            Some(sent) if work.recovers => Some(if sent.success { Row::Recovered } else { Row::NotRecovered }),
            Some(sent) => {
                let at = moment(sent.at);
                Some(rules::of_sent(attempt, &sent, (at.min(now), at.max(now)), delivery))
            }
            None => {
                let gone = self.is_gone(&delivery.account);
                // Deleted since its webhook was read: then its event cannot be found.
                rules::of_unsent(attempt, &work, now, delivery).or(gone.then_some(Row::CancelledDeleted))
            }
        };
        let Some(row) = row else {
            return self.violation(format!("a message ended unsent without a reason: {delivery:?} (1)"));
        };
        if row.outcome() != delivery.outcome {
            self.violation(format!("{row} was recorded as {:?}", delivery.outcome));
        }
        if matches!(row, Row::Retried(_)) != delivery.next_attempt_at.is_some() {
            self.violation(format!("{row}: the record tells a wrong next attempt (1)"));
        }
        match recorded {
            RecordOutcome::Written => {
                self.work().end = End::Decided(delivery.next_attempt_at);
                self.coverage.row(row.to_string());
            }
            RecordOutcome::Stands { next_attempt_at } => self.work().end = End::Found(next_attempt_at),
        }
    }

    /// Nothing but the question is sent to an endpoint that has not proved that it wants messages (section 6).
    pub(crate) fn check_proof(&mut self) {
        let work = self.work().clone();
        let (Some(attempt), Some((webhook, version))) = (&work.attempt, work.target) else { return };
        let version = &self.shadow.webhooks[&webhook].versions[version];
        if attempt.message.kind != MessageKind::Verify && !self.shadow.may_send(&version.webhook) {
            self.violation(format!("a message for an endpoint that is not verified: {attempt:?}"));
        }
    }

    /// A message is sent only while its run lasts (section 8).
    pub(crate) fn check_in_time(&mut self) {
        let work = self.work();
        let (began_at, before) = (work.began_at, work.moved_back);
        let Some(attempt) = work.attempt.clone().filter(|_| !work.recovers) else { return };
        if moment(began_at) >= rules::run_ends(&attempt) && self.moved_back == before {
            self.violation(format!("a message was sent after its run: {attempt:?} (1)"));
        }
    }

    /// A queue handed an attempt out.
    pub(crate) fn handed_out(&mut self, attempt: &Attempt) {
        let key = (attempt.message.id.clone(), attempt.run, attempt.number);
        self.log.handouts.entry(key).or_default().0 += 1;
    }

    /// Work on a message ended by itself.
    pub(crate) fn finished(&mut self, work: &Working, result: &PortResult<Disposition>) {
        if work.recovers {
            let failed = work.sent.is_some_and(|sent| !sent.success && sent.status != Some(410));
            if result.is_ok() && failed && !work.put_recovery && !work.is_last_try {
                self.violation("a webhook that the service disabled is not tried again");
            }
        } else if let (Ok(Disposition::Done), Some(attempt)) = (result, &work.attempt) {
            // Acknowledged: then the attempt has a record, and what it says has followed.
            let next = (attempt.message.id.clone(), attempt.run, attempt.number + 1);
            if work.end == End::Open {
                self.violation(format!("an attempt was acknowledged without a record: {attempt:?} (1)"));
            }
            if work.end.next().is_some() != work.put.contains(&next) {
                self.violation(format!(
                    "an attempt was acknowledged, its successor missing or made up: {attempt:?} (1)"
                ));
            }
        }
        self.check_health(work, result);
        if result.is_err() || self.now - work.began_at + self.moved_back - work.moved_back >= LEASE {
            self.interrupted(work);
        }
    }

    /// What an answer means for host and webhook was noted (section 8).
    fn check_health(&mut self, work: &Working, result: &PortResult<Disposition>) {
        let (Ok(Disposition::Done), Some(sent), Some(attempt)) = (result, work.sent, &work.attempt) else { return };
        if attempt.message.kind != MessageKind::Event || work.recovers {
            return;
        }
        let unseen = work.host_seen.is_none_or(|(_, throttled)| !throttled);
        if rules::blames_host(sent.status) && unseen && !work.host_changed {
            self.violation(format!("a failure of a host was not noted: {attempt:?}"));
        }
        let must_disable = if sent.status == Some(410) { Some(DisabledBy::Gone) } else { work.must_disable };
        if work.disabled != must_disable {
            self.violation(format!("the webhook was disabled: {:?}, and should be: {must_disable:?}", work.disabled));
        }
    }

    /// Work was cut short, or took longer than a lease.
    pub(crate) fn interrupted(&mut self, work: &Working) {
        if let Some(attempt) = &work.attempt {
            let key = (attempt.message.id.clone(), attempt.run, attempt.number);
            self.log.handouts.entry(key).or_default().1 += 1;
        }
    }
}
