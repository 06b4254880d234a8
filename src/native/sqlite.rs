//! SQLite behind the `Database` port. It binds every number as a float, as D1 does, and has D1's
//! limits, so that a test which passes here is meaningful for D1.

use crate::flows::ports::{Database, DatabaseError};
use crate::store::statement::{INTEGER_MAX, Rows, Statement, Value};
use rusqlite::backup::Backup;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, StatementStatus, ToSql, params_from_iter};
use serde_json::Value as Json;
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::path::Path;

pub const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_main.sql"),
    include_str!("../../migrations/0002_journeys.sql"),
    include_str!("../../migrations/0003_versions.sql"),
    include_str!("../../migrations/0004_senders.sql"),
    include_str!("../../migrations/0005_hearing.sql"),
    include_str!("../../migrations/0006_links.sql"),
    include_str!("../../migrations/0007_consent.sql"),
    include_str!("../../migrations/0008_pacing.sql"),
    include_str!("../../migrations/0009_broadcasts.sql"),
    include_str!("../../migrations/0010_privacy.sql"),
    include_str!("../../migrations/0011_merging.sql"),
    include_str!("../../migrations/0012_waves.sql"),
    include_str!("../../migrations/0013_charges.sql"),
    include_str!("../../migrations/0014_failing.sql"),
    include_str!("../../migrations/0015_outages.sql"),
    include_str!("../../migrations/0016_contents.sql"),
    include_str!("../../migrations/0017_one_form.sql"),
    include_str!("../../migrations/0018_sessions.sql"),
    include_str!("../../migrations/0019_once.sql"),
    include_str!("../../migrations/0020_operations.sql"),
    include_str!("../../migrations/0021_mailboxes.sql"),
    include_str!("../../migrations/0022_records.sql"),
    include_str!("../../migrations/0023_members.sql"),
    include_str!("../../migrations/0024_kinds.sql"),
    include_str!("../../migrations/0025_lists.sql"),
    include_str!("../../migrations/0026_companies.sql"),
    include_str!("../../migrations/0027_search.sql"),
    include_str!("../../migrations/0028_imports.sql"),
];

/// The number of prepared statements in the cache: more than the flows have.
const STATEMENTS_CACHED: usize = 200;

/// The step of a backup that copies all remaining pages.
const ALL_PAGES: i32 = -1;

/// D1's limits for a statement; SQLite alone would allow more. Cloudflare documents the first six
/// (https://developers.cloudflare.com/d1/platform/limits/). The runtime sets the others
/// (`SqliteDatabase::setupSecurity` in
/// https://github.com/cloudflare/workerd/blob/main/src/workerd/util/sqlite.c++). Where the two
/// differ, the stricter one applies here. `tests/fixtures/d1_limits.json` verifies both sides
/// against them.
const D1_LIMITS: [(Limit, i32); 11] = [
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    // In bytes; for a text, a blob and a row alike.
    (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
];

/// The most statements in one invocation of a worker on a paid plan; each statement of a batch
/// counts (https://developers.cloudflare.com/d1/platform/limits/).
pub const STATEMENTS_PER_RUN_MAX: usize = 1_000;

pub struct Sqlite {
    connection: RefCell<Connection>,
    steps: Cell<u64>,
}

impl Sqlite {
    /// Creates an empty database in memory, with the schema.
    pub fn in_memory() -> Result<Self, rusqlite::Error> {
        Self::with_schema(Connection::open_in_memory()?)
    }

    /// Creates a new database file, with the schema.
    pub fn create(path: &Path) -> Result<Self, rusqlite::Error> {
        Self::with_schema(Connection::open(path)?)
    }

    /// Copies its present state into memory.
    pub fn copy(&self) -> Result<Self, rusqlite::Error> {
        let mut connection = Connection::open_in_memory()?;
        limit(&connection)?;
        Backup::new(&self.connection.borrow(), &mut connection)?.step(ALL_PAGES)?;
        Ok(Self { connection: RefCell::new(connection), steps: Cell::new(0) })
    }

    /// Returns the number of instructions of SQLite's machine so far: the work of its statements,
    /// the same on every computer.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    fn with_schema(connection: Connection) -> Result<Self, rusqlite::Error> {
        limit(&connection)?;
        MIGRATIONS.iter().try_for_each(|migration| connection.execute_batch(migration))?;
        Ok(Self { connection: RefCell::new(connection), steps: Cell::new(0) })
    }
}

