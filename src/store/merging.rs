//! Merging: the rows that move from one record to another.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::RecordId;

/// Returns the statements that move the enrollments and messages of a contact to another, and make
/// its id and addresses, and those of contacts merged into it before, lead there. They come before
/// the enrollments that the same batch writes.
pub fn take_over(from: &RecordId, into: &RecordId) -> [Statement; 6] {
    let both =
        |sql| Statement::new(sql, vec![Value::text(from.as_str()), Value::text(into.as_str())]);
    [
        // Their ids begin with that of the contact, of a contact merged into it before, or of one
        // of its enrollments, and a point.
        both(
            "UPDATE messages SET contact_id = ?2 WHERE contact_id = ?1 AND id IN (
                SELECT m.id FROM (SELECT ?1 AS id UNION ALL
                                  SELECT id FROM contacts WHERE merged_into = ?1 UNION ALL
                                  SELECT id FROM enrollments WHERE contact_id = ?1) AS begun
                  JOIN messages m ON m.id > begun.id || '.' AND m.id < begun.id || '/')",
        ),
        both("UPDATE contacts SET merged_into = ?2 WHERE id = ?1 OR merged_into = ?1"),
        // A contact has at most one enrollment per journey and entry key.
        both(
            "UPDATE enrollments SET contact_id = ?2, entry_key = iif(EXISTS (
                    SELECT 1 FROM enrollments own
                     WHERE own.contact_id = ?2 AND own.campaign_id = enrollments.campaign_id
                       AND own.journey = enrollments.journey
                       AND own.entry_key = enrollments.entry_key), NULL, entry_key)
              WHERE contact_id = ?1",
        ),
        // What was sent counts for the person, regardless of the address.
        both("UPDATE OR IGNORE cap_places SET contact_id = ?2 WHERE contact_id = ?1"),
        both("UPDATE short_links SET contact_id = ?2 WHERE contact_id = ?1"),
        both("DELETE FROM parked WHERE contact_id = ?1 AND ?2 IS NOT NULL"),
    ]
}

/// Returns the statements that move the people of a company to another. Who was at both keeps the
/// position there, which is the main one if either was.
pub fn take_over_people(from: &RecordId, into: &RecordId) -> [Statement; 3] {
    let both =
        |sql| Statement::new(sql, vec![Value::text(from.as_str()), Value::text(into.as_str())]);
    [
        both(
            "UPDATE positions SET is_main = 1
              WHERE company_id = ?2 AND EXISTS (
                    SELECT 1 FROM positions o
                     WHERE o.company_id = ?1 AND o.contact_id = positions.contact_id
                       AND o.is_main)",
        ),
        both("UPDATE OR IGNORE positions SET company_id = ?2 WHERE company_id = ?1"),
        both("DELETE FROM positions WHERE company_id = ?1 AND ?2 IS NOT NULL"),
    ]
}
