//! Schemas that were read a moment ago.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::json_schema::JsonSchema;

/// How many bytes of memory the schemas of a process take at most, about.
const MAX_WEIGHT: usize = 8 << 20;

/// What a schema is known by: whose it is, and the id and version of its record, which never hold another schema.
type SchemaKey = (Box<str>, u64, u64);

/// The schemas that a process used last, as many as 8 MiB hold.
#[derive(Debug, Default)]
pub struct SchemaCache {
    /// The one used last comes first.
    recent: Mutex<VecDeque<(SchemaKey, Arc<JsonSchema>)>>,
}

impl SchemaCache {
    /// A schema that was kept.
    pub fn find(&self, owner: &str, id: u64, version: u64) -> Option<Arc<JsonSchema>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = recent.iter().position(|((whose, number, of), _)| (&**whose, *number, *of) == (owner, id, version))?;
        let found = recent.remove(at)?;
        let schema = Arc::clone(&found.1);
        recent.push_front(found);
        Some(schema)
    }

    /// Keeps a schema, and forgets those that were not used for longest.
    pub fn keep(&self, owner: &str, id: u64, version: u64, schema: &Arc<JsonSchema>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front(((owner.into(), id, version), Arc::clone(schema)));
        let mut weight = 0;
        let most = recent.iter().take_while(|(_, schema)| {
            weight += schema.weight();
            weight <= MAX_WEIGHT
        });
        let most = most.count();
        recent.truncate(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_has_a_bound_and_keeps_what_is_used() {
        let cache = SchemaCache::default();
        let large = format!(r#"{{"title":"{}"}}"#, "x".repeat(60_000));
        let schema = Arc::new(JsonSchema::parse(&large).unwrap());
        let fit = u64::try_from(MAX_WEIGHT / schema.weight()).unwrap();
        for id in 0..fit + 5 {
            cache.keep("wdc", id, 1, &schema);
            assert!(cache.find("wdc", 0, 1).is_some(), "the one that is used stays");
        }
        assert!(cache.find("wdc", 3, 1).is_none() && cache.find("wdc", fit + 4, 1).is_some());
        assert!(cache.find("wdc", 0, 2).is_none() && cache.find("other", 0, 1).is_none());
    }
}
