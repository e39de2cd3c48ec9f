//! Attachments as files: their paths, their limits, and the removal of unreferenced files.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hookline_core::errors::PortResult;
use hookline_core::ids::WebhookId;
use hookline_core::model::attachment::MAX_TOTAL;
use hookline_core::model::{Attachment, AttachmentKey, AuditAction, Upload, Webhook};
use hookline_core::ports::{
    Accounts as _, ByteStream, CreateOutcome, Exchange, NoMetrics, NoTraces, OutgoingRequest, StreamBroken, Transport,
    UpdateOutcome, UploadOutcome, UrlSignature, Webhooks as _,
};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::values::{EndpointUri, System};
use hookline_embedded::{DataFolder, FolderMailer, KeyFileVault, ServiceParts, backup, restore};
use uuid::Uuid;

use crate::fixture::{LIMITS, StoreFixture, at, entry, id, webhook};

struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    fn permits(&self, _: &EndpointUri) -> bool {
        true
    }

    async fn post(&self, _: OutgoingRequest<'_>) -> PortResult<Exchange> {
        unreachable!("nothing is sent")
    }
}

async fn service(fixture: &StoreFixture) -> Service {
    let folder = fixture.folder.path();
    fixture.view.clone().service(&ServiceParts {
        settings: Arc::new(CoreSettings::default()),
        vault: Arc::new(KeyFileVault::open(&fixture.store, &folder.join("key"), Arc::new(System)).await.unwrap()),
        mailer: Arc::new(FolderMailer::new(folder.join("mails"), "a@example.com").unwrap()),
        transport: Arc::new(Nowhere),
        metrics: Arc::new(NoMetrics),
        traces: Arc::new(NoTraces),
        clock: Arc::new(System),
        entropy: Arc::new(System),
    })
}

/// Chunks, and then the end or a break.
struct Chunks(Vec<Bytes>, bool);

#[async_trait]
impl ByteStream for Chunks {
    async fn next(&mut self) -> Result<Option<Bytes>, StreamBroken> {
        match (self.0.pop(), self.1) {
            (Some(chunk), _) => Ok(Some(chunk)),
            (None, true) => Ok(None),
            (None, false) => Err(StreamBroken),
        }
    }
}

/// A key that was handed out, and the signature for its upload.
async fn hand_out(service: &Service, number: u128) -> Option<(AttachmentKey, UrlSignature)> {
    let key = AttachmentKey::new(id("a"), Uuid::from_u128(number));
    let target = service.attachments.upload_target(&key, at(0)).await.unwrap()?;
    let field = |name: &str| target.fields.iter().find(|(field, _)| *field == name).unwrap().1.clone();
    Some((key, UrlSignature { expires_at: field("x-4me-expiration").parse().unwrap(), text: field("x-4me-signature") }))
}

async fn receive(service: &Service, handed: &(AttachmentKey, UrlSignature), mut content: Chunks) -> UploadOutcome {
    let (key, signature) = handed;
    service.attachments.receive(key, signature, "a.txt", &mut content, at(1)).await.unwrap()
}

fn place(fixture: &StoreFixture, key: &AttachmentKey) -> PathBuf {
    fixture.folder.path().join("attachments/a").join(key.id().to_string())
}

fn files(fixture: &StoreFixture) -> usize {
    std::fs::read_dir(fixture.folder.path().join("attachments/a")).map_or(0, Iterator::count)
}

