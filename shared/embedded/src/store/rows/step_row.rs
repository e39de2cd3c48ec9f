//! Steps of long work on the deliveries queue: pages of redelivery jobs, each job in a lane of its own, tries of disabled
//! webhooks, and mails that wait. They never delay first attempts.

use hookline_core::model::{MailStep, RecoveryStep, RedeliveryStep};
use serde::{Deserialize, Serialize};

use crate::queue::item::WorkItem;
use crate::store::sqlite::errors::corrupt;

/// The beginnings of encoded steps, which no encoded attempt has.
const BEGINS: [&str; 3] = ["{\"redelivery\":", "{\"recovery\":", "{\"mail\":"];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StepRow {
    Redelivery(RedeliveryStep),
    Recovery(RecoveryStep),
    Mail(MailStep),
}

/// The work of an encoded step; `None` if the text is not a step.
pub(crate) fn decode(text: &str) -> Option<rusqlite::Result<WorkItem>> {
    BEGINS.iter().any(|begins| text.starts_with(begins)).then(|| {
        Ok(match serde_json::from_str(text).map_err(|_| corrupt("step"))? {
            StepRow::Redelivery(step) => WorkItem::Redelivery(step),
            StepRow::Recovery(step) => WorkItem::Recovery(step),
            StepRow::Mail(step) => WorkItem::Mail(step),
        })
    })
}

#[cfg(test)]
mod tests {
    use hookline_core::ids::{AccountId, WebhookId};
    use hookline_core::values::{Clock as _, System};

    use super::*;

    #[test]
    fn a_step_is_told_from_an_attempt() {
        let account = AccountId::parse("wdc").unwrap();
        let due_at = System.now();
        let job = uuid::Uuid::from_u128(1);
        let step = RedeliveryStep { job, account: account.clone(), after: None, redelivered: 0, due_at };
        let text = serde_json::to_string(&StepRow::Redelivery(step.clone())).unwrap();
        assert!(matches!(decode(&text), Some(Ok(WorkItem::Redelivery(read))) if read == step), "{text}");
        let step = MailStep::digest(&account, due_at, std::time::Duration::from_hours(1));
        let text = serde_json::to_string(&StepRow::Mail(step.clone())).unwrap();
        assert!(matches!(decode(&text), Some(Ok(WorkItem::Mail(read))) if read == step), "{text}");
        let step = RecoveryStep { account, webhook: WebhookId(7), disabled_at: due_at, number: 2, due_at };
        let text = serde_json::to_string(&StepRow::Recovery(step.clone())).unwrap();
        assert!(matches!(decode(&text), Some(Ok(WorkItem::Recovery(read))) if read == step), "{text}");
        assert!(decode("{\"n\":\"x\",\"d\":1}").is_none());
        for broken in ["{\"redelivery\":1}", "{\"recovery\":1}", "{\"mail\":1}"] {
            assert!(decode(broken).unwrap().is_err(), "{broken}");
        }
    }
}
