// As well as we know how in TypeScript: one batch that reads, one batch that writes, and one
// statement a table. The write batch is a transaction, as dripline's is.

import { application } from "./app";
import { CAMPAIGN } from "./campaign";
import type { ContactRow } from "./decide";
import {
  BY_EMAIL,
  CONTACT_UPSERT,
  COUNTER_UPSERT,
  REFUSE_ERASED,
  SELECT_CONTACT,
  SELECT_ERASED,
  SELECT_KEY,
  insert,
  known,
} from "./sql";

export default application({
  async read(db, { email, key, erased }) {
    const [sent, contacts, enrollments, segments, clicks, erasures] = await db.batch([
      db.prepare(SELECT_KEY).bind(key),
      db.prepare(SELECT_CONTACT).bind(email),
      db.prepare(BY_EMAIL.enrollment).bind(email),
      db.prepare(BY_EMAIL.segments).bind(email),
      db.prepare(BY_EMAIL.clicks).bind(email),
      db.prepare(SELECT_ERASED).bind(erased),
    ]);
    if (sent.results.length > 0) return null;
    const contact = (contacts.results[0] as ContactRow | undefined) ?? null;
    const { results: erasedAt } = erasures;
    return known(contact, enrollments.results, segments.results, clicks.results, erasedAt);
  },

  async write(db, writes) {
    const statements = [
      insert(db, "events", writes.events),
      insert(db, "contacts", [writes.contact], CONTACT_UPSERT),
      insert(db, "consents", writes.consents),
    ];
    if (writes.enrollment) statements.push(insert(db, "enrollments", [writes.enrollment]));
    for (const { segment_id, enters } of writes.members) {
      const contact_id = writes.contact.id;
      const entered_at = writes.contact.updated_at;
      const sql = "DELETE FROM segment_members WHERE contact_id = ?1 AND segment_id = ?2";
      statements.push(
        enters
          ? insert(db, "segment_members", [{ contact_id, segment_id, entered_at }])
          : db.prepare(sql).bind(contact_id, segment_id),
      );
    }
    if (writes.message) statements.push(insert(db, "messages", [writes.message]));
    if (writes.counters.length > 0) {
      const rows = writes.counters.map((one) => ({ campaign_id: CAMPAIGN, ...one, value: 1 }));
      statements.push(insert(db, "counters", rows, COUNTER_UPSERT));
    }
    if (writes.newAddress) {
      const { hash, at } = writes.newAddress;
      statements.push(db.prepare(REFUSE_ERASED).bind(hash, at));
    }
    await db.batch(statements);
  },
});
