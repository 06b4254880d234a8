//! What the native tests and the benchmarks share: a time, the head of a campaign file, contacts,
//! and a database that counts.

use dripline::domain::base::primitives::Millis;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::native::sqlite::Sqlite;
use dripline::store::statement::{Rows, Statement, Value};
use std::borrow::Borrow;
use std::cell::Cell;

/// Monday, 2 March 2026, 09:00 UTC: winter time in London and New York.
pub const MONDAY: Millis = Millis(1_772_442_000_000);

/// The `[campaign]` section of a campaign `c`.
pub const CAMPAIGN: &str = r#"
    [campaign]
    id = "c"
    name = "Test"
    time_zone = "Europe/London"
    currency = "GBP"
    owner = "owner@house.example"
    postal_address = "1 Test Road"
    goal = { event = "order.completed", within = "30d" }
    attributes = ["first_name"]
"#;

/// Inserts this many contacts who agreed to the e-mails of `news`, each with the event of its
/// number.
pub fn insert_readers(count: usize) -> Vec<Statement> {
    const SQL: [&str; 2] = [
        "INSERT INTO contacts (id, seq, email, attributes, tags, score, consents, touches,
                               created_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT printf('%08x-0000-7000-8000-000000000000', i), 1, 'p' || i || '@example.com',
                '{\"first_name\":\"Ann\"}', '[]', 0,
                '[{\"channel\":\"email\",\"purpose\":\"news\",\"state\":\"granted\",
                   \"double_opt_in\":false,\"form\":null,\"at\":0}]', '[]', 0, 0 FROM n",
        "INSERT INTO events (contact_id, seq, at, name, properties)
         SELECT id, 1, 0, 'joined', '{}' FROM contacts WHERE ?1 > 0",
    ];
    SQL.map(|sql| Statement::new(sql, vec![Value::Int(count as i64)])).to_vec()
}

/// A database that counts what it is asked.
pub struct Counted<D> {
    pub db: D,
    pub round_trips: Cell<u64>,
    pub statements: Cell<u64>,
    /// The parameters of the largest batch, in bytes.
    pub bytes_max: Cell<usize>,
}

impl<D> Counted<D> {
    pub fn new(db: D) -> Self {
        let (round_trips, statements, bytes_max) = <_>::default();
        Self { db, round_trips, statements, bytes_max }
    }
}

impl<D: Borrow<Sqlite>> Database for Counted<D> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.round_trips.set(self.round_trips.get() + 1);
        self.statements.set(self.statements.get() + statements.len() as u64);
        let values = statements.iter().flat_map(|statement| &statement.params);
        let bytes = values.map(|value| if let Value::Text(text) = value { text.len() } else { 8 });
        self.bytes_max.set(self.bytes_max.get().max(bytes.sum()));
        self.db.borrow().batch(statements).await
    }
}
