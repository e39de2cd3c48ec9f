//! Of a deleted account nothing is left, in any table, and of the others everything is there: that is what all the other
//! checks say.

use std::time::Duration;

use rusqlite::Connection;

use crate::scratch::Lent;
use crate::world::{World, moment};

/// Claims of attempts are known by their message alone and go by their age, a few days later.
const LATER: Duration = Duration::from_hours(24 * 5);
/// A deleted account is forgotten once nothing was left for a while.
const A_WHILE: Duration = Duration::from_hours(1);
/// More steps than any run needs.
const MOST_STEPS: u32 = 100_000;

/// Removes what is to be removed, to the end, and looks into all tables.
pub(crate) async fn check(world: &World, lent: &Lent) {
    let (now, step) = {
        let mut state = world.lock();
        if state.shadow.gone.is_empty() {
            return;
        }
        (moment(state.now) + LATER, usize::try_from(state.chance.between(1..=20)).expect("a small number"))
    };
    let mut steps = 0;
    for at in [now, now + A_WHILE] {
        while lent.store.sweep_some(at, step).await.expect("the store works") {
            steps += 1;
            if steps > MOST_STEPS {
                return world.lock().violation("what deleted accounts left is removed without end");
            }
        }
    }
    let left = left(lent.connection()).expect("the store can be read");
    let mut state = world.lock();
    for what in left {
        state.violation(format!("of a deleted account something is left: {what}"));
    }
    state.coverage.row("account removed to the last row");
}

/// Rows that belong to no account, webhook or event that is there.
fn left(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut columns = connection.prepare(
        "SELECT m.name, group_concat(p.name) FROM sqlite_master m, pragma_table_info(m.name) p
         WHERE m.type = 'table' GROUP BY m.name",
    )?;
    let tables = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut left = Vec::new();
    for table in tables {
        let (table, columns): (String, String) = table?;
        let has = |column| columns.split(',').any(|one| one == column);
        let stray = match &*table {
            "gone_accounts" | "claims" => "true",
            _ if has("account") => "account NOT IN (SELECT num FROM accounts)",
            _ if has("webhook") => "webhook NOT IN (SELECT id FROM webhooks)",
            _ if has("event") => "event NOT IN (SELECT num FROM events)",
            _ => continue,
        };
        let count: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {table} WHERE {stray}"), [], |row| row.get(0))?;
        if count > 0 {
            left.push(format!("{count} rows of {table}"));
        }
    }
    Ok(left)
}
