// What a submission changes: the rows to write, given the rows that were read.

import {
  CAMPAIGN,
  CHANNELS,
  CONSENT_TEXT,
  DAY_MS,
  FORM,
  JOURNEY,
  LOCALE,
  PURPOSE,
  VERSION,
} from "./campaign";
import type { Asked } from "./app";
import type { Submission } from "./checks";

export interface ContactRow {
  id: string;
  seq: number;
  email: string | null;
  phone: string | null;
  attributes: string;
  tags: string;
  score: number;
  locale: string | null;
  consents: string;
  touches: string;
  wake_at: number | null;
  created_at: number;
}

/** What was read about the sender of the form. */
export interface Known {
  contact: ContactRow | null;
  isEnrolled: boolean;
  segments: string[];
  clicks: number[];
  /** When the address was erased last, or minus infinity. */
  erasedAt: number;
}

/** What is kept beside a consent, so that it can be proved. */
export interface Proof {
  originHash: string;
  textHash: string;
}

export interface Touch {
  page: string;
  variant: string;
  channel: string;
  medium: string;
  utm_campaign: string;
  term: string;
  content: string;
  referrer: string;
  landing_path: string;
}

/** Rows by table, each an object of columns. */
export interface Writes {
  contact: Record<string, string | number | null>;
  events: Record<string, string | number | null>[];
  enrollment: Record<string, string | number | null> | null;
  message: Record<string, string | number | null> | null;
  consents: Record<string, string | number | null>[];
  members: { segment_id: string; enters: boolean }[];
  counters: { metric: string; channel: string; part: string; day: string }[];
  /** The hash of an address that nobody had, and that must not have been erased meanwhile. */
  newAddress: { hash: string; at: number } | null;
}

/** What a form says of a known contact that contradicts it waits for the owner of the address. */
function fill(attributes: Record<string, unknown>, answers: Submission["attributes"]) {
  const claims: Submission["attributes"] = {};
  for (const [name, value] of Object.entries(answers)) {
    const old = attributes[name];
    const isBlank = old === undefined || (typeof old === "string" && old.trim() === "");
    if (isBlank) attributes[name] = value;
    else if (JSON.stringify(old) !== JSON.stringify(value)) claims[name] = value;
  }
  return claims;
}

export function decide(
  known: Known,
  submission: Submission,
  touch: Touch,
  asked: Asked,
  proof: Proof,
  now: number,
): Writes {
  const old = known.contact;
  const id = old?.id ?? uuid(now);
  const consents: any[] = old ? JSON.parse(old.consents) : [];
  const touches: any[] = old ? JSON.parse(old.touches) : [];
  const attributes: Record<string, unknown> = old ? JSON.parse(old.attributes) : {};
  const claims = fill(attributes, submission.attributes);
  if (old && submission.phone !== null && submission.phone !== old.phone) {
    claims.phone = submission.phone;
  }
  const isLead = !touches.some((one) => one.campaign === CAMPAIGN);
  let seq = old?.seq ?? 0;
  const events: Writes["events"] = [];
  const record = (name: string, properties: object, eventKey: string | null = null) => {
    seq += 1;
    const json = JSON.stringify(properties);
    events.push({
      contact_id: id, seq, at: now, name, campaign_id: CAMPAIGN, properties: json, key: eventKey,
    });
  };

  record(
    "form.submitted",
    {
      answers: submission.attributes, channel: touch.channel, form: FORM, lead: isLead,
      new: old === null, page: touch.page, pending: false, phone: submission.phone,
      variant: touch.variant, ...(Object.keys(claims).length > 0 ? { claims } : {}),
    },
    asked.key,
  );

  for (const channel of CHANNELS) {
    const index = consents.findIndex((one) => one.channel === channel && one.purpose === PURPOSE);
    // What was withdrawn stays so until its owner confirms otherwise.
    if (index >= 0) continue;
    consents.push({
      channel, purpose: PURPOSE, state: "granted", double_opt_in: false, form: FORM, at: now,
    });
  }
  record("consent.granted", { channels: CHANNELS, form: FORM, purpose: PURPOSE });
  const ledger = CHANNELS.map((channel) => ({
    contact_id: id, seq, channel, purpose: PURPOSE, state: "granted", source: FORM,
    text: CONSENT_TEXT, origin_hash: proof.originHash, at: now, text_hash: proof.textHash,
    form: FORM, basis: "consent", cross_border: 0, message_id: null,
  }));

  let enrollment: Writes["enrollment"] = null;
  let message: Writes["message"] = null;
  if (!known.isEnrolled) {
    const enrollmentId = uuid(now);
    record("journey.entered", { enrollment: enrollmentId, journey: JOURNEY, version: VERSION });
    enrollment = {
      contact_id: id, id: enrollmentId, campaign_id: CAMPAIGN, version: VERSION, journey: JOURNEY,
      step: "settle", steps_taken: 2, sent: '{"welcome":1}', state: "active", reason: "", entry_key: "",
      entered_at: now, since: now, due_at: now + DAY_MS,
    };
    message = {
      id: `${enrollmentId}.1`, contact_id: id, campaign_id: CAMPAIGN, version: VERSION,
      enrollment_id: enrollmentId, journey: JOURNEY, step: "welcome", channel: "email",
      class: "marketing", purpose: PURPOSE, template: "emails/webinar-welcome", note: "",
      state: "queued", reason: "", queued_at: now, send_at: now, attempts: 0, uncertain: 0,
    };
  }

  const score = old?.score ?? 0;
  const role = attributes.role;
  const within = (days: number) => known.clicks.filter((at) => at > now - days * DAY_MS).length;
  const rules: [string, boolean][] = [
    [`${CAMPAIGN}.engaged`, within(14) >= 1 && role !== "student"],
    [
      `${CAMPAIGN}.sales-ready`,
      ["architect", "lead"].includes(role) && (score >= 30 || within(30) >= 2),
    ],
  ];
  const members: Writes["members"] = [];
  for (const [segment, holds] of rules) {
    if (known.segments.includes(segment) === holds) continue;
    members.push({ segment_id: segment, enters: holds });
    record(holds ? "segment.entered" : "segment.left", { segment });
  }

  const part = `${touch.page}/${touch.variant}`;
  const day = new Date(now).toISOString().slice(0, 10);
  const counters: Writes["counters"] = [];
  if (isLead) counters.push({ metric: "leads", channel: touch.channel, part, day });
  if (old === null) counters.push({ metric: "contacts", channel: touch.channel, part, day });

  const others = touches.filter((one) => one.campaign !== CAMPAIGN);
  const contact = {
    id, seq, email: submission.email, phone: old ? old.phone : submission.phone,
    external_id: null, attributes: JSON.stringify(attributes), tags: old?.tags ?? "[]", score,
    locale: old?.locale ?? LOCALE, time_zone: null, consents: JSON.stringify(consents),
    touches: JSON.stringify([
      ...others,
      { campaign: CAMPAIGN, ...touch, at: now, fresh_at: now },
    ]),
    wake_at: enrollment ? (enrollment.due_at as number) : (old?.wake_at ?? null),
    created_at: old?.created_at ?? now, updated_at: now,
  };
  const newAddress = old === null ? { hash: asked.erased, at: now } : null;
  return { contact, events, enrollment, message, consents: ledger, members, counters, newAddress };
}

/** A UUID version 7. */
export function uuid(now: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let index = 0; index < 6; index += 1) {
    bytes[index] = Math.floor(now / 2 ** (8 * (5 - index))) & 0xff;
  }
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20),
  ].join("-");
}
