//! The SQLite file: how it is opened, written and read.
//!
//! [`writer::Writer`] runs all writes, [`readers::ReaderPool`] lends connections for reads, [`schema`] creates and
//! migrates the tables.

pub(crate) mod checkpoint;
pub(crate) mod errors;
pub(crate) mod open_mode;
pub(crate) mod readers;
pub(crate) mod schema;
pub(crate) mod write_job;
pub(crate) mod writer;
