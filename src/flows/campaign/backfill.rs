//! The schedule of contact re-evaluation after a change of what is published: two passes.

use crate::domain::base::primitives::{Millis, Span};
use crate::store::statement::INTEGER_MAX;
use std::ops::Range;

/// How long after a publish the backfill of its segments begins. By then every isolate has the new
/// version (KV promises a minute), so that no worker that starts later decides on a contact that a
/// backfill has woken without knowing the segment.
pub const FILL_DELAY: Span = Span::minutes(2);

/// The longest life of a worker (Cloudflare's wall-time limit for cron triggers and queue
/// consumers: https://developers.cloudflare.com/workers/platform/limits/).
pub const WORKER_LIFE: Span = Span::minutes(15);

/// How long after a change a worker may still decide without knowing of it, because it started
/// before every isolate had the change.
pub const UNAWARE_MAX: Span = Span(FILL_DELAY.0 + WORKER_LIFE.0);

/// Returns the times of the two passes over contacts after a publish or a journey state change at
/// `now`. The first pass begins when no worker starts any more without the change. The second
/// begins when no worker is left that started before that: such a worker may have overwritten the
/// result of the first pass.
pub fn passes(now: Millis) -> [Millis; 2] {
    let first = now.plus(FILL_DELAY);
    [first, first.plus(WORKER_LIFE)]
}

/// Returns the range of last-written times of the contacts that a pass covers. The first pass
/// covers all contacts. The second covers those last written by a worker that started before the
/// first pass; each worker records its start time with its writes. Two more minutes allow for
/// differing clocks.
pub fn pass_window(wave: i64, not_before: Millis) -> Range<Millis> {
    match wave {
        1 => Millis(0)..Millis(INTEGER_MAX),
        _ => {
            let first = not_before.minus(WORKER_LIFE);
            first.minus(WORKER_LIFE).minus(FILL_DELAY)..first
        }
    }
}
