//! `hookline export`

use std::collections::{BTreeMap, BTreeSet};

use super::account::CurrentAccount;
use super::file::Configuration;
use crate::arguments::ExportArgs;
use crate::commands::api_client::ApiClient;
use crate::output::{CommandError, print, say};

/// Prints the configuration of the account. What the file cannot hold is said.
pub(crate) async fn run(arguments: ExportArgs) -> Result<(), CommandError> {
    let client = ApiClient::new(&arguments.service.url, arguments.service.token_file.as_deref())?;
    let (configuration, left_out) = exported(&CurrentAccount::read(&client).await?)?;
    for line in left_out {
        say(&format!("not exported: {line}"));
    }
    print(configuration.to_yaml()?.trim_end())
}

/// The configuration, and what is not part of it.
fn exported(current: &CurrentAccount) -> Result<(Configuration, Vec<String>), CommandError> {
    let mut configuration = Configuration::new();
    configuration.event_types = current.event_types.values().cloned().map(Into::into).collect();
    let (mut left_out, mut keys) = (Vec::new(), BTreeSet::new());
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    for webhook in &current.webhooks {
        let (id, key) = (webhook.id, webhook.entry.key());
        if key.0.is_empty() || key.1.is_empty() {
            left_out.push(format!("webhook #{id} has no source or no sourceID"));
            continue;
        }
        if !keys.insert(key.clone()) {
            return Err(CommandError::of(format!(
                "several webhooks have source and sourceID {key}, among them #{id}: give each a sourceID of its own"
            )));
        }
        if webhook.has_attachments {
            left_out.push(format!("the attachments of webhook #{id}"));
        }
        let mut entry = webhook.entry.clone();
        if let Some(policy) = webhook.policy {
            let number = names.len() + 1;
            let found = current.policies.get(&policy);
            let found = found.ok_or_else(|| CommandError::of(format!("webhook #{id} has an unknown policy")))?;
            let name = names.entry(policy).or_insert_with(|| format!("{}-{number}", found.jwt_alg));
            configuration.policies.insert(name.clone(), found.clone());
            entry.policy = Some(name.clone());
        }
        configuration.webhooks.push(entry);
    }
    let unused = current.policies.keys().filter(|id| !names.contains_key(id));
    left_out.extend(unused.map(|id| format!("policy #{id} is used by no exported webhook")));
    Ok((configuration, left_out))
}
