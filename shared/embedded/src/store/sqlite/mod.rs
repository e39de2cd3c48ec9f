//! The SQLite file: how it is opened, written and read.

pub(crate) mod checkpoint;
pub(crate) mod errors;
pub(crate) mod open_mode;
pub(crate) mod readers;
pub(crate) mod schema;
pub(crate) mod write_job;
pub(crate) mod writer;
