//! A progress bar on stderr, for what takes longer than a second, and only on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long nothing is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bar. It is gone from the screen when it is dropped.
pub struct Progress {
    bar: ProgressBar,
    /// Closing it tells the thread that waits that the bar is no longer wanted.
    _wanted: Sender<()>,
}

impl Progress {
    /// A bar of this length that appears after a second.
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

    /// Says how much is done.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Takes the bar away while something is printed.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
