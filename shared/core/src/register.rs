//! Placeholder of a use case.
