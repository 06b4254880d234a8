// Rendering mails and compiling MJML, side by side: dripline (native), handlebars.js and LiquidJS on
// Node, and mjml on Node, all warm. Same templates, same contacts, same links rewritten and signed.
// The last line is the report.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import Handlebars from "handlebars";
import { Liquid } from "liquidjs";
import mjml2html from "mjml";
import { signer } from "./tokens.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SECRET = "a secret of the benchmark, long enough";

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

const { token } = signer(SECRET);

/** A signed link, as dripline makes it: its purpose, the ids and the rest. */
function link(person, path, purpose, rest) {
  const payload = `${person.id}|${material.campaign.id}|${person.message}|${rest}`;
  return `${material.base_url}/${path}/${token(purpose, payload)}`;
}

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&#x3D;": "=" };
const unescape = (text) => text.replace(/&(?:amp|lt|gt|quot|#x27|#x3D);/g, (found) => ENTITIES[found]);
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

/** Pages by which readers decide for themselves: nobody is followed there. */
const HOUSE = ["/u/", "/preferences/"];

/** What a delivery does with the HTML: links lead through us, and a pixel is added. */
function finished(html, person) {
  const linked = html.replace(/(<a\b[^>]*?\bhref=")(https?:[^"]*)"/g, (all, before, target) => {
    const url = unescape(target);
    const isHouse = HOUSE.some((path) => url.startsWith(`${material.base_url}${path}`));
    return isHouse ? all : `${before}${escape(link(person, "c", "c", url))}"`;
  });
  const end = linked.lastIndexOf("</body>");
  const pixel = `<img src="${link(person, "o", "o", "")}" width="1" height="1" alt="" style="display:block">`;
  return linked.slice(0, end) + pixel + linked.slice(end);
}

function data(person) {
  return {
    ...person.attributes, email: person.email, campaign: material.campaign,
    base_url: material.base_url, unsubscribe_url: link(person, "u", "u", "email"),
    preferences_url: link(person, "preferences", "p", "email"),
  };
}

/** One person's mail. */
function mail(render, person) {
  const { subject, html, text } = render(data(person));
  return { subject, html: finished(html, person), text };
}

/** Renders everybody's mail, and sums its lengths in bytes. */
function all(render) {
  let bytes = 0;
  for (const person of material.people) {
    const { subject, html, text } = mail(render, person);
    bytes += Buffer.byteLength(subject) + Buffer.byteLength(html) + Buffer.byteLength(text);
  }
  return bytes;
}

/** An engine that leaves something out would be faster: mails must be the same, to the byte. */
function check(name, render) {
  for (const [index, expected] of material.rendered.entries()) {
    const rendered = mail(render, material.people[index]);
    for (const part of ["subject", "text", "html"]) {
      assert.equal(rendered[part], expected[part], `${name}: the ${part} of mail ${index}`);
    }
  }
  assert.equal(all(render), ours.bytes, `${name}: the bytes of all mails`);
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
  // Handlebars takes away the line that a block's tag stands alone on; and comments are nothing.
  const translated = (source) => source
    .replace(/\{\{!.*?\}\}/g, "")
    .replace(/^[ \t]*(\{\{(?:#if \w+|else|\/if)\}\})[ \t]*\r?\n/gm, "$1")
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

const rows = [["dripline (native)", ours.mails_per_second]];
for (const [name, engine] of [["handlebars.js", handlebars()], ["LiquidJS", liquid()]]) {
  check(name, engine);
  const seconds = await median(() => all(engine));
  rows.push([name, Math.round(material.people.length / seconds)]);
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

console.log(`\n${ours.mails} mails, subject + HTML + text, links signed, ${(ours.bytes / ours.mails / 1000).toFixed(1)} kB each; median of ${ROUNDS} rounds, one core of ${cpus()[0].model.trim()}`);
for (const [name, rate] of rows) {
  console.log(`  ${name.padEnd(20)} ${String(rate).padStart(8)} mails/s`);
}
console.log(`\nMJML to HTML, ${material.mjml.length} bodies of the samples`);
console.log(`  ${"dripline (mrml)".padEnd(20)} ${String(ours.mjml_bodies_per_second).padStart(8)} bodies/s`);
console.log(`  ${"mjml".padEnd(20)} ${String(mjml).padStart(8)} bodies/s\n`);
console.log(JSON.stringify({
  mails: ours.mails, rounds: ROUNDS,
  mails_per_second: Object.fromEntries(rows.map(([name, rate]) => [name, rate])),
  mjml_bodies_per_second: { dripline: ours.mjml_bodies_per_second, mjml },
}));
