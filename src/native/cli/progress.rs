//! A progress bar on stderr, only on a terminal and only for work that takes longer than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The time before the bar appears.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bar. Dropping it removes it from the screen.
pub struct Progress {
    bar: ProgressBar,
    /// Dropping the sender tells the waiting thread that the bar is no longer wanted.
    _wanted: Sender<()>,
}

impl Progress {
    /// Creates a bar of this length that appears after a second.
    pub fn new(length: u64, what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_message(what);
        let (wanted, unwanted) = channel::<()>();
        let late = bar.clone();
        thread::spawn(move || {
            if unwanted.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                late.set_draw_target(ProgressDrawTarget::stderr());
                late.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Self { bar, _wanted: wanted }
    }

    /// Sets the progress.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Hides the bar while something is printed.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
