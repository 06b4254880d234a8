// Rendering mails and compiling MJML, side by side: dripline (native), handlebars.js and LiquidJS on
// Node, and mjml on Node, all warm. Same templates, same contacts, same links rewritten and signed.
// The last line is the report.

import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import Handlebars from "handlebars";
import { Liquid } from "liquidjs";
import mjml2html from "mjml";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const KEY = "a secret of the benchmark, long enough";

const ours = JSON.parse(
  execFileSync("cargo", ["bench", "--quiet", "--profile", "fast", "--bench", "templates"], {
    cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"],
  }).trim().split("\n").at(-1),
);
const material = JSON.parse(readFileSync(`${ROOT}/bench/build/templates.json`, "utf8"));

/** Median seconds of some rounds, after one that warms up. */
async function median(work) {
  await work();
  const seconds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    await work();
    seconds.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  return seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)];
}

const url64 = (bytes) => Buffer.from(bytes).toString("base64url");

/** A signed link, as dripline makes it: the ids and the target, and 16 bytes of an HMAC. */
function link(person, path, rest) {
  const payload = `${person.id}|${material.campaign.id}|${person.message}|${rest}`;
  const mac = createHmac("sha256", KEY).update(payload).digest().subarray(0, 16);
  return `${material.base_url}/${path}/1${path}8.${url64(payload)}.${url64(mac)}`;
}

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&#x3D;": "=" };
const unescape = (text) => text.replace(/&(?:amp|lt|gt|quot|#x27|#x3D);/g, (found) => ENTITIES[found]);
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

/** What a delivery does with the HTML: links lead through us, and a pixel is added. */
function finished(html, person) {
  const linked = html.replace(/(<a\b[^>]*?\bhref=")(https?:[^"]*)"/g, (all, before, target) => {
    const url = unescape(target);
    const ours = url.startsWith(`${material.base_url}/u/`);
    return ours ? all : `${before}${escape(link(person, "c", url))}"`;
  });
  const end = linked.lastIndexOf("</body>");
  const pixel = `<img src="${link(person, "o", "")}" width="1" height="1" alt="" style="display:block">`;
  return linked.slice(0, end) + pixel + linked.slice(end);
}

function data(person) {
  return {
    ...person.attributes, email: person.email, campaign: material.campaign,
    base_url: material.base_url, unsubscribe_url: link(person, "u", "email"),
  };
}

/** Renders everybody's mail, and sums its lengths in bytes. */
function all(render) {
  let bytes = 0;
  for (const person of material.people) {
    const { subject, html, text } = render(data(person));
    bytes += Buffer.byteLength(subject) + Buffer.byteLength(finished(html, person)) + Buffer.byteLength(text);
  }
  return bytes;
}

function handlebars() {
  const engine = Handlebars.create();
  engine.registerHelper("default", (value, fallback) => (String(value ?? "").trim() ? value : fallback));
  const [html, subject, text] = [
    engine.compile(material.html),
    engine.compile(material.subject, { noEscape: true }),
    engine.compile(material.text, { noEscape: true }),
  ];
  return (data) => ({ subject: subject(data).trim(), html: html(data), text: text(data) });
}

function liquid() {
  const translated = (source) => source
    .replace(/\{\{default (\w+) "([^"]*)"\}\}/g, '{{ $1 | default: "$2" }}')
    .replace(/\{\{#if (\w+)\}\}/g, "{% if $1 %}")
    .replace(/\{\{else\}\}/g, "{% else %}")
    .replace(/\{\{\/if\}\}/g, "{% endif %}");
  const escaping = new Liquid({ outputEscape: "escape" });
  const plain = new Liquid();
  const [html, subject, text] = [
    escaping.parse(translated(material.html)),
    plain.parse(translated(material.subject)),
    plain.parse(translated(material.text)),
  ];
  return (data) => ({
    subject: plain.renderSync(subject, data).trim(),
    html: escaping.renderSync(html, data),
    text: plain.renderSync(text, data),
  });
}

const rows = [["dripline (native)", ours.mails_per_second, ours.bytes]];
for (const [name, engine] of [["handlebars.js", handlebars()], ["LiquidJS", liquid()]]) {
  let bytes = 0;
  const seconds = await median(() => { bytes = all(engine); });
  rows.push([name, Math.round(material.people.length / seconds), bytes]);
}
for (const [name, , bytes] of rows) {
  // Whoever leaves something out would be faster.
  if (Math.abs(bytes - ours.bytes) > ours.bytes / 50) throw new Error(`${name} renders ${bytes} bytes, not about ${ours.bytes}`);
}

const bodies = material.mjml.length * 20;
let html = 0;
const seconds = await median(async () => {
  html = 0;
  for (let n = 0; n < 20; n += 1) {
    for (const source of material.mjml) {
      const made = await mjml2html(source, { validationLevel: "skip" });
      html += made.html.length;
    }
  }
});
const mjml = Math.round(bodies / seconds);

console.log(`\n${ours.mails} mails, subject + HTML + text, links signed; median of ${ROUNDS} rounds, one core of ${cpus()[0].model.trim()}`);
for (const [name, rate, bytes] of rows) {
  console.log(`  ${name.padEnd(20)} ${String(rate).padStart(8)} mails/s   ${(bytes / ours.mails / 1000).toFixed(1)} kB a mail`);
}
console.log(`\nMJML to HTML, ${material.mjml.length} bodies of the samples`);
console.log(`  ${"dripline (mrml)".padEnd(20)} ${String(ours.mjml_bodies_per_second).padStart(8)} bodies/s`);
console.log(`  ${"mjml".padEnd(20)} ${String(mjml).padStart(8)} bodies/s\n`);
console.log(JSON.stringify({
  mails: ours.mails, rounds: ROUNDS,
  mails_per_second: Object.fromEntries(rows.map(([name, rate]) => [name, rate])),
  mjml_bodies_per_second: { dripline: ours.mjml_bodies_per_second, mjml },
}));
