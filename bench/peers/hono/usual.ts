// As most people write it: each statement is awaited before the next. Reads that a new contact
// does not need are left out. Nothing makes the writes one transaction.

import { application } from "./app";
import { CAMPAIGN } from "./campaign";
import type { ContactRow } from "./decide";
import {
  BY_CONTACT,
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
    if (await db.prepare(SELECT_KEY).bind(key).first()) return null;
    const { results: erasedAt } = await db.prepare(SELECT_ERASED).bind(erased).all();
    const contact = await db.prepare(SELECT_CONTACT).bind(email).first<ContactRow>();
    if (contact === null) return known(null, [], [], [], erasedAt);
    const enrollments = await db.prepare(BY_CONTACT.enrollment).bind(contact.id).all();
    const segments = await db.prepare(BY_CONTACT.segments).bind(contact.id).all();
    const clicks = await db.prepare(BY_CONTACT.clicks).bind(contact.id).all();
    return known(contact, enrollments.results, segments.results, clicks.results, erasedAt);
  },

  async write(db, writes) {
    if (writes.newAddress) {
      const { hash, at } = writes.newAddress;
      await db.prepare(REFUSE_ERASED).bind(hash, at).run();
    }
    for (const event of writes.events) await insert(db, "events", [event]).run();
    await insert(db, "contacts", [writes.contact], CONTACT_UPSERT).run();
    if (writes.enrollment) await insert(db, "enrollments", [writes.enrollment]).run();
    for (const { segment_id, enters } of writes.members) {
      const contact_id = writes.contact.id;
      const entered_at = writes.contact.updated_at;
      if (enters) {
        await insert(db, "segment_members", [{ contact_id, segment_id, entered_at }]).run();
      } else {
        const sql = "DELETE FROM segment_members WHERE contact_id = ?1 AND segment_id = ?2";
        await db.prepare(sql).bind(contact_id, segment_id).run();
      }
    }
    if (writes.message) await insert(db, "messages", [writes.message]).run();
    for (const consent of writes.consents) await insert(db, "consents", [consent]).run();
    for (const counter of writes.counters) {
      const row = { campaign_id: CAMPAIGN, ...counter, value: 1 };
      await insert(db, "counters", [row], COUNTER_UPSERT).run();
    }
  },
});
