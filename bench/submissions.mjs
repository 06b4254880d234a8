// The forms that are posted, and the tokens without which no contestant takes them.

import { createHash, createHmac, randomUUID } from "node:crypto";

export const SECRET = "a secret that only the benchmark knows, thirty-two bytes or more";

// Old enough for any minimum fill time, young enough for any expiry.
const TOKEN_AGE_MS = 60_000;
const ROLES = ["engineer", "architect", "lead", "student", "other"];

/** SHA-256 in hexadecimal: how dripline is told its API tokens. */
export function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

/** The token as dripline makes it: see src/domain/token.rs. */
export function driplineToken(payload) {
  const sha = (text) => createHash("sha256").update(text).digest();
  const key = sha(`dripline key: ${SECRET}`);
  const name = sha(`dripline key name: ${SECRET}`).subarray(0, 3).toString("base64url");
  const head = `1f${name.slice(0, 2).replace(/[-_]/g, "0")}`;
  const signed = `${head}.${Buffer.from(payload).toString("base64url")}`;
  const mac = createHmac("sha256", key).update(signed).digest().subarray(0, 16);
  return `${signed}.${mac.toString("base64url")}`;
}

/** The token as the peers make it. */
export function peerToken() {
  const payload = Buffer.from(`${Date.now() - TOKEN_AGE_MS}:${randomUUID()}`).toString("base64url");
  const mac = createHmac("sha256", SECRET).update(`form:${payload}`).digest("base64url");
  return `${payload}.${mac}`;
}

/** A visitor's filled-in form, as a browser sends it; `changes` are for the forms to be refused. */
export function submission(number, token, changes = {}) {
  const fields = {
    _token: token,
    _page: "webinar",
    _variant: number % 2 === 0 ? "a" : "b",
    _landing: "/webinar",
    _referrer: "https://www.linkedin.com/feed/",
    _query: "utm_source=linkedin&utm_medium=paid&utm_campaign=spring",
    website_url_confirm: "",
    first_name: `Visitor ${number}`,
    email: `visitor.${number}@example.com`,
    role: ROLES[number % ROLES.length],
    country: "GB",
    phone: "",
    question: "How long does a write take from the other side of the world?",
    consent: "on",
    ...changes,
  };
  return new URLSearchParams(fields).toString();
}
