// The statements of both variants.

import type { Known } from "./decide";

export const SELECT_KEY = "SELECT 1 AS found FROM events WHERE key = ?1";
// A contact that was merged into another is that one.
const ID_OF_EMAIL = "(SELECT coalesce(merged_into, id) FROM contacts WHERE email = ?1)";
const OF_EMAIL = `contact_id = ${ID_OF_EMAIL}`;
export const SELECT_CONTACT = `SELECT * FROM contacts WHERE id = ${ID_OF_EMAIL}`;
export const SELECT_ERASED =
  "SELECT at FROM suppressions WHERE channel = 'email' AND address = ?1";
// Refuses its batch if the address was erased since: the key of the row is taken.
export const REFUSE_ERASED = `INSERT INTO suppressions (channel, address, reason, at)
  SELECT channel, address, reason, at FROM suppressions
   WHERE channel = 'email' AND address = ?1 AND at >= ?2`;
const ENROLLMENT = "SELECT 1 AS found FROM enrollments WHERE campaign_id = 'spring-webinar' AND journey = 'nurture' AND ";
const SEGMENTS = "SELECT segment_id FROM segment_members WHERE ";
const CLICKS = "SELECT at FROM events WHERE name = 'message.clicked' AND ";

export const BY_CONTACT = {
  enrollment: `${ENROLLMENT}contact_id = ?1`,
  segments: `${SEGMENTS}contact_id = ?1`,
  clicks: `${CLICKS}contact_id = ?1`,
};
export const BY_EMAIL = {
  enrollment: ENROLLMENT + OF_EMAIL,
  segments: SEGMENTS + OF_EMAIL,
  clicks: CLICKS + OF_EMAIL,
};

type Row = Record<string, string | number | null>;

/** `INSERT INTO table (…) VALUES (…), (…)` for rows that have the same columns. */
export function insert(db: D1Database, table: string, rows: Row[], suffix = "") {
  const columns = Object.keys(rows[0]);
  const marks = rows.map(() => `(${columns.map(() => "?").join(", ")})`).join(", ");
  const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES ${marks} ${suffix}`;
  return db.prepare(sql).bind(...rows.flatMap((row) => Object.values(row)));
}

export const CONTACT_UPSERT = `ON CONFLICT (id) DO UPDATE SET
  seq = excluded.seq, email = excluded.email, phone = excluded.phone,
  attributes = excluded.attributes, consents = excluded.consents, touches = excluded.touches,
  wake_at = excluded.wake_at, updated_at = excluded.updated_at`;

export const COUNTER_UPSERT =
  "ON CONFLICT (campaign_id, metric, channel, part, day) DO UPDATE SET value = value + excluded.value";

export function known(
  contact: Known["contact"],
  enrollments: unknown[],
  segments: unknown[],
  clicks: unknown[],
  erased: unknown[],
): Known {
  return {
    contact,
    isEnrolled: enrollments.length > 0,
    segments: (segments as { segment_id: string }[]).map((row) => row.segment_id),
    clicks: (clicks as { at: number }[]).map((row) => row.at),
    erasedAt: Math.max(...(erased as { at: number }[]).map((row) => row.at)),
  };
}
