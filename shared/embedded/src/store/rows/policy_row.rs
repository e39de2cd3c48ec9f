//! A policy as a row.

use hookline_core::ids::PolicyId;
use hookline_core::model::{Policy, PolicyKeys, PolicyName};
use hookline_core::signing::Algorithm;
use rusqlite::Row;

use super::values::{account_id, time};
use crate::store::sqlite::errors::corrupt;

/// The columns of a policy `p` of the account `a`.
pub(crate) const POLICY: &str = "p.id, a.id, p.name, p.disabled, p.jwt_alg, p.jwt_audience, p.jwt_claim_expires_in, \
     p.keys, p.created_at, p.updated_at, p.version";

/// Reads the columns of [`POLICY`], starting at `at`.
pub(crate) fn policy_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Policy> {
    Ok(Policy {
        id: PolicyId(row.get::<_, i64>(at)?.cast_unsigned()),
        account: account_id(row.get_ref(at + 1)?.as_str()?)?,
        name: PolicyName::parse(row.get_ref(at + 2)?.as_str()?).ok_or_else(|| corrupt("name of a policy"))?,
        disabled: row.get(at + 3)?,
        algorithm: Algorithm::parse(row.get_ref(at + 4)?.as_str()?).ok_or_else(|| corrupt("algorithm"))?,
        audience: row.get(at + 5)?,
        expires_in: row.get(at + 6)?,
        keys: PolicyKeys::decode(row.get_ref(at + 7)?.as_str()?).ok_or_else(|| corrupt("keys of a policy"))?,
        created_at: time(row.get(at + 8)?)?,
        updated_at: time(row.get(at + 9)?)?,
        version: row.get::<_, i64>(at + 10)?.cast_unsigned(),
    })
}
