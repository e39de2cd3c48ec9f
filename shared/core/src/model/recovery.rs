//! The tries of a webhook that the service disabled (section 8).

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, WebhookId};
use crate::values::clock::after_wait;

/// After the first three, tries are daily for this number of days.
const DAYS: u32 = 30;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryStep {
    /// Whose webhook it is.
    pub account: AccountId,
    /// The webhook.
    pub webhook: WebhookId,
    /// When the webhook was disabled. Identifies the disabling.
    pub disabled_at: Timestamp,
    /// 0 is the first.
    pub number: u32,
    /// When it is due.
    pub due_at: Timestamp,
}

impl RecoveryStep {
    /// The first try after a disabling.
    #[must_use]
    pub fn first(account: &AccountId, webhook: WebhookId, disabled_at: Timestamp, scale: f64) -> Self {
        let due_at = due(disabled_at, 0, scale).unwrap_or(disabled_at);
        Self { account: account.clone(), webhook, disabled_at, number: 0, due_at }
    }

    /// True for the last try.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.next(1.0).is_none()
    }

    /// The try after this one, if there is one.
    pub(crate) fn next(&self, scale: f64) -> Option<Self> {
        let number = self.number + 1;
        Some(Self { number, due_at: due(self.disabled_at, number, scale)?, ..self.clone() })
    }

    /// The number of its run. It follows from the step, so a step that is repeated makes the same attempt.
    pub(crate) fn run(&self) -> u64 {
        u64::try_from(self.due_at.as_millisecond()).unwrap_or_default() << 15
    }
}

/// When a try is due; `None` after the last.
fn due(disabled_at: Timestamp, number: u32, scale: f64) -> Option<Timestamp> {
    let hours = match number {
        0 => 1,
        1 => 6,
        2 => 24,
        number if number <= 2 + DAYS => 24 * u64::from(number - 1),
        _ => return None,
    };
    Some(after_wait(disabled_at, Duration::from_hours(hours).mul_f64(scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_after_1_6_and_24_hours_and_then_daily_for_30_days() {
        let account = AccountId::parse("wdc").unwrap();
        let mut step = Some(RecoveryStep::first(&account, WebhookId(1), Timestamp::UNIX_EPOCH, 1.0));
        let mut hours = Vec::new();
        while let Some(this) = step {
            hours.push(this.due_at.as_second() / 3600);
            step = this.next(1.0);
        }
        let expected: Vec<i64> = [1, 6].into_iter().chain((1..=31).map(|day| day * 24)).collect();
        assert_eq!(hours, expected);
        let scaled = RecoveryStep::first(&account, WebhookId(1), Timestamp::UNIX_EPOCH, 0.001);
        assert_eq!(scaled.due_at, Timestamp::from_millisecond(3600).unwrap());
        assert_eq!(scaled.next(0.001).unwrap().due_at, Timestamp::from_millisecond(21_600).unwrap());
    }
}
