//! When contacts are looked at again after a change of what is published: in two passes.

use crate::domain::base::primitives::{Millis, Span};
use crate::store::statement::INTEGER_MAX;
use std::ops::Range;

/// How long after a publish its segments begin to be filled: by then every isolate has heard of
/// the version (KV promises a minute), and no worker that begins decides on a contact that a
/// filling has woken without knowing the segment.
pub const FILL_DELAY: Span = Span::minutes(2);

/// How long a worker may live at most (Cloudflare's limit of a cron's and of a queue consumer's
/// wall time: https://developers.cloudflare.com/workers/platform/limits/).
pub const WORKER_LIFE: Span = Span::minutes(15);

/// How long after a change some worker may still decide without knowing of it: it has begun before
/// every isolate had heard.
pub const UNAWARE_MAX: Span = Span(FILL_DELAY.0 + WORKER_LIFE.0);

/// When contacts are looked at again after a publish at this moment, or after a journey's state has
/// changed: once when no worker begins that does not know of it, and once when none is left that
/// had begun before. That one may have written over what the first wave had done.
pub fn waves(now: Millis) -> [Millis; 2] {
    let first = now.plus(FILL_DELAY);
    [first, first.plus(WORKER_LIFE)]
}

/// Whose contacts' turn it is in a wave that began then: the first's everybody's. The second's are
/// those who were last written by a worker that began before the first wave, for each writes down
/// when it began; the two minutes more are for clocks that differ.
pub fn written(wave: i64, not_before: Millis) -> Range<Millis> {
    match wave {
        1 => Millis(0)..Millis(INTEGER_MAX),
        _ => {
            let first = not_before.minus(WORKER_LIFE);
            first.minus(WORKER_LIFE).minus(FILL_DELAY)..first
        }
    }
}
