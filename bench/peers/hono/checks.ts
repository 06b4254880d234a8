// What a submission must pass before anything is read or written.

import { DATABASES, ROLES } from "./campaign";

const FILL_TIME_MIN_MS = 2_000;
const TOKEN_AGE_MAX_MS = 86_400_000;
const TEXT_CHARS_MAX = 255;
const TEXTAREA_CHARS_MAX = 5_000;
const EMAIL = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;
const PHONE = /^\+?[0-9 ().-]{6,20}$/;

export type Body = Record<string, string | File | (string | File)[]>;

export interface Submission {
  email: string;
  phone: string | null;
  attributes: Record<string, string | string[]>;
}

const encoder = new TextEncoder();
let key: { secret: string; imported: Promise<CryptoKey> } | undefined;

/** The id in a form token that was made with this secret, or null. */
export async function verifyToken(secret: string, token: string, now: number) {
  const [, payload, signature] = /^([\w-]+)\.([\w-]{43})$/.exec(token) ?? [];
  if (payload === undefined) return null;
  if (key?.secret !== secret) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const bytes = encoder.encode(secret);
    key = { secret, imported: crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"]) };
  }
  const good = await crypto.subtle.verify(
    "HMAC",
    await key.imported,
    fromBase64Url(signature),
    encoder.encode(`form:${payload}`),
  );
  if (!good) return null;
  const [issued, id] = new TextDecoder().decode(fromBase64Url(payload)).split(":");
  const age = now - Number(issued);
  return age >= FILL_TIME_MIN_MS && age <= TOKEN_AGE_MAX_MS ? id : null;
}

function fromBase64Url(text: string): Uint8Array {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** An address in its one form: small letters, and the domain in ASCII by UTS 46. */
function oneForm(typed: string): string {
  if (/^[\x21-\x7e]*$/.test(typed) && !typed.includes("xn--")) return typed.toLowerCase();
  const [local, domain, ...more] = typed.normalize("NFKC").split("@");
  if (domain === undefined || more.length > 0) return "";
  try {
    return `${local.toLowerCase()}@${new URL(`http://${domain}`).hostname}`;
  } catch {
    return "";
  }
}

/** The mailbox behind an address, as limits count it. */
export function countedMailbox(email: string): string {
  const [local, domain] = email.split("@");
  const base = local.split("+")[0] || local;
  if (domain !== "gmail.com" && domain !== "googlemail.com") return `${base}@${domain}`;
  return `${base.replaceAll(".", "")}@gmail.com`;
}

/** The network that limits count by: of IPv6 the first half, which is one subscriber's. */
export function countedNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const [head, tail] = address.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const noughts = Array(Math.max(0, 8 - head.length - (tail?.length ?? 0))).fill("0");
  return [...head, ...noughts, ...(tail ?? [])].slice(0, 4).join(":");
}

/** Reads every field; answers the names of those that are wrong. */
export function readFields(body: Body): { submission: Submission } | { problems: string[] } {
  const problems: string[] = [];
  const attributes: Submission["attributes"] = {};
  const one = (name: string) => {
    const value = body[name];
    return typeof value === "string" ? value.trim() : "";
  };
  const text = (name: string, max: number, required: boolean) => {
    const value = one(name);
    if ((required && value === "") || value.length > max) problems.push(name);
    else if (value !== "") attributes[name] = value;
  };

  text("first_name", TEXT_CHARS_MAX, true);
  const email = oneForm(one("email"));
  if (!EMAIL.test(email)) problems.push("email");
  const role = one("role");
  if (!ROLES.includes(role)) problems.push("role");
  else attributes.role = role;
  const country = one("country");
  if (country !== "" && !/^[A-Z]{2}$/.test(country)) problems.push("country");
  else if (country !== "") attributes.country = country;
  const sent = body.databases;
  const databases = (sent === undefined ? [] : [sent].flat()).map(String);
  if (!databases.every((database) => DATABASES.includes(database))) problems.push("databases");
  else if (databases.length > 0) attributes.databases = databases;
  const phone = one("phone");
  if (phone !== "" && !PHONE.test(phone)) problems.push("phone");
  text("question", TEXTAREA_CHARS_MAX, false);
  if (!["on", "true", "1", "yes"].includes(one("consent"))) problems.push("consent");

  if (problems.length > 0) return { problems };
  return { submission: { email, phone: phone === "" ? null : phone, attributes } };
}
