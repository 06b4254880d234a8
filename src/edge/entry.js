// What workerd calls: hands each event to the module.

import { fetch, queue, scheduled } from "bindings";

// Futures are woken by microtasks. A promise's are cheaper than workerd's `queueMicrotask`, which
// enters C++, and js-sys takes them where that function is missing.
globalThis.queueMicrotask = undefined;

export default { fetch, queue, scheduled };
