//! The plugin's log file: `unsample.log` in the cache folder.
//!
//! Hosts show little of what a plugin says, so whatever goes to the `log` facade is written there too. It starts with
//! the first render, since hosts load plugins that are never used.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Once;

use simplelog::{Config, LevelFilter, WriteLogger};

/// A log that has grown beyond this starts anew.
const LIMIT: u64 = 1 << 20;

/// Opens the log, once a process. Without a place to write to there is no log, and nothing is lost but that.
pub fn start(folder: &Path) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let path = folder.join("unsample.log");
        let there = fs::metadata(&path);
        // Opening a pipe would wait for somebody who reads it.
        if there.as_ref().is_ok_and(|there| !there.is_file()) {
            return;
        }
        let large = there.is_ok_and(|there| there.len() > LIMIT);
        let file = fs::create_dir_all(folder).and_then(|()| {
            OpenOptions::new().create(true).write(true).append(!large).truncate(large).open(&path)
        });
        if let Ok(file) = file {
            // A host that is a Rust program with a logger of its own keeps that one.
            let _ = WriteLogger::init(LevelFilter::Info, Config::default(), file);
        }
    });
}
