//! SQLite behind the `Database` seam. It binds as D1 binds, every number as a float, and has its
//! limits, so that a test which passes here means something there.

use crate::flows::seams::{Database, DatabaseError};
use crate::store::statement::{Rows, Statement, Value};
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};
use std::cell::RefCell;
use std::fmt::Write;
use std::path::Path;

/// The migrations, in order.
pub const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/0001_main.sql")];

/// What D1 allows a statement; SQLite alone would allow more.
const D1_LIMITS: [(Limit, i32); 7] = [
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
];

/// A SQLite database, in memory or in a file.
pub struct Sqlite {
    connection: RefCell<Connection>,
}

impl Sqlite {
    /// An empty database in memory, with the schema.
    pub fn in_memory() -> Result<Self, rusqlite::Error> {
        Self::with_schema(Connection::open_in_memory()?)
    }

    /// A new database file, with the schema.
    pub fn create(path: &Path) -> Result<Self, rusqlite::Error> {
        Self::with_schema(Connection::open(path)?)
    }

    fn with_schema(connection: Connection) -> Result<Self, rusqlite::Error> {
        connection.set_prepared_statement_cache_capacity(200);
        D1_LIMITS
            .iter()
            .try_for_each(|(limit, value)| connection.set_limit(*limit, *value).map(|_| ()))?;
        MIGRATIONS.iter().try_for_each(|migration| connection.execute_batch(migration))?;
        Ok(Self { connection: RefCell::new(connection) })
    }
}

impl Database for Sqlite {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let mut connection = self.connection.borrow_mut();
        let transaction = connection.transaction().map_err(database_error)?;
        let rows = statements
            .iter()
            .map(|statement| run(&transaction, statement))
            .collect::<Result<Vec<Rows>, _>>()
            .map_err(database_error)?;
        transaction.commit().map_err(database_error)?;
        Ok(rows)
    }
}

/// Runs one statement and writes its rows as a JSON array of objects.
fn run(connection: &Connection, statement: &Statement) -> Result<Rows, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut rows = prepared.query(params_from_iter(statement.params.iter().map(Bound)))?;
    let mut json = String::from("[");
    while let Some(row) = rows.next()? {
        json.push_str(if json.len() == 1 { "{" } else { ",{" });
        for (index, column) in columns.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(json, "{comma}{}:", quoted(column));
            let _ = match row.get_ref(index)? {
                ValueRef::Null => write!(json, "null"),
                ValueRef::Integer(n) => write!(json, "{n}"),
                ValueRef::Real(n) => write!(json, "{n:?}"),
                ValueRef::Text(text) => write!(json, "{}", quoted(&String::from_utf8_lossy(text))),
                ValueRef::Blob(_) => write!(json, "null"),
            };
        }
        json.push('}');
    }
    json.push(']');
    Ok(Rows(json))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value as D1 would bind it.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Int(n) => ToSqlOutput::Borrowed(ValueRef::Real(*n as f64)),
            Value::Real(n) => ToSqlOutput::Borrowed(ValueRef::Real(*n)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn database_error(error: rusqlite::Error) -> DatabaseError {
    let unique =
        [rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE, rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    match error.sqlite_error() {
        Some(code) if unique.contains(&code.extended_code) => {
            DatabaseError::Conflict(error.to_string())
        }
        Some(code) if code.code == ErrorCode::DatabaseBusy => {
            DatabaseError::Overloaded(error.to_string())
        }
        _ => DatabaseError::Fault(error.to_string()),
    }
}
