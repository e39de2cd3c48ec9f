//! Parts of the delivery log from several sources, merged in the order of ids.

use super::delivery::Delivery;
use crate::ids::DeliveryId;

/// Records in one direction of the log, and how far the search went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPart {
    /// The records in the order of the search.
    pub records: Vec<Delivery>,
    /// The search ended behind this id, and there may be more; `None` if there is nothing more.
    pub stopped: Option<DeliveryId>,
}

impl LogPart {
    /// What a search found that ends once it has `most` records. `stopped` says where it ended before.
    #[must_use]
    pub fn new(records: Vec<Delivery>, most: usize, stopped: Option<DeliveryId>) -> Self {
        let last = records.last().filter(|_| records.len() >= most).map(|record| record.id);
        Self { stopped: last.or(stopped), records }
    }

    /// Merges two parts of the same direction into one of at most `most` records. It goes only as far as both went.
    #[must_use]
    pub fn merge(self, other: Self, most: usize, descending: bool) -> Self {
        let is_behind = |id: DeliveryId, limit: DeliveryId| if descending { id < limit } else { id > limit };
        let stopped = match (self.stopped, other.stopped) {
            (Some(one), Some(two)) => Some(if is_behind(one, two) { two } else { one }),
            (one, two) => one.or(two),
        };
        let mut records = self.records;
        records.extend(other.records);
        records.sort_by_key(|record| record.id);
        records.dedup_by_key(|record| record.id);
        if descending {
            records.reverse();
        }
        records.retain(|record| stopped.is_none_or(|limit| !is_behind(record.id, limit)));
        if records.len() >= most && most > 0 {
            records.truncate(most);
            return Self { stopped: records.last().map(|record| record.id), records };
        }
        Self { records, stopped }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ids::{AccountId, EventId, WebhookId};
    use crate::model::event::EventName;
    use crate::model::skipped::{SkipReason, SkippedChunk, SkippedWebhook, entries};

    fn record(second: i64) -> Delivery {
        let chunk = SkippedChunk {
            account: AccountId::parse("wdc").unwrap(),
            event: EventName::builtin("request.create").unwrap(),
            event_id: EventId::parse("e").unwrap(),
            accepted_at: Timestamp::from_second(second).unwrap(),
            custom_url: None,
            webhooks: vec![SkippedWebhook { id: WebhookId(1), reason: SkipReason::Unverified, name: String::new() }],
        };
        entries(&[chunk], None, &(0..=u128::MAX))[0].record()
    }

    fn part(seconds: &[i64], stopped: Option<i64>) -> LogPart {
        LogPart {
            records: seconds.iter().map(|second| record(*second)).collect(),
            stopped: stopped.map(|second| record(second).id),
        }
    }

    #[test]
    fn parts_are_merged_as_far_as_both_went() {
        for (one, two, most, descending, merged) in [
            (part(&[9, 5], None), part(&[7], None), 10, true, part(&[9, 7, 5], None)),
            (part(&[1, 5], None), part(&[3], None), 10, false, part(&[1, 3, 5], None)),
            (part(&[9, 5], None), part(&[7], None), 2, true, part(&[9, 7], Some(7))),
            (part(&[9, 5], None), part(&[], Some(6)), 10, true, part(&[9], Some(6))),
            (part(&[1, 5], Some(8)), part(&[3], Some(4)), 10, false, part(&[1, 3], Some(4))),
            (part(&[], Some(6)), part(&[], None), 10, true, part(&[], Some(6))),
        ] {
            assert_eq!(two.clone().merge(one.clone(), most, descending), merged, "the order of the parts is no matter");
            assert_eq!(one.merge(two, most, descending), merged);
        }
    }

    #[test]
    fn a_full_part_may_have_more_behind_it() {
        assert_eq!(LogPart::new(part(&[9, 5], None).records, 2, None), part(&[9, 5], Some(5)));
        assert_eq!(LogPart::new(part(&[9], None).records, 2, None), part(&[9], None));
        assert_eq!(LogPart::new(part(&[9], None).records, 2, Some(record(3).id)), part(&[9], Some(3)));
    }
}
