// The form endpoint in Hono; the two variants differ only in how they talk to the database.

import { Hono } from "hono";
import { CONSENT_TEXT, THANKS_PATH } from "./campaign";
import {
  type Submission,
  countedMailbox,
  countedNetwork,
  readFields,
  verifyToken,
} from "./checks";
import { type Known, type Touch, type Writes, decide } from "./decide";

const HONEYPOT = "website_url_confirm";

interface Bindings {
  DB: D1Database;
  WORK: Queue;
  SUBMIT_LIMIT: RateLimit;
  SIGNING_SECRET: string;
}

/** By what a form is looked up: its address, its key, and the hash of an address once erased. */
export interface Asked {
  email: string;
  key: string;
  erased: string;
}

/** How a variant reads and writes. `read` answers null if this very form was sent before. */
export interface Store {
  read(db: D1Database, asked: Asked): Promise<Known | null>;
  write(db: D1Database, writes: Writes): Promise<void>;
}

const encoder = new TextEncoder();

export function application(store: Store) {
  const app = new Hono<{ Bindings: Bindings }>();

  app.get("/healthz", (c) => c.text("ok\n"));

  app.post("/f/spring-webinar.signup", async (c) => {
    const now = Date.now();
    const address = c.req.header("cf-connecting-ip") ?? "";
    const body = await c.req.parseBody({ all: true });
    const sent = (name: string) => (typeof body[name] === "string" ? (body[name] as string) : "");
    if (sent(HONEYPOT) !== "") return c.redirect(THANKS_PATH, 303);
    const token = await verifyToken(c.env.SIGNING_SECRET, sent("_token"), now);
    if (token === null) return c.text("The token was not made here", 400);
    const read = readFields(body);
    if ("problems" in read) return c.json({ problems: read.problems }, 422);

    const { submission } = read;
    const { email, phone } = submission;
    const hashed = (kind: string, value: string) =>
      pseudonym(c.env.SIGNING_SECRET, `${kind}:${value}`);
    const [key, erased, origin, ...named] = await Promise.all([
      fingerprint(token, submission),
      hashed("erased email", email),
      hashed("origin", countedNetwork(address)),
      hashed("address", countedMailbox(email)),
      ...(phone === null ? [] : [hashed("address", phone)]),
    ]);
    for (const limited of [origin, ...named]) {
      const { success } = await c.env.SUBMIT_LIMIT.limit({ key: limited });
      if (!success) return c.text("Too many requests", 429);
    }

    const asked: Asked = { email, key: `form:${key}`, erased: `#${erased}` };
    const known = await store.read(c.env.DB, asked);
    // What was sent before its address was erased would bring the person back.
    if (known !== null && now > known.erasedAt) {
      const proof = { originHash: origin, textHash: await consentTextHash() };
      const writes = decide(known, submission, touch(sent), asked, proof, now);
      await store.write(c.env.DB, writes);
      if (writes.message) await c.env.WORK.send({ deliver: [writes.message.id] });
    }
    return c.redirect(THANKS_PATH, 303);
  });

  return app;
}

/** Where the visitor came from, out of the form's hidden inputs. */
function touch(sent: (name: string) => string): Touch {
  const query = new URLSearchParams(sent("_query"));
  const cut = (text: string | null) => (text ?? "").slice(0, 200);
  return {
    page: cut(sent("_page")),
    variant: cut(sent("_variant")),
    channel: cut(query.get("utm_source")).toLowerCase() || "direct",
    medium: cut(query.get("utm_medium")),
    utm_campaign: cut(query.get("utm_campaign")),
    term: cut(query.get("utm_term")),
    content: cut(query.get("utm_content")),
    referrer: cut(sent("_referrer")),
    landing_path: cut(sent("_landing")),
  };
}

let hashKey: { secret: string; imported: Promise<CryptoKey> } | undefined;

/** A keyed hash, by which equal values are known as equal and nothing else about them is. */
async function pseudonym(secret: string, value: string): Promise<string> {
  if (hashKey?.secret !== secret) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const bytes = encoder.encode(secret);
    hashKey = { secret, imported: crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]) };
  }
  const signature = await crypto.subtle.sign("HMAC", await hashKey.imported, encoder.encode(value));
  return hex(signature);
}

/** By which two posts say the same: one token may be posted by several people. */
async function fingerprint(token: string, submission: Submission): Promise<string> {
  return (await sha256(JSON.stringify([token, submission]))).slice(0, 36);
}

let textHash: Promise<string> | undefined;

/** The hash of the words of consent, which are always the same. */
function consentTextHash(): Promise<string> {
  textHash ??= sha256(CONSENT_TEXT);
  return textHash;
}

async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

function hex(bytes: ArrayBuffer): string {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += byte.toString(16).padStart(2, "0");
  return text;
}
