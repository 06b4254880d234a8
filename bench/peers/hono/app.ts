// The form endpoint in Hono; the two variants differ only in how they talk to the database.

import { Hono } from "hono";
import { THANKS_PATH } from "./campaign";
import { readFields, verifyToken } from "./checks";
import { type Known, type Touch, type Writes, decide } from "./decide";

const HONEYPOT = "website_url_confirm";

interface Bindings {
  DB: D1Database;
  WORK: Queue;
  SUBMIT_LIMIT: RateLimit;
  SIGNING_SECRET: string;
}

/** How a variant reads and writes. `read` answers null if this very form was sent before. */
export interface Store {
  read(db: D1Database, email: string, key: string): Promise<Known | null>;
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
    const key = await verifyToken(c.env.SIGNING_SECRET, sent("_token"), now);
    if (key === null) return c.text("The token was not made here", 400);
    const read = readFields(body);
    if ("problems" in read) return c.json({ problems: read.problems }, 422);

    const { submission } = read;
    const origin = await pseudonym(c.env.SIGNING_SECRET, `origin:${address}`);
    const addresses = [submission.email, submission.phone].filter((one) => one !== null);
    const keys = [origin];
    for (const one of addresses) keys.push(await pseudonym(c.env.SIGNING_SECRET, `address:${one}`));
    for (const key of keys) {
      const { success } = await c.env.SUBMIT_LIMIT.limit({ key });
      if (!success) return c.text("Too many requests", 429);
    }

    const known = await store.read(c.env.DB, submission.email, `form:${key}`);
    if (known !== null) {
      const writes = decide(known, submission, touch(sent), `form:${key}`, origin, now);
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
  const bytes = encoder.encode(value);
  const hash = new Uint8Array(await crypto.subtle.sign("HMAC", await hashKey.imported, bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