/// A webhook with an upload attached.
async fn with_attachment(service: &Service, number: u64, key: &AttachmentKey) -> Webhook {
    let Upload { id, name, size, created_at, .. } = service.attachments.uploaded(key).await.unwrap().unwrap();
    let attachment = Attachment { id, key: key.clone(), name, size, inline: false, created_at };
    Webhook { attachments: vec![attachment], ..webhook("a", number) }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_can_be_repeated() {
    let fixture = StoreFixture::new().await;
    let service = service(&fixture).await;
    let handed = hand_out(&service, 1).await.unwrap();
    assert_eq!(receive(&service, &handed, Chunks(vec![Bytes::from_static(b"ab")], false)).await, UploadOutcome::Broken);
    let large = vec![Bytes::from(vec![0; 1024 * 1024]); 11];
    assert_eq!(receive(&service, &handed, Chunks(large, true)).await, UploadOutcome::TooLarge);
    assert_eq!((files(&fixture), service.attachments.uploaded(&handed.0).await.unwrap()), (0, None));
    assert_eq!(receive(&service, &handed, Chunks(vec![Bytes::from_static(b"abc")], true)).await, UploadOutcome::Done);
    assert_eq!(std::fs::read(place(&fixture, &handed.0)).unwrap(), b"abc");
    assert_eq!(service.attachments.uploaded(&handed.0).await.unwrap().unwrap().size, 3);
    let other = AttachmentKey::new(id("b"), handed.0.id());
    assert_eq!(
        receive(&service, &(other, handed.1.clone()), Chunks(Vec::new(), true)).await,
        UploadOutcome::NotAllowed
    );
}

#[tokio::test]
async fn a_download_holds_a_small_part_of_the_file() {
    let fixture = StoreFixture::new().await;
    let service = service(&fixture).await;
    let handed = hand_out(&service, 1).await.unwrap();
    let file = (0..=1024 * 1024_u32).map(|number| (number % 251).to_le_bytes()[0]).collect::<Bytes>();
    assert_eq!(receive(&service, &handed, Chunks(vec![file.clone()], true)).await, UploadOutcome::Done);
    let hook = with_attachment(&service, 1, &handed.0).await;
    fixture.view.create_webhook(&hook, LIMITS, &entry(&hook, AuditAction::Create, 1)).await.unwrap();
    let uri = service.attachments.download_uri(&hook.attachments[0], at(2)).await.unwrap();
    let value = |name: &str| {
        let (_, rest) = uri.split_once(&format!("{name}=")).unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let signature = UrlSignature { expires_at: value("expires_at").parse().unwrap(), text: value("signature") };
    let download = service.attachments.download(handed.0.id(), &signature, at(3)).await.unwrap().unwrap();
    assert_eq!(download.size, file.len() as u64);
    let (mut content, mut read) = (download.content, Vec::new());
    while let Some(chunk) = content.next().await.unwrap() {
        assert!((1..=64 * 1024).contains(&chunk.len()), "{}", chunk.len());
        read.extend_from_slice(&chunk);
    }
    assert!(read == file);
}

#[tokio::test]
async fn the_files_of_an_account_are_limited() {
    let fixture = StoreFixture::new().await;
    let service = service(&fixture).await;
    let (first, second) = (hand_out(&service, 1).await.unwrap(), hand_out(&service, 2).await.unwrap());
    assert_eq!(receive(&service, &first, Chunks(vec![Bytes::from_static(b"abc")], true)).await, UploadOutcome::Done);
    let file = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
    file.execute("UPDATE attachments SET size = ?1 WHERE size = 3", [MAX_TOTAL.cast_signed() - 2]).unwrap();
    assert_eq!(
        receive(&service, &second, Chunks(vec![Bytes::from_static(b"abc")], true)).await,
        UploadOutcome::AccountFull
    );
    assert_eq!(files(&fixture), 1, "what does not count is not kept");
    assert_eq!(receive(&service, &second, Chunks(vec![Bytes::from_static(b"ab")], true)).await, UploadOutcome::Done);
    assert!(hand_out(&service, 3).await.is_none());
}

#[tokio::test]
async fn a_file_is_removed_an_hour_after_its_webhook_and_never_before() {
    let fixture = StoreFixture::new().await;
    let service = service(&fixture).await;
    let handed = hand_out(&service, 1).await.unwrap();
    receive(&service, &handed, Chunks(vec![Bytes::from_static(b"abc")], true)).await;
    let hook = with_attachment(&service, 1, &handed.0).await;
    let created = fixture.view.create_webhook(&hook, LIMITS, &entry(&hook, AuditAction::Create, 1)).await.unwrap();
    assert_eq!(created, CreateOutcome::Done);
    let stored = fixture.view.webhook(&id("a"), hook.id).await.unwrap().unwrap();
    assert_eq!(stored.attachments, hook.attachments);

    let thief = Webhook { id: WebhookId(2), ..hook.clone() };
    let refused = fixture.view.create_webhook(&thief, LIMITS, &entry(&thief, AuditAction::Create, 2)).await.unwrap();
    assert_eq!(refused, CreateOutcome::NoAttachment);
    let far = at(100 * 86_400);
    assert!(!fixture.store.sweep_attachments(far).await.unwrap());
    assert_eq!(files(&fixture), 1, "a webhook has it");

    let without = Webhook { attachments: Vec::new(), version: 2, updated_at: at(10), ..hook.clone() };
    let written =
        fixture.view.update_webhook(&without, LIMITS, &entry(&without, AuditAction::Update, 10)).await.unwrap();
    assert_eq!(written, Ok(UpdateOutcome::Done));
    fixture.store.sweep_attachments(at(10 + 3599)).await.unwrap();
    assert_eq!(files(&fixture), 1);
    let back = Webhook { version: 3, updated_at: at(20), ..hook.clone() };
    fixture.view.update_webhook(&back, LIMITS, &entry(&back, AuditAction::Update, 20)).await.unwrap().unwrap();
    fixture.store.sweep_attachments(far).await.unwrap();
    assert_eq!(files(&fixture), 1, "it is needed again");

    fixture.view.delete_webhook(&id("a"), hook.id, 3, &entry(&hook, AuditAction::Destroy, 30)).await.unwrap();
    fixture.store.sweep_attachments(at(30 + 3600)).await.unwrap();
    assert_eq!((files(&fixture), service.attachments.uploaded(&handed.0).await.unwrap()), (0, None));
}

#[tokio::test]
async fn unattached_files_are_removed_after_a_day_and_all_files_with_the_account() {
    let fixture = StoreFixture::new().await;
    let service = service(&fixture).await;
    for number in 1..=2 {
        let handed = hand_out(&service, number).await.unwrap();
        receive(&service, &handed, Chunks(vec![Bytes::from_static(b"abc")], true)).await;
    }
    hand_out(&service, 3).await.unwrap();
    let key = AttachmentKey::new(id("a"), Uuid::from_u128(1));
    let hook = with_attachment(&service, 1, &key).await;
    fixture.view.create_webhook(&hook, LIMITS, &entry(&hook, AuditAction::Create, 1)).await.unwrap();
    fixture.store.sweep_attachments(at(86_399)).await.unwrap();
    assert_eq!(files(&fixture), 2);
    fixture.store.sweep_attachments(at(86_400)).await.unwrap();
    assert_eq!(files(&fixture), 1);
    assert!(place(&fixture, &key).exists());
    assert!(fixture.view.delete_account(&id("a")).await.unwrap());
    fixture.store.sweep_attachments(at(86_400)).await.unwrap();
    assert_eq!(files(&fixture), 0);
}

#[tokio::test]
async fn a_backup_holds_the_files() {
    let fixture = StoreFixture::new().await;
    let service = service(&fixture).await;
    for number in 1..=2 {
        let handed = hand_out(&service, number).await.unwrap();
        receive(&service, &handed, Chunks(vec![Bytes::from_static(b"abc")], true)).await;
    }
    let keys = [1, 2].map(|number| AttachmentKey::new(id("a"), Uuid::from_u128(number)));
    std::fs::remove_file(place(&fixture, &keys[1])).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup");
    let written = backup(&DataFolder::at(fixture.folder.path()), &file).unwrap();
    assert_eq!((written.attachments, written.missing), (1, 1));

    let target = DataFolder::at(elsewhere.path().join("data"));
    target.make().unwrap();
    std::fs::create_dir_all(target.attachments().join("old")).unwrap();
    restore(&file, &target, true).unwrap();
    let restored = target.attachments().join("a").join(keys[0].id().to_string());
    assert_eq!(std::fs::read(restored).unwrap(), b"abc");
    assert!(!target.attachments().join("old").exists(), "what was there before is replaced");
    let database = rusqlite::Connection::open(target.database()).unwrap();
    assert!(!database.table_exists(None, "backup_attachments").unwrap());
}
