// A person with a browser, as far as HTTP shows one: cookies, a user agent, a network address.

const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/** Longer than the shortest time in which a person fills in a form. */
const FILL_TIME = "3s";

export class Visitor {
  #runtime;
  #cookies = new Map();
  #headers;

  /** `headers` are sent with every request, in addition to those of a browser. */
  constructor(runtime, headers = {}) {
    this.#runtime = runtime;
    this.#headers = { "user-agent": USER_AGENT, accept: "text/html", ...headers };
  }

  async fetch(path, init = {}) {
    const cookie = this.cookies;
    const origin = init.method === "POST" && { origin: this.#runtime.url };
    const headers = { ...this.#headers, ...origin, ...(cookie && { cookie }), ...init.headers };
    const response = await this.#runtime.fetch(path, { ...init, headers });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      this.#cookies.set(name, value);
    }
    return response;
  }

  /** The cookies as they would be sent, for use by somebody else. */
  get cookies() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Signs in to the web app by an API token or a link, and returns the answer. */
  signIn(token = "test-token", path = "/admin/sign-in") {
    return this.fetch(path, { method: "POST", body: new URLSearchParams({ token }) });
  }

  /** Opens a page and reads the form on it, if there is one. */
  async visit(path) {
    const response = await this.fetch(path);
    return readPage(response.status, await response.text());
  }

  /** Submits a form that was read from a page, as a browser does. */
  send(form, answers) {
    const body = new URLSearchParams(form.hidden);
    for (const [name, value] of Object.entries(answers)) {
      for (const one of [value].flat()) body.append(name, one);
    }
    return this.fetch(form.action, { method: "POST", body });
  }

  /** Opens a page, waits as long as a person needs, and submits its form. */
  async fillIn(path, answers) {
    const { form } = await this.visit(path);
    await this.#runtime.skip(FILL_TIME);
    return this.send(form, answers);
  }
}

/** A page of HTML: its status, its text, and its form with the hidden inputs; not "sign out". */
export function readPage(status, html) {
  const [, action, inside] = /<form(?! class="out")[^>]* action="([^"]+)"[^>]*>(.*?)<\/form>/s.exec(html) ?? [];
  const hidden = [...(inside ?? "").matchAll(/<input type="hidden" name="(.*?)" value="(.*?)">/g)];
  const form = action && {
    action: unescapeHtml(action),
    hidden: hidden.map(([, name, value]) => [name, unescapeHtml(value)]),
  };
  return { status, html, form };
}

/** The addresses that a message's HTML links to, without the host. */
export function links(mail) {
  const found = [...mail.html.matchAll(/<a\b[^>]*? href="([^"]+)"/g)];
  return found.map(([, href]) => pathOf(unescapeHtml(href)));
}

/** Sends the form at /relay under a name; returns when everything that follows is done. */
export async function join(runtime, name) {
  const answers = { first_name: name, email: `${name}@example.com`, consent: "yes" };
  const { status } = await new Visitor(runtime).fillIn("/relay", answers);
  if (status !== 200) throw new Error(`the form of ${name} was answered with ${status}`);
  await runtime.settle();
}

/** The e-mails to a name, oldest first. */
export async function mailTo(runtime, name) {
  const mails = await runtime.mailbox();
  return mails.filter(({ address }) => address === `${name}@example.com`).reverse();
}

/** The first link of a message that begins so. */
export function linkTo(mail, beginning) {
  const link = links(mail).find((path) => path.startsWith(beginning));
  if (!link) throw new Error(`no link to ${beginning} in "${mail.subject}"`);
  return link;
}

/** The path and query of an address. */
export function pathOf(address) {
  const { pathname, search, hash } = new URL(address);
  return pathname + search + hash;
}

/** The text of a page as a person reads it: no tags, no styles. */
export function textOf(html) {
  const bare = html.replace(/<(style|script|head)\b.*?<\/\1>/gs, " ").replace(/<[^>]+>/g, " ");
  return unescapeHtml(bare).replace(/\s+/g, " ").trim();
}

function unescapeHtml(text) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return named[name] ?? whole;
  });
}
