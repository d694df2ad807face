//! Processes of this machine, as Linux lists them.

use std::fs;
use std::process::Command;

/// Parent and state of a process: `pid (name) state parent ...`.
fn stat(pid: u32) -> Option<(String, char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    Some((name.to_owned(), words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// Whether a process runs.
pub fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state, _)| !matches!(state, 'Z' | 'X'))
}

/// The engines that a process has started and that run.
pub fn engines_of(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // The system cuts names off after 15 bytes.
    let is = |pid: &u32| {
        stat(*pid).is_some_and(|(name, state, of)| {
            of == parent && name.starts_with("unsample-engine") && !matches!(state, 'Z' | 'X')
        })
    };
    pids.filter(is).collect()
}

/// Ends a process as the system does it when memory runs out.
pub fn kill(pid: u32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
}
