//! Queries of one partition.

/// A range of sort keys in a partition.
#[derive(Debug, Clone)]
pub(in crate::store) enum SortKeyRange {
    /// All sort keys.
    All,
    /// Sort keys that start with this text.
    Prefix(String),
    /// Sort keys between two texts, both included.
    Between(String, String),
}

/// A query of one partition.
#[derive(Debug, Clone)]
pub(in crate::store) struct PartitionQuery {
    pub(in crate::store) pk: String,
    pub(in crate::store) range: SortKeyRange,
    pub(in crate::store) descending: bool,
    pub(in crate::store) limit: Option<usize>,
}

impl PartitionQuery {
    pub(in crate::store) fn new(pk: String, range: SortKeyRange) -> Self {
        Self { pk, range, descending: false, limit: None }
    }

    pub(in crate::store) fn descending(self, descending: bool) -> Self {
        Self { descending, ..self }
    }

    pub(in crate::store) fn limit(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }
}
