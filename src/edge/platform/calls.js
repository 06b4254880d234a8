// Calls of the platform that would cross the boundary between the module and JavaScript many times.

/** Describes a request: a line for its method, its URL, and the name and the value of each header. */
export function describe(request) {
  let text = `${request.method}\n${request.url}`;
  for (const [name, value] of request.headers) text += `\n${name}\n${value}`;
  return text;
}

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

/** Counts a call under each key, until one exceeds its limit; says whether one does. */
export async function exceeds(limiter, keys) {
  for (const key of keys) {
    const { success } = await limiter.limit({ key }).catch(() => ({ success: true }));
    if (!success) return true;
  }
  return false;
}

/** Sends bodies of text to a queue, in one call. */
export function send(queue, bodies) {
  const messages = bodies.map((body) => ({ body, contentType: "text" }));
  // A batch of one costs more than a single message.
  if (messages.length === 1) return queue.send(messages[0].body, messages[0]);
  return queue.sendBatch(messages);
}

/** Builds a response. The headers are pairs, as JSON. */
export function respond(status, headers, body) {
  return new Response(body, { status, headers: JSON.parse(headers) });
}
