//! Progress bars and messages on standard error.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use frame::convert::to_u64;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

use crate::words;
use openfx_host::session::{Message, Progress};

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Progress bars and messages.
    Normal,
    /// The plugin's log, too.
    Verbose,
}

/// A bar for the frames, and below it one for the plugin's own progress when it reports any.
pub struct Bars {
    verbosity: Verbosity,
    all: MultiProgress,
    frames: ProgressBar,
    plugin: Mutex<Option<ProgressBar>>,
    /// The messages printed so far, without the log.
    said: Mutex<BTreeSet<String>>,
    /// The last line of the log.
    last: Mutex<Option<String>>,
}

/// The bars as the host's user interface.
pub struct Shown(pub Arc<Bars>);

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; if one is wrong, a plain bar is used.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Bars {
    /// Creates hidden bars; indicatif draws none if standard error is not a terminal.
    pub fn new(verbosity: Verbosity) -> Arc<Self> {
        let all = MultiProgress::new();
        if verbosity == Verbosity::Quiet {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        Arc::new(Self {
            verbosity,
            all,
            frames: ProgressBar::hidden(),
            plugin: Mutex::default(),
            said: Mutex::default(),
            last: Mutex::default(),
        })
    }

    /// Shows the bar of the frames.
    pub fn begin(&self, frames: u64) {
        self.frames.set_length(frames);
        let bar = self.all.add(self.frames.clone());
        bar.set_style(style("{bar:40} {pos}/{len} frames, {elapsed} gone, {eta} to go"));
        bar.enable_steady_tick(Duration::from_millis(500));
    }

    /// Advances by one finished frame.
    pub fn step(&self) {
        self.frames.inc(1);
    }

    /// Removes the bars.
    pub fn finish(&self) {
        if let Some(bar) = self.plugin.lock().take() {
            bar.finish_and_clear();
        }
        self.frames.finish_and_clear();
    }

    /// Prints a line above the bars.
    pub fn say(&self, line: &str) {
        if self.verbosity != Verbosity::Quiet {
            self.all.suspend(|| words::err(line));
        }
    }
}

impl Progress for Shown {
    fn start(&self, label: &str) {
        let bar = self.0.all.add(ProgressBar::new(1000));
        bar.set_style(style("{bar:40} {percent:>3} %  {msg}"));
        bar.set_message(label.to_owned());
        if let Some(old) = self.0.plugin.lock().replace(bar) {
            old.finish_and_clear();
        }
    }

    fn update(&self, fraction: f64) {
        if let Some(bar) = &*self.0.plugin.lock() {
            bar.set_position(to_u64(fraction * 1000.0));
        }
    }

    fn end(&self) {
        if let Some(bar) = self.0.plugin.lock().take() {
            bar.finish_and_clear();
        }
    }

    fn message(&self, message: &Message) {
        // The message of an error is printed at the end, with the exit status.
        let bad = message.kind.ends_with("Error") || message.kind.ends_with("Fatal");
        let log = message.kind.ends_with("Log");
        if bad || (log && self.0.verbosity != Verbosity::Verbose) {
            return;
        }
        // Every frame, or alternating segments, may report the same.
        let new = match log {
            true => self.0.last.lock().replace(message.text.clone()).as_ref() != Some(&message.text),
            false => self.0.said.lock().insert(message.text.clone()),
        };
        if new {
            self.0.say(&format!("plugin: {}", message.text));
        }
    }
}
