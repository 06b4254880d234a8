// The process is killed while contacts are erased and merged in the middle of their journeys. An
// operator repeats each command until it is answered. Erased contacts are found nowhere and are
// sent nothing more; of two merged contacts one continues; nobody gets an e-mail twice, and nobody
// else is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Doomed, addressOf, mailOf } from "./kill_worker.mjs";
import { assertSound } from "./invariants.mjs";

const PEOPLE_A_ROUND = 10;
/** The other contacts of a round continue: the last ones, and the survivors of merges. */
const ERASED_A_ROUND = 3;
const MERGED_A_ROUND = 2;

/**
 * What is killed when, as in kill.test.mjs. `early`: contacts are erased and merged while their
 * first e-mails are being sent, otherwise a day later, when their second ones are due. `again`: the
 * process is also killed when the commands are repeated. `late`: the process dies before the first
 * command, while e-mails are being sent.
 */
const ROUNDS = [
  { early: true, afterMs: 30 },
  { atCall: 1 },
  { early: true, atCall: 2, recover: true },
  { afterMs: 8, again: 5 },
  { late: true, atCall: 3 },
  { early: true, afterMs: 60, again: 12, recover: true },
  { late: true, atCall: 6, again: 20 },
  { afterMs: 25, recover: true },
  { atCall: 4, again: 2 },
];

let doomed;
/** By name, the life in which the erasure was answered. */
const erased = new Map();
/** Merged contacts by name: the name of the survivor. */
const merged = new Map();
before(async () => (doomed = await Doomed.start()));
after(() => doomed?.stop());

/** The operator's commands about the contacts of a round; each is repeated until it is answered. */
function words(names) {
  const leaving = names.slice(0, ERASED_A_ROUND);
  const joining = names.slice(ERASED_A_ROUND, ERASED_A_ROUND + 2 * MERGED_A_ROUND);
  const erasures = leaving.map((name) => ({
    path: "/api/v1/contacts/erase",
    body: { contact: addressOf(name) },
    done: () => erased.set(name, doomed.life),
  }));
  const mergings = joining.slice(0, MERGED_A_ROUND).map((name, index) => {
    const into = joining[MERGED_A_ROUND + index];
    return {
      path: "/api/v1/contacts/merge",
      body: { contact: addressOf(name), into: addressOf(into) },
      done: () => merged.set(name, into),
    };
  });
  return [...erasures, ...mergings];
}

/** Runs one of the operator's commands; the process may die meanwhile. */
async function say(word) {
  let answer;
  try {
    answer = await doomed.runtime.api("POST", word.path, word.body);
    await answer.text();
  } catch {
    return;
  }
  assert.ok([200, 503].includes(answer.status), `${word.path} answered ${answer.status}`);
  if (answer.status !== 200) return;
  word.done();
  word.said = true;
}

async function round({ early, late, again, recover, ...end }, number) {
  const names = Array.from({ length: PEOPLE_A_ROUND }, (_, index) => `r${number}p${index}`);
  const forms = await doomed.forms(PEOPLE_A_ROUND);
  await Promise.all(forms.map((form, index) => doomed.join(form, names[index])));
  if (!early) {
    await doomed.runtime.settle();
    await doomed.runtime.skip("25h");
  }
  const said = words(names);
  const saying = () => said.filter((word) => !word.said).map((word) => () => say(word));
  await doomed.dieDuring(end, [() => doomed.tick(), ...(late ? [] : saying())]);
  if (again) await doomed.dieDuring({ afterMs: again }, [...saying(), () => doomed.tick()]);
  for (const word of said) await say(word);
  assert.ok(said.every((word) => word.said), "the operator is answered in the end");
  // A command that was answered may be repeated, and changes nothing.
  for (const word of said) await say({ ...word, done: () => {} });
  if (recover) await doomed.runtime.live("50m", "16m");
}

test("contacts erased or merged while the process is killed get nothing twice", async () => {
  for (const [number, one] of ROUNDS.entries()) await round(one, number);
  await doomed.comeToRest();

  const { calls, changed, mails, thanked } = doomed;
  assert.equal(thanked.size, PEOPLE_A_ROUND * ROUNDS.length);
  assert.equal(new Set(mails).size, mails.length, "no mail has left under two keys");
  const late = calls.filter(({ to, life }) => life > (erased.get(to.split("@")[0]) ?? Infinity));
  assert.deepEqual(late, [], "nobody is written to after an erasure");
  assert.deepEqual(changed, [], "the same key has the same bytes");
  for (const name of thanked) {
    if (erased.has(name) || merged.has(name)) continue;
    for (const which of ["first", "second"]) {
      assert.ok(mails.includes(mailOf(name, which)), `lost: the ${which} mail to ${name}`);
    }
  }
  console.log(`${erased.size} erased, ${merged.size} merged, ${mails.length} mails`);
});

test("the database is sound after it, and knows nobody who was erased", async () => {
  const { runtime } = doomed;
  await assertSound(runtime, { atRest: true });
  const left = await runtime.d1("SELECT * FROM enrollments WHERE state = 'active'");
  assert.deepEqual(left, [], "nobody is left in a journey");
  const tables = await runtime.d1(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  );
  for (const { name: table } of tables) {
    const rows = JSON.stringify(await runtime.d1(`SELECT * FROM "${table}"`));
    for (const name of erased.keys()) {
      assert.ok(!rows.includes(addressOf(name)), `${table} knows ${name}`);
    }
  }
});
