//! The item of a policy, and the writes that count its webhooks.

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId};
use hookline_core::model::{Policy, PolicyKeys, PolicyName};
use hookline_core::signing::Algorithm;
use hookline_core::values::FieldValue;

use crate::store::dynamo::{Item, ItemBuilder, ItemReader, Write, corrupt, number};
use crate::store::keys;

/// Counts one more webhook that uses the policy. The policy must exist and not be disabled.
pub(in crate::store) fn link(account: &AccountId, policy: PolicyId) -> Write {
    Write::update(keys::policy(account, policy), "ADD #users :one")
        .when("attribute_exists(#pk) AND attribute_not_exists(#disabled)")
        .with("one", number(1))
}

/// Counts one webhook less that uses the policy.
pub(in crate::store) fn unlink(account: &AccountId, policy: PolicyId) -> Write {
    Write::update(keys::policy(account, policy), "ADD #users :less").when_present().with("less", number(-1))
}

pub(in crate::store) fn to_item(policy: &Policy) -> Item {
    let Policy { id, account, name, disabled, algorithm, audience, expires_in, keys, created_at, updated_at, version } =
        policy;
    ItemBuilder::at(&keys::policy(account, *id))
        .number("id", id)
        .text("name", name.as_str())
        .flag("disabled", *disabled)
        .text("algorithm", algorithm.as_str())
        .maybe_text("audience", audience.as_deref())
        .maybe("expires_in", expires_in.map(number))
        .text("keys", keys.encode())
        .time("created_at", *created_at)
        .time("updated_at", *updated_at)
        .number("version", version)
        .done()
}

pub(in crate::store) fn from_item(account: &AccountId, read: ItemReader<'_>) -> PortResult<Policy> {
    Ok(Policy {
        id: PolicyId(read.number("id")?),
        account: account.clone(),
        name: read.parsed("name", PolicyName::parse)?,
        disabled: read.flag("disabled"),
        algorithm: read.parsed("algorithm", Algorithm::parse)?,
        audience: read.owned("audience"),
        expires_in: read.maybe_number("expires_in")?,
        keys: read.parsed("keys", PolicyKeys::decode)?,
        created_at: read.time("created_at")?,
        updated_at: read.time("updated_at")?,
        version: read.number("version")?,
    })
}

/// The value of a field that lists of policies can be sorted or filtered by.
pub(in crate::store) fn listed(read: ItemReader<'_>, field: &str) -> PortResult<Option<FieldValue>> {
    Ok(Some(match field {
        "id" => FieldValue::Int(read.number("id")?),
        "name" => FieldValue::Text(read.text("name")?.to_owned()),
        "disabled" => FieldValue::Bool(read.flag("disabled")),
        "created_at" | "updated_at" => FieldValue::Time(read.time(field)?),
        _ => return Err(corrupt("a list field of policies")),
    }))
}
