//! Hands out uploads, and applies the attachments of an input to a webhook (section 3).

use crate::errors::{UseCaseError, ValidationErrors};
use crate::ids::{AccountId, WebhookId};
use crate::model::{Attachment, AttachmentKey, Upload, UploadTarget};
use crate::service::Service;
use crate::values::Patch;

/// How many attachments a webhook may have: all of them can be exchanged for others in one step, which on AWS is a
/// transaction of at most a hundred writes.
const MAX_ATTACHMENTS: usize = 40;

/// What an administrator says about one attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachmentInput {
    /// `key`
    pub key: Patch<String>,
    /// `filesize`: when given, it must be the size of the upload.
    pub filesize: Patch<u64>,
    /// `inline`
    pub inline: Patch<bool>,
    /// `_destroy`: the attachment goes.
    pub destroy: bool,
}

/// Hands out a place to upload a file to.
pub async fn storage(service: &Service, account: &AccountId) -> Result<UploadTarget, UseCaseError> {
    let key = AttachmentKey::new(account.clone(), service.entropy.uuid());
    let target = service.attachments.upload_target(&key, service.clock.now()).await?;
    target.ok_or_else(|| ValidationErrors::of("attachments", "has reached its limit of 1 GiB").into())
}

/// The attachments of a webhook after an input: what it mentions is added, changed or taken away, the rest stays.
pub(crate) async fn apply_input(
    service: &Service,
    account: &AccountId,
    webhook: Option<WebhookId>,
    stored: &[Attachment],
    given: &Patch<Vec<AttachmentInput>>,
    problems: &mut ValidationErrors,
) -> Result<Vec<Attachment>, UseCaseError> {
    const FIELD: &str = "description_attachments";
    let mut attachments = stored.to_vec();
    let inputs = match given {
        Patch::Absent | Patch::Null => return Ok(attachments),
        Patch::WrongType => {
            problems.add(FIELD, "is invalid");
            return Ok(attachments);
        }
        Patch::Value(inputs) => inputs,
    };
    for AttachmentInput { key, filesize, inline, destroy } in inputs {
        let key = key.value().and_then(|key| AttachmentKey::parse(key)).filter(|key| key.account() == account);
        let is_typed = !matches!(filesize, Patch::WrongType) && !matches!(inline, Patch::WrongType);
        let Some(key) = key.filter(|_| is_typed) else {
            problems.add(FIELD, "is invalid");
            return Ok(attachments);
        };
        let known = attachments.iter().position(|attachment| attachment.key == key);
        match (known, destroy) {
            (Some(at), true) => drop(attachments.remove(at)),
            (None, true) => {}
            (Some(at), false) => {
                if let Patch::Value(inline) = inline {
                    attachments[at].inline = *inline;
                }
            }
            (None, false) => {
                let free = |uploaded: &Upload| uploaded.webhook.is_none() || uploaded.webhook == webhook;
                let fits = |uploaded: &Upload| filesize.value().is_none_or(|size| *size == uploaded.size);
                let uploaded =
                    service.attachments.uploaded(&key).await?.filter(|uploaded| free(uploaded) && fits(uploaded));
                let Some(Upload { id, name, size, created_at, webhook: _ }) = uploaded else {
                    problems.add(FIELD, "is invalid");
                    return Ok(attachments);
                };
                let inline = inline.value().copied().unwrap_or_default();
                attachments.push(Attachment { id, key, name, size, inline, created_at });
            }
        }
    }
    if attachments.len() > MAX_ATTACHMENTS {
        problems.add(FIELD, format!("has reached its limit of {MAX_ATTACHMENTS}"));
    }
    Ok(attachments)
}
