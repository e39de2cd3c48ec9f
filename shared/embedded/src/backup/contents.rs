//! Copies the rows of a backup into a new database.
//!
//! A backup comes from outside: a trigger in it could plant a token again that was revoked long ago. So the tables of the
//! new database are those of our migrations, and of the backup only rows are copied, of the columns that its version of
//! the schema has. Triggers, views, virtual tables, and unknown tables, columns and indexes are left behind by name.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::ToSqlOutput;

use super::files;
use crate::store::sqlite::schema;

/// What a backup contains.
pub(super) struct BackupContents {
    /// The tables of its version of the schema.
    tables: BTreeMap<String, Vec<String>>,
    /// It has the table of the attachment files.
    pub(super) has_files: bool,
    /// Kind and name of everything that is not copied.
    pub(super) left_behind: Vec<String>,
}

impl BackupContents {
    /// Compares a backup with its version of the schema. `Err` holds what it lacks.
    pub(super) fn of(backup: &Connection, version: i64) -> rusqlite::Result<Result<Self, String>> {
        let ours = Connection::open_in_memory()?;
        schema::create(&ours, version)?;
        let (tables, mut theirs) = (tables(&ours)?, tables(backup)?);
        let has_files = theirs.remove(files::TABLE).is_some();
        let mut left_behind = Vec::new();
        for (table, columns) in &tables {
            let Some(found) = theirs.get(table) else { return Ok(Err(format!("it has no table {table}"))) };
            if let Some(missing) = columns.iter().find(|column| !found.contains(column)) {
                return Ok(Err(format!("it has no column {table}.{missing}")));
            }
            let unknown = found.iter().filter(|column| !columns.contains(column));
            left_behind.extend(unknown.map(|column| format!("column {table}.{column}")));
        }
        let mut unknown: BTreeSet<_> = objects(backup)?.difference(&objects(&ours)?).cloned().collect();
        if has_files {
            unknown.remove(&("table".to_owned(), files::TABLE.to_owned()));
        }
        left_behind.extend(unknown.into_iter().map(|(kind, name)| format!("{kind} {name}")));
        Ok(Ok(Self { tables, has_files, left_behind }))
    }

    /// Copies the rows into a database that has these tables, still empty.
    pub(super) fn copy(&self, backup: &Connection, into: &Connection) -> rusqlite::Result<()> {
        for (table, columns) in &self.tables {
            let (names, places) = (columns.join(", "), vec!["?"; columns.len()].join(", "));
            // An index of the backup may say something else than its table.
            let mut read = backup.prepare(&format!("SELECT {names} FROM main.{table} NOT INDEXED"))?;
            let mut write = into.prepare(&format!("INSERT INTO main.{table} ({names}) VALUES ({places})"))?;
            let mut rows = read.query([])?;
            while let Some(row) = rows.next()? {
                for column in 0..columns.len() {
                    write.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
                }
                write.raw_execute()?;
            }
        }
        self.copy_sequences(backup, into)
    }

    /// Copies the highest numbers that the tables have given, so that none is given again.
    fn copy_sequences(&self, backup: &Connection, into: &Connection) -> rusqlite::Result<()> {
        let mut read = backup.prepare("SELECT name, seq FROM sqlite_sequence WHERE typeof(seq) = 'integer'")?;
        let mut forget = into.prepare("DELETE FROM sqlite_sequence WHERE name = ?1 AND seq <= ?2")?;
        let mut write = into.prepare(
            "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2
             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
        )?;
        let mut rows = read.query([])?;
        while let Some(row) = rows.next()? {
            let (table, number): (String, i64) = (row.get(0)?, row.get(1)?);
            if self.tables.contains_key(&table) {
                forget.execute((&table, number))?;
                write.execute((&table, number))?;
            }
        }
        Ok(())
    }
}

/// The tables that hold rows of their own, with the columns that are stored and not computed.
fn tables(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
    let mut names = connection.prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let mut columns = connection.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let with_columns = names.into_iter().map(|table| {
        let columns = columns.query_map([&table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok((table, columns))
    });
    with_columns.collect()
}

/// Kind and name of everything in a schema.
fn objects(connection: &Connection) -> rusqlite::Result<BTreeSet<(String, String)>> {
    let mut all =
        connection.prepare("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?;
    all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
