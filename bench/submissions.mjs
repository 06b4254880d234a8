// The forms that are posted, and the tokens without which no contestant takes them.

import { createHmac, randomUUID } from "node:crypto";
import { signer } from "./tokens.mjs";

export const SECRET = "a secret that only the benchmark knows, thirty-two bytes or more";

// Old enough for any minimum fill time, young enough for any expiry.
const TOKEN_AGE_MS = 60_000;
const ROLES = ["engineer", "architect", "lead", "student", "other"];

/** What dripline signs with. */
const dripline = signer(SECRET);

/** The token of a form as dripline makes it. */
export function driplineToken(form) {
  return dripline.token("f", `${form}|${Date.now() - TOKEN_AGE_MS}|${randomUUID()}`);
}

/** An address as dripline's list of those erased has it. */
export function driplineErased(email) {
  return `#${dripline.pseudonym("erased email", email)}`;
}

/** The same as the peers have it. */
export function peerErased(email) {
  return `#${createHmac("sha256", SECRET).update(`erased email:${email}`).digest("hex")}`;
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
