// Tokens and keyed hashes as dripline makes them: see src/domain/base/token.rs.

import { createHash, createHmac } from "node:crypto";

const sha = (text) => createHash("sha256").update(text).digest();

/** SHA-256 in hexadecimal: the form in which dripline is given its API tokens. */
export function sha256(text) {
  return sha(text).toString("hex");
}

/** What dripline signs with, given a secret. */
export function signer(secret) {
  const key = sha(`dripline key: ${secret}`);
  const name = sha(`dripline key name: ${secret}`).subarray(0, 3).toString("base64url");
  const head = name.slice(0, 2).replace(/[-_]/g, "0");
  const mac = (text) => createHmac("sha256", key).update(text).digest().subarray(0, 16);
  return {
    /** A token; its purpose is one letter. */
    token(purpose, payload) {
      const signed = `1${purpose}${head}.${Buffer.from(payload).toString("base64url")}`;
      return `${signed}.${mac(signed).toString("base64url")}`;
    },
    /** A hash by which equal values are known as equal. */
    pseudonym: (kind, value) => mac(`${kind}:${value}`).toString("base64url"),
  };
}
