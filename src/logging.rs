//! The plugin's log file: `unsample.log` in the cache folder.
//!
//! Hosts show few of a plugin's messages, so everything sent to the `log` facade is also written to this
//! file. It is created by the first render, because hosts load plugins that are never used.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Once;

use simplelog::{Config, LevelFilter, WriteLogger};

/// Size in bytes above which the log is started anew.
const LIMIT: u64 = 1 << 20;

/// Opens the log, once per process. If the file cannot be written, there is no log.
pub fn start(folder: &Path) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let path = folder.join("unsample.log");
        let there = fs::metadata(&path);
        // Opening a named pipe would block until another process reads it.
        if there.as_ref().is_ok_and(|there| !there.is_file()) {
            return;
        }
        let large = there.is_ok_and(|there| there.len() > LIMIT);
        let file = fs::create_dir_all(folder).and_then(|()| {
            OpenOptions::new().create(true).write(true).append(!large).truncate(large).open(&path)
        });
        if let Ok(file) = file {
            // If the host is a Rust program with its own logger, that one is kept.
            let _ = WriteLogger::init(LevelFilter::Info, Config::default(), file);
        }
    });
}