/// Applies D1's limits to a connection and sets the size of its statement cache.
fn limit(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    D1_LIMITS.iter().try_for_each(|(limit, value)| connection.set_limit(*limit, *value).map(drop))
}

impl Database for Sqlite {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let mut connection = self.connection.borrow_mut();
        let transaction = connection.transaction().map_err(database_error)?;
        let rows = statements
            .iter()
            .map(|statement| run(&transaction, statement, &self.steps))
            .collect::<Result<Vec<Rows>, _>>()
            .map_err(database_error)?;
        transaction.commit().map_err(database_error)?;
        Ok(rows)
    }
}

/// The database in one invocation of a worker (a request, a tick or a task), with its limit of
/// statements.
pub struct OneRun<'d, D> {
    db: &'d D,
    left: Cell<usize>,
}

impl<'d, D> OneRun<'d, D> {
    /// Begins an invocation.
    pub fn new(db: &'d D) -> Self {
        Self { db, left: Cell::new(STATEMENTS_PER_RUN_MAX) }
    }
}

impl<D: Database> Database for OneRun<'_, D> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let Some(left) = self.left.get().checked_sub(statements.len()) else {
            let message = format!("a run has more than {STATEMENTS_PER_RUN_MAX} statements");
            return Err(DatabaseError::Fault(message));
        };
        self.left.set(left);
        self.db.batch(statements).await
    }
}

/// Runs one statement and writes its rows as a JSON array of objects.
fn run(
    connection: &Connection,
    statement: &Statement,
    steps: &Cell<u64>,
) -> Result<Rows, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let keys: Vec<String> =
        prepared.column_names().map(|name| format!("{}:", Json::from(name))).collect();
    let mut rows = prepared.query(params_from_iter(statement.params.iter().map(Bound)))?;
    let mut json = vec![b'['];
    while let Some(row) = rows.next()? {
        json.extend_from_slice(if json.len() == 1 { b"{" } else { b",{" });
        for (index, key) in keys.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(key.as_bytes());
            // Writing to memory cannot fail.
            let _ = match row.get_ref(index)? {
                ValueRef::Null | ValueRef::Blob(_) => write!(json, "null"),
                ValueRef::Integer(n) => write!(json, "{n}"),
                ValueRef::Real(n) => write!(json, "{n:?}"),
                ValueRef::Text(text) => {
                    let text = String::from_utf8_lossy(text);
                    serde_json::to_writer(&mut json, &text).map_err(Into::into)
                }
            };
        }
        json.push(b'}');
    }
    json.push(b']');
    drop(rows);
    let taken = prepared.reset_status(StatementStatus::VmStep);
    steps.set(steps.get() + u64::try_from(taken).unwrap_or_default());
    // Only text was written.
    Ok(Rows(String::from_utf8(json).unwrap_or_default()))
}

/// A value as D1 would bind it.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Int(n) if n.unsigned_abs() > INTEGER_MAX.unsigned_abs() => {
                let problem = format!("{n} is too large to be bound exactly");
                return Err(rusqlite::Error::ToSqlConversionFailure(problem.into()));
            }
            Value::Int(n) => ToSqlOutput::Borrowed(ValueRef::Real(*n as f64)),
            Value::Real(n) => ToSqlOutput::Borrowed(ValueRef::Real(*n)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn database_error(error: rusqlite::Error) -> DatabaseError {
    let refusals = [
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE,
        rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
        rusqlite::ffi::SQLITE_CONSTRAINT_CHECK,
    ];
    match error.sqlite_error() {
        Some(code) if refusals.contains(&code.extended_code) => {
            DatabaseError::Conflict(error.to_string())
        }
        Some(code) if code.code == ErrorCode::DatabaseBusy => {
            DatabaseError::Overloaded(error.to_string())
        }
        _ => DatabaseError::Fault(error.to_string()),
    }
}
