//! A question to one partition.

/// Which items of a partition.
#[derive(Debug, Clone)]
pub(in crate::store) enum SortKeyRange {
    /// All.
    All,
    /// Those whose sort key begins so.
    Prefix(String),
    /// Those from here to there, both included.
    Between(String, String),
}

/// A question to one partition.
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
