//! Attachments: uploaded with a signed form, kept where no upload can replace them, served by signed links.

use std::time::Duration;

use hookline_aws::S3Attachments;
use hookline_core::ids::AccountId;
use hookline_core::model::attachment::{MAX_SIZE, MAX_TOTAL};
use hookline_core::model::{Attachment, AttachmentKey, AuditAction, Upload, UploadTarget, Webhook};
use hookline_core::ports::{Attachments as _, CreateOutcome, UpdateOutcome, Webhooks as _};
use hookline_core::values::{Clock as _, System};
use hookline_tests::local_aws::{clients, resources, services};
use uuid::Uuid;

use crate::fixture::{LIMITS, StoreFixture, at, entry, id, webhook};

const MINUTE: Duration = Duration::from_mins(1);
const BOUNDARY: &str = "----------------form";

struct AttachmentsFixture {
    fixture: StoreFixture,
    resources: resources::Resources,
    attachments: S3Attachments,
}

impl AttachmentsFixture {
    async fn new() -> Self {
        let (clients, fixture) = (clients(), StoreFixture::new().await);
        let resources = resources::Resources::new(&clients).await;
        let attachments =
            S3Attachments::new(&clients, fixture.table.clone(), &resources.uploads, &resources.attachments);
        Self { fixture, resources, attachments }
    }

    /// A place that was handed out now.
    async fn target(&self, account: &str) -> (AttachmentKey, UploadTarget) {
        let key = AttachmentKey::new(id(account), Uuid::new_v4());
        let now = System.now();
        (key.clone(), self.attachments.upload_target(&key, now).await.unwrap().expect("there is room"))
    }

    /// A file that was uploaded, as an attachment.
    async fn uploaded(&self, account: &str, content: &[u8]) -> Attachment {
        let (key, target) = self.target(account).await;
        assert_eq!(post(&target, "plan.pdf", content).await, 201);
        self.attachment(&key).await.expect("it was uploaded")
    }

    async fn attachment(&self, key: &AttachmentKey) -> Option<Attachment> {
        let Upload { id, name, size, created_at, webhook: _ } = self.attachments.uploaded(key).await.unwrap()?;
        Some(Attachment { id, key: key.clone(), name, size, inline: false, created_at })
    }

    async fn create(&self, webhook: &Webhook) -> CreateOutcome {
        self.fixture.table.create_webhook(webhook, LIMITS, &entry(webhook, AuditAction::Create)).await.unwrap()
    }

    async fn update(&self, webhook: &mut Webhook) -> Result<UpdateOutcome, CreateOutcome> {
        webhook.version += 1;
        let updated =
            self.fixture.table.update_webhook(webhook, LIMITS, &entry(webhook, AuditAction::Update)).await.unwrap();
        if updated != Ok(UpdateOutcome::Done) {
            webhook.version -= 1;
        }
        updated
    }

    async fn download(&self, attachment: &Attachment) -> reqwest::Response {
        let uri = self.attachments.download_uri(attachment, System.now()).await.unwrap();
        reqwest::get(uri).await.unwrap()
    }

    /// The keys that are kept.
    async fn kept(&self) -> Vec<String> {
        let bucket = format!("{}/{}?list-type=2", services(), self.resources.attachments);
        let listed = reqwest::get(bucket).await.unwrap().error_for_status().unwrap().text().await.unwrap();
        listed.split("<Key>").skip(1).filter_map(|key| key.split("</Key>").next()).map(str::to_owned).collect()
    }
}

