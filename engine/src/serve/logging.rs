//! Forwards the engine's log lines to the plugin, which writes the log file.

use log::{LevelFilter, Log, Metadata, Record};
use protocol::message::FromEngine;

use super::output::Output;

struct Forward(Output);

impl Log for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= LevelFilter::Info
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = FromEngine::Log(record.level() as u8, record.args().to_string());
            self.0.send(line, Vec::new());
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// Forwards log lines to the plugin from now on.
pub fn start(output: Output) {
    if log::set_boxed_logger(Box::new(Forward(output))).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
