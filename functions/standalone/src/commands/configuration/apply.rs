//! `hookline apply`

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::account::CurrentAccount;
use super::file::{Configuration, WebhookEntry};
use super::plan::{Change, ChangePlan, FieldChange, event_type_fields, plan, policy_fields, webhook_fields};
use super::secrets;
use crate::arguments::ApplyArgs;
use crate::commands::api_client::{ApiClient, reason};
use crate::output::{CommandError, one_line, print, say};
use crate::private_file;

/// Makes the account as the file says, and prints each change. With `--dry-run` nothing is changed, and a difference is
/// an error of its own.
pub(crate) async fn run(arguments: ApplyArgs) -> Result<(), CommandError> {
    let mut file = Configuration::read(&arguments.file)?;
    if let Some(path) = &arguments.secrets {
        secrets::fill(&mut file, path)?;
    }
    let client = ApiClient::new(&arguments.service.url, arguments.service.token_file.as_deref())?;
    let current = CurrentAccount::read(&client).await?;
    let ChangePlan { policies, changes } = plan(&file, &current, arguments.prune).map_err(CommandError::of)?;
    let is_shown = |change: &Change| !matches!(change, Change::WriteSecrets { .. });
    if arguments.dry_run {
        changes.iter().filter(|change| is_shown(change)).try_for_each(show)?;
        return if changes.iter().any(is_shown) { Err(CommandError::Differs) } else { Ok(()) };
    }
    let mut applied = Applied { client: &client, policies, keys: arguments.keys.as_deref() };
    for change in &changes {
        if is_shown(change) {
            show(change)?;
        }
        applied.make(change).await?;
    }
    Ok(())
}

/// Prints a change, without its secrets.
fn show(change: &Change) -> Result<(), CommandError> {
    let (head, fields): (String, &[FieldChange]) = match change {
        Change::CreateEventType(described) => (format!("+ event type {}", described.name), &[]),
        Change::UpdateEventType { name, fields } => (format!("~ event type {name}"), fields),
        Change::CreatePolicy(name, policy) => (format!("+ policy {name} ({})", policy.jwt_alg), &[]),
        Change::UpdatePolicy { name, id, fields } => (format!("~ policy {name} (#{id})"), fields),
        Change::CreateWebhook(entry) => (format!("+ webhook {}", entry.key()), &[]),
        Change::UpdateWebhook { id, entry, fields } => (format!("~ webhook {} (#{id})", entry.key()), fields),
        Change::WriteSecrets { id, entry } => (format!("~ secrets of webhook {} (#{id})", entry.key()), &[]),
        Change::DisablePolicy(name) => (format!("~ policy {name} is disabled"), &[]),
        Change::DeleteWebhook(id, key) => (format!("- webhook {key} (#{id})"), &[]),
    };
    print(&one_line(&head))?;
    for FieldChange { field, old, new } in fields {
        print(&one_line(&format!("    {field}: {old} -> {new}")))?;
    }
    Ok(())
}

/// The changes so far.
struct Applied<'a> {
    client: &'a ApiClient,
    /// The policies of the account by their names in the file.
    policies: BTreeMap<String, u64>,
    /// Where the keys of new policies are written.
    keys: Option<&'a Path>,
}

impl Applied<'_> {
    async fn make(&mut self, change: &Change) -> Result<(), CommandError> {
        match change {
            Change::CreateEventType(described) => {
                let mut body = event_type_fields(described);
                body.insert("name".to_owned(), described.name.as_str().into());
                self.call(Method::POST, "/v1/event_types", body.into(), &described.name).await?;
            }
            Change::UpdateEventType { name, fields } => {
                let body: Map<_, _> = fields.iter().map(|one| (one.field.to_owned(), one.new.clone())).collect();
                self.call(Method::PATCH, &format!("/v1/event_types/{name}"), body.into(), name).await?;
            }
            Change::CreatePolicy(name, policy) => {
                let mut body = policy_fields(policy);
                body.insert("jwt_alg".to_owned(), policy.jwt_alg.as_str().into());
                let made = self.call(Method::POST, "/v1/webhook_policies", body.into(), name).await?;
                let id = made["id"].as_u64();
                let id = id.ok_or_else(|| CommandError::of(format!("policy {name} was created without an id")))?;
                self.policies.insert(name.clone(), id);
                self.keep_key(name, &made["public_key_pem"])?;
            }
            Change::UpdatePolicy { name, id, fields } => {
                let body: Map<_, _> = fields.iter().map(|one| (one.field.to_owned(), one.new.clone())).collect();
                self.call(Method::PATCH, &format!("/v1/webhook_policies/{id}"), body.into(), name).await?;
            }
            Change::CreateWebhook(entry) => {
                let mut body = self.all_fields(entry);
                body.insert("source".to_owned(), entry.source.as_str().into());
                body.insert("sourceID".to_owned(), entry.source_id.as_str().into());
                self.call(Method::POST, "/v1/webhooks", body.into(), &entry.key().to_string()).await?;
            }
            Change::UpdateWebhook { id, entry, .. } | Change::WriteSecrets { id, entry } => {
                let body = self.all_fields(entry);
                self.call(Method::PATCH, &format!("/v1/webhooks/{id}"), body.into(), &entry.key().to_string()).await?;
            }
            Change::DisablePolicy(name) => {
                let id = self.policies.get(name).copied().unwrap_or_default();
                let path = format!("/v1/webhook_policies/{id}");
                self.call(Method::PATCH, &path, json!({"disabled": true}), name).await?;
            }
            Change::DeleteWebhook(id, key) => {
                let path = format!("/v1/webhooks/{id}");
                let (status, answer) = self.client.call(Method::DELETE, &path, None, true).await?;
                if !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_FOUND) {
                    return Err(refused(&key.to_string(), &answer));
                }
            }
        }
        Ok(())
    }

    /// All fields of a webhook with its policy. A field that does not change costs nothing.
    fn all_fields(&self, entry: &WebhookEntry) -> Map<String, Value> {
        let mut fields = webhook_fields(entry);
        let policy = entry.policy.as_ref().and_then(|name| self.policies.get(name));
        fields.insert("webhook_policy_id".to_owned(), policy.copied().into());
        fields
    }

    async fn call(&self, method: Method, path: &str, body: Value, subject: &str) -> Result<Value, CommandError> {
        let repeatable = method != Method::POST;
        let (status, answer) = self.client.call(method, path, Some(body.to_string()), repeatable).await?;
        if status.is_success() { Ok(answer) } else { Err(refused(subject, &answer)) }
    }

    /// Keeps the key of a new policy, which the service shows only once.
    fn keep_key(&self, name: &str, key: &Value) -> Result<(), CommandError> {
        let Some(key) = key.as_str() else { return Ok(()) };
        let Some(folder) = self.keys else {
            say(&format!(
                "The key of policy {name} was not kept. Use --keys FOLDER, or rotate the policy to get another."
            ));
            return Ok(());
        };
        private_file::write(&folder.join(format!("{name}.pem")), key)
    }
}

fn refused(subject: &str, answer: &Value) -> CommandError {
    CommandError::of(format!("{}: {}. Changes shown before it were made.", one_line(subject), reason(answer)))
}
