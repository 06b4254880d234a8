// Calls of the platform. What would cross the boundary between the module and JavaScript many times
// crosses it as one text.

// --- A request and its response -----------------------------------------------------------------

/** Describes a request: a line for its method, its URL, and the name and the value of each header. */
export function describe(request) {
  let text = `${request.method}\n${request.url}`;
  for (const [name, value] of request.headers) text += `\n${name}\n${value}`;
  return text;
}

/** The number of the network that a request came from, where Cloudflare is in front. */
export function network(request) {
  return request.cf?.asn;
}

/** Reads a body whole. */
export async function readAll(request) {
  return new Uint8Array(await request.arrayBuffer());
}

/**
 * Reads a body of at most `most` bytes. Of a longer one, up to `drained` bytes are read and
 * dropped, and the result is null.
 */
export async function readSome(request, most, drained) {
  const [body, bytes] = await collect(request.body, most, drained);
  return bytes > most ? null : body;
}

/** Builds a response. The headers are pairs, as JSON. */
export function respond(status, headers, body) {
  return new Response(body, { status, headers: JSON.parse(headers) });
}

/**
 * Reads a stream until it has brought more than `most` and more than `drained` bytes. Returns its
 * first `most` bytes, and how many came.
 */
async function collect(stream, most, drained) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    if (bytes < most) chunks.push(chunk.subarray(0, most - bytes));
    bytes += chunk.length;
    if (bytes > Math.max(most, drained)) break;
  }
  const body = new Uint8Array(Math.min(bytes, most));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return [body, bytes];
}

// --- Outside services ---------------------------------------------------------------------------

/**
 * Calls an outside service, without redirects. The time limit covers the whole response; of its
 * body, the first `most` bytes are kept. Headers are pairs; they and the response are JSON.
 */
export async function call(method, url, headers, body, milliseconds, most) {
  const signal = AbortSignal.timeout(milliseconds);
  const init = { method, headers: JSON.parse(headers), body: body || undefined, redirect: "manual", signal };
  const response = await fetch(validRequest(url, init));
  const [bytes] = await collect(response.body, most, most);
  const text = new TextDecoder().decode(bytes);
  return JSON.stringify({ status: response.status, headers: [...response.headers], body: text });
}

/** Makes a request; its URL or a header may be invalid. */
function validRequest(url, init) {
  try {
    return new Request(url, init);
  } catch ({ message }) {
    throw Object.assign(new Error(message), { name: "NotSent" });
  }
}

/** Sends an e-mail, which is JSON, and returns its id. */
export async function sendMail(service, mail) {
  const { messageId } = await service.send(JSON.parse(mail));
  return messageId;
}

// --- Stores, queues and limits ------------------------------------------------------------------

/** The SQL texts that the module has sent under a number. */
const texts = [];

/**
 * Runs statements in one call of D1. Each is `[number, sql, params]`: the text of a number is sent
 * once. Both the statements and the rows of each are JSON as text.
 */
export async function batch(database, json) {
  const statements = JSON.parse(json);
  for (const [number, sql] of statements) if (number !== null && sql !== null) texts[number] = sql;
  const outcomes = await database.batch(
    statements.map(([number, sql, params]) => database.prepare(sql ?? texts[number]).bind(...params)),
  );
  return JSON.stringify(outcomes.map(({ results }) => results));
}

/** Reads the text of a key; null if there is none. */
export async function get(namespace, key, milliseconds) {
  return within(milliseconds, namespace.get(key));
}

/** Writes the text of a key. */
export async function put(namespace, key, text, milliseconds) {
  return within(milliseconds, namespace.put(key, text));
}

async function within(milliseconds, answer) {
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`no answer within ${milliseconds / 1_000} s`);
    timer = setTimeout(() => reject(error), milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Decodes whole characters of GB18030; the tables are the runtime's. */
export function decodeGb18030(bytes) {
  return new TextDecoder("gb18030").decode(bytes);
}

/** Sends bodies of text to a queue, in one call. */
export async function send(queue, bodies) {
  const messages = bodies.map((body) => ({ body, contentType: "text" }));
  // A batch of one costs more than a single message.
  if (messages.length === 1) return queue.send(messages[0].body, messages[0]);
  return queue.sendBatch(messages);
}

/** Has a message of a queue come again later. */
export function putOff(message, seconds) {
  message.retry({ delaySeconds: seconds });
}

/** Counts a call under each key, until one exceeds its limit; says whether one does. */
export async function exceeds(limiter, keys) {
  for (const key of keys) {
    const { success } = await limiter.limit({ key }).catch(() => ({}));
    if (success === false) return true;
  }
  return false;
}

/** Waits. */
export async function sleep(milliseconds) {
  await new Promise((done) => setTimeout(done, milliseconds));
}