/// Posts a form as a browser does, and answers the status.
async fn post(target: &UploadTarget, name: &str, content: &[u8]) -> u16 {
    let mut body = Vec::new();
    for (field, value) in &target.fields {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/pdf\r\n\r\n"
    );
    body.extend_from_slice(part.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let request = reqwest::Client::new().post(&target.upload_uri).body(body);
    let request = request.header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"));
    request.send().await.unwrap().status().as_u16()
}

fn with(mut webhook: Webhook, attachments: &[&Attachment]) -> Webhook {
    webhook.attachments = attachments.iter().copied().cloned().collect();
    webhook.updated_at = System.now();
    webhook
}

#[tokio::test]
async fn a_file_is_uploaded_attached_and_downloaded() {
    let fixture = AttachmentsFixture::new().await;
    let (key, target) = fixture.target("a").await;
    assert_eq!(target.provider, "s3");
    assert!(target.fields.contains(&("key", key.to_string())));
    assert_eq!(fixture.attachment(&key).await, None, "nothing was uploaded yet");
    assert_eq!(post(&target, "../plan.pdf", b"the plan").await, 201);
    let attachment = fixture.attachment(&key).await.unwrap();
    assert_eq!((attachment.name.as_str(), attachment.size), ("plan.pdf", 8));
    let one = with(webhook("a", 1, "request.create"), &[&attachment]);
    assert_eq!(fixture.create(&one).await, CreateOutcome::Done);
    let stored = fixture.fixture.table.webhook(&one.account, one.id).await.unwrap().unwrap();
    assert_eq!(stored.attachments, std::slice::from_ref(&attachment));
    assert_eq!(fixture.attachments.uploaded(&key).await.unwrap().unwrap().webhook, Some(one.id));
    // Who still has the form changes nothing.
    assert_eq!(post(&target, "other.html", b"<script>").await, 201);
    assert_eq!(fixture.attachment(&key).await, Some(attachment.clone()));
    let answer = fixture.download(&attachment).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''plan.pdf");
    assert_eq!(header("content-type"), "application/octet-stream");
    assert_eq!(answer.bytes().await.unwrap().as_ref(), b"the plan");
}

#[tokio::test]
async fn a_form_is_for_one_key_and_a_size() {
    let fixture = AttachmentsFixture::new().await;
    let (key, target) = fixture.target("a").await;
    let too_large = vec![b'x'; usize::try_from(MAX_SIZE).unwrap() + 1];
    assert_eq!(post(&target, "large", &too_large).await, 400);
    for (field, value) in [("key", format!("a/{}", Uuid::new_v4())), ("success_action_status", "200".to_owned())] {
        let mut other = target.clone();
        other.fields.iter_mut().find(|(name, _)| *name == field).unwrap().1 = value;
        assert_eq!(post(&other, "x", b"x").await, 403, "{field}");
    }
    let late = fixture.attachments.upload_target(&key, System.now() - 16 * MINUTE).await;
    assert!(late.is_err(), "a key is handed out once");
    let old = AttachmentKey::new(id("a"), Uuid::new_v4());
    let old = fixture.attachments.upload_target(&old, System.now() - 16 * MINUTE).await.unwrap().unwrap();
    assert_eq!(post(&old, "x", b"x").await, 403, "its time is over");
    let never = AttachmentKey::new(id("a"), Uuid::new_v4());
    assert_eq!(fixture.attachment(&never).await, None);
    assert_eq!(post(&target, "largest", &too_large[1..]).await, 201);
    assert_eq!(fixture.attachment(&key).await.unwrap().size, MAX_SIZE);
}

#[tokio::test]
async fn an_attachment_is_one_webhooks_and_goes_when_nobody_has_it() {
    let fixture = AttachmentsFixture::new().await;
    let (first, second) = (fixture.uploaded("a", b"1").await, fixture.uploaded("a", b"2").await);
    let mut one = with(webhook("a", 1, "request.create"), &[&first]);
    assert_eq!(fixture.create(&one).await, CreateOutcome::Done);
    let mut other = with(webhook("a", 2, "request.create"), &[&second, &first]);
    assert_eq!(fixture.create(&other).await, CreateOutcome::NoAttachment);
    assert_eq!(fixture.fixture.table.webhook(&other.account, other.id).await.unwrap(), None);
    other = with(other, &[&second]);
    assert_eq!(fixture.create(&other).await, CreateOutcome::Done);
    one.attachments.push(second.clone());
    assert_eq!(fixture.update(&mut one).await, Err(CreateOutcome::NoAttachment));
    // One gives it up, and the other takes it.
    other.attachments.clear();
    assert_eq!(fixture.update(&mut other).await, Ok(UpdateOutcome::Done));
    assert_eq!(fixture.update(&mut one).await, Ok(UpdateOutcome::Done));
    let (trail, table) = (entry(&one, AuditAction::Destroy), &fixture.fixture.table);
    let deleted = table.delete_webhook(&one.account, one.id, one.version, &trail).await.unwrap();
    assert_eq!(deleted, UpdateOutcome::Done);
    assert_eq!(fixture.kept().await.len(), 2, "links to them work on for a while");
    let third = fixture.uploaded("a", b"3").await;
    let last = with(webhook("a", 4, "request.create"), &[&third]);
    assert_eq!(fixture.create(&last).await, CreateOutcome::Done);
    // The entry of the deletion was made in the future.
    let later = at(7) + 61 * MINUTE;
    let next = AttachmentKey::new(id("a"), Uuid::new_v4());
    assert!(fixture.attachments.upload_target(&next, later).await.unwrap().is_some());
    assert_eq!(fixture.kept().await, [third.key.to_string()]);
    assert_eq!(fixture.attachment(&first.key).await, None);
    fixture.attachments.remove_all(&id("b")).await.unwrap();
    assert_eq!(fixture.kept().await.len(), 1);
    fixture.attachments.remove_all(&id("a")).await.unwrap();
    assert!(fixture.kept().await.is_empty());
}

#[tokio::test]
async fn an_account_has_room_for_so_much_also_when_many_ask_at_once() {
    let fixture = AttachmentsFixture::new().await;
    let now = System.now();
    let ask = async |account: &AccountId, now| {
        let key = AttachmentKey::new(account.clone(), Uuid::new_v4());
        fixture.attachments.upload_target(&key, now).await
    };
    let most = usize::try_from(MAX_TOTAL / MAX_SIZE).unwrap();
    let account = id("a");
    let mut handed = 0;
    for _ in 0..30 {
        let asked = futures_util::future::join_all((0..4).map(|_| ask(&account, now))).await;
        handed += asked.into_iter().filter(|asked| matches!(asked, Ok(Some(_)))).count();
    }
    assert_eq!(handed, most);
    assert!(ask(&id("b"), now).await.unwrap().is_some(), "another account has room of its own");
    assert!(ask(&account, now).await.unwrap().is_none());
    // What never came takes no room.
    assert!(ask(&account, now + 31 * MINUTE).await.unwrap().is_some());
}
