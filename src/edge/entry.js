// What workerd calls: hands each event to the module. A panic or a trap leaves the module's memory
// in an unknown state, so the next event begins with a fresh instance.

import * as module from "bindings";

// Futures are woken by microtasks. A promise's are cheaper than workerd's `queueMicrotask`, which
// enters C++, and js-sys takes them where that function is missing.
globalThis.queueMicrotask = undefined;

const state = module.__worker_init_state();

/** @param {Function} handler */
function restarting(handler) {
  return async (event, env, context) => {
    if (state.criticalError) {
      console.log("The module is started afresh after a panic.");
      module.__wbg_reset_state();
      state.criticalError = false;
    }
    try {
      return await handler(event, env, context);
    } catch (error) {
      note(error);
      throw error;
    }
  };
}

/** @param {unknown} error */
function note(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
}

// What is thrown in a callback reaches no handler.
addEventListener("error", ({ error }) => note(error));

export default {
  fetch: restarting(module.fetch),
  scheduled: restarting(module.scheduled),
  queue: restarting(module.queue),
};
