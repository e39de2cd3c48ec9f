//! What a deployment has, as the template makes it: a table, two queues with their dead letters, a key, a sender, two
//! buckets.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use hookline_aws::{AwsClients, Kept, Table};
use hookline_core::settings::CoreSettings;

/// Numbers what each test has of its own.
fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Makes an empty table, and answers its name.
///
/// # Panics
/// When the DynamoDB does not.
pub async fn table(clients: &AwsClients) -> String {
    let name = format!("hookline-{}", number());
    let attribute = |name: &str| {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        text.build().expect("an attribute")
    };
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
    };
    let request = clients.dynamodb().create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    let request = request.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
    let request = request.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    request.send().await.expect("the table is made");
    let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires_at").build();
    let request = clients.dynamodb().update_time_to_live().table_name(&name);
    request.time_to_live_specification(expiry.expect("a specification")).send().await.expect("its items expire");
    name
}

/// The store on a table of that name.
pub fn store(clients: &AwsClients, name: &str) -> Table {
    Table::new(clients.dynamodb(), name, Kept::of(&CoreSettings::default()))
}

/// Everything but the table.
#[derive(Debug, Clone)]
pub struct Resources {
    /// The events queue.
    pub events: String,
    /// Its dead letters.
    pub events_dead: String,
    /// The deliveries queue.
    pub deliveries: String,
    /// Its dead letters.
    pub deliveries_dead: String,
    /// The master key.
    pub key: String,
    /// From whom mails come.
    pub sender: String,
    /// The bucket that attachments are uploaded to.
    pub uploads: String,
    /// The bucket where they stay.
    pub attachments: String,
}

impl Resources {
    /// Makes it.
    ///
    /// # Panics
    /// When a service does not.
    pub async fn new(clients: &AwsClients) -> Self {
        let number = number();
        let queue = async |name: &str| {
            let request = clients.sqs().create_queue().queue_name(format!("{name}-{number}"));
            request.send().await.expect("the queue is made").queue_url.expect("its URL")
        };
        let bucket = async |name: &str| {
            let bucket = format!("{name}-{number}");
            let made = reqwest::Client::new().put(format!("{}/{bucket}", super::services())).send().await;
            assert!(made.expect("S3 answers").status().is_success(), "the bucket is made");
            bucket
        };
        let sender = format!("hooks-{number}@example.com");
        clients.ses().verify_domain_identity().domain("example.com").send().await.expect("the domain is known");
        // In the sandbox that every account begins in, those who get mails must be known too.
        for address in [&sender, "admin@example.com"] {
            clients.ses().verify_email_identity().email_address(address).send().await.expect("the address is known");
        }
        Self {
            events: queue("events").await,
            events_dead: queue("events-dead").await,
            deliveries: queue("deliveries").await,
            deliveries_dead: queue("deliveries-dead").await,
            key: key(clients).await,
            sender,
            uploads: bucket("uploads").await,
            attachments: bucket("attachments").await,
        }
    }
}

/// Makes a master key.
///
/// # Panics
/// When KMS does not.
pub async fn key(clients: &AwsClients) -> String {
    let made = clients.kms().create_key().send().await.expect("the key is made");
    made.key_metadata.expect("the key").key_id
}
