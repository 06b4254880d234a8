// Links on the built worker: where they lead, and how they survive changes by mail clients.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, linkTo, links } from "./visitor.mjs";

const CAMPAIGN = `
[campaign]
id = "links"
name = "Links"
time_zone = "Europe/London"
currency = "GBP"
owner = "owner@house.example"
postal_address = "1 Test Road"
goal = { event = "order.completed", within = "30d" }
[page.p]
path = "/links"
template = "pages/p"
title = "P"
form = "f"
[form.f]
fields = [{ name = "email", type = "email", required = true }, { name = "first_name", type = "text" },
          { name = "phone", type = "tel", region = "GB" }]
consent = { purpose = "news", channels = ["email", "sms"], text = "Write to me." }
[journey.j]
enter = { form = "f" }
[[journey.j.step]]
id = "mail"
send = "emails/m"
[[journey.j.step]]
id = "text"
send = "sms/t"
`;
const BODY = `<mjml><mj-body><mj-section><mj-column>
<mj-text><A HREF='
  https://shop.example/产品?关键词=电机
'>One</A> <a href="https://shop.example/?a=1&amp;b={{encode first_name}}">Two</a> {{first_name}}
<a href="{{url first_name}}">Three</a> 1 Test Road
<a href="{{unsubscribe_url}}">Stop</a> <a href="{{preferences_url}}">Choose</a></mj-text>
<mj-button href="https://müller.example/a b">Four</mj-button>
</mj-column></mj-section></mj-body></mjml>`;
const FILES = {
  "campaigns/links.toml": CAMPAIGN,
  "templates/pages/p.hbs": "<html lang=\"en\"><body>{{{form}}}</body></html>",
  "templates/emails/m/subject.hbs": "Links",
  "templates/emails/m/body.mjml.hbs": BODY,
  "templates/sms/t.hbs": "{{first_name}}: https://shop.example/产品?关键词=电机。Reply STOP",
};
const TYPED = "https://evil.example/p Jo";

let folder, runtime, ann, mail, text;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dripline-links-"));
  await write(FILES);
  runtime = await start();
  await publish(runtime, join(folder, "campaigns"));
  ann = new Visitor(runtime);
  await ann.fillIn("/links", { email: "ann@example.com", first_name: TYPED, phone: "07400 123456", consent: "yes" });
  await runtime.settle();
  const messages = await runtime.mailbox();
  mail = messages.find((message) => message.address === "ann@example.com");
  text = messages.find((message) => message.address === "+447400123456");
});
after(async () => {
  await runtime?.stop();
  if (folder) await rm(folder, { recursive: true });
});

async function write(files) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** Where one of our paths redirects to. */
async function target(path) {
  const response = await ann.fetch(path);
  assert.equal(response.status, 302, path);
  return response.headers.get("location");
}

describe("A link", () => {
  test("leads to an address that every browser takes", async () => {
    const clicks = [...mail.html.matchAll(/href=["'](http:\/\/dripline\.test\/c\/[^"']+)["']/gi)];
    const paths = clicks.map(([, href]) => new URL(href).pathname);
    const targets = await Promise.all(paths.map(target));
    assert.equal(targets[0], "https://shop.example/%E4%BA%A7%E5%93%81?%E5%85%B3%E9%94%AE%E8%AF%8D=%E7%94%B5%E6%9C%BA");
    assert.match(targets[1], /^https:\/\/shop\.example\/\?a=1&b=/);
    assert.equal(targets[2], "https://xn--mller-kva.example/a%20b");
    assert.equal(targets.length, 3, "what was typed is none");
    for (const one of targets) assert.match(one, /^[\x21-\x7e]+$/);
  });

  test("of a text leads there too, and what was typed is none", async () => {
    const [, code] = /http:\/\/dripline\.test\/s\/(\w{11})/.exec(text.text);
    assert.equal(text.text.match(/\/s\//g).length, 1, text.text);
    const wanted = "https://shop.example/%E4%BA%A7%E5%93%81?%E5%85%B3%E9%94%AE%E8%AF%8D=%E7%94%B5%E6%9C%BA";
    for (const end of ["", ".", ">", "=", ")", ",", '"', "%3D", "&amp;", "%E3%80%82", "%22/%3E"]) {
      assert.equal(await target(`/s/${code}${end}`), wanted, end);
    }
  });

  test("works with what mail programs leave at its end, or in it", async () => {
    const of = (beginning) => linkTo(mail, beginning);
    const pixel = new URL(/src="([^"]+\/o\/[^"]+)"/.exec(mail.html)[1]).pathname;
    const paths = [[of("/c/"), 302], [of("/u/"), 200], [of("/preferences/"), 200], [pixel, 200]];
    const ends = [".", ">", "=", ")", ",", '"', "%3D", "&amp;", "=3D", "%22%3E", "。", "%22/%3E"];
    for (const [path, status] of paths) {
      for (const end of ends) {
        const { status: got } = await ann.fetch(path + end);
        assert.equal(got, status, path + end);
      }
      const middle = path.length - 30;
      for (const broken of ["=", "=%0D%0A", "%20"]) {
        const { status: got } = await ann.fetch(path.slice(0, middle) + broken + path.slice(middle));
        assert.equal(got, status, broken);
      }
      assert.equal((await ann.fetch(path.slice(0, -3))).status, 404, "cut off");
    }
    assert.ok(links(mail).length >= 4);
  });

  test("that leads nowhere good is refused at publish", async () => {
    const body = BODY.replace("https://müller.example/a b", "java&#115;cript:alert(1)");
    await write({ "templates/emails/m/body.mjml.hbs": body });
    const { status, stdout, stderr } = await dripline("check", join(folder, "campaigns"));
    assert.equal(status, 1);
    assert.match(stdout + stderr, /body\.mjml\.hbs\n +7:1 .*must not lead to `javascript:`/);
  });
});
