//! Processes of this machine, from Linux's `/proc`.

use std::fs;
use std::process::Command;

/// Name, state and parent of a process, from `pid (name) state parent ...`.
fn stat(pid: u32) -> Option<(String, char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    Some((name.to_owned(), words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// Whether a process is running.
pub fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state, _)| !matches!(state, 'Z' | 'X'))
}

/// Process IDs of the running engines that a process has started.
pub fn engines_of(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // The kernel truncates names to 15 bytes.
    let is = |pid: &u32| {
        stat(*pid).is_some_and(|(name, state, of)| {
            of == parent && name.starts_with("unsample-engine") && !matches!(state, 'Z' | 'X')
        })
    };
    pids.filter(is).collect()
}

/// Kills a process with SIGKILL, as the kernel does when memory is exhausted.
pub fn kill(pid: u32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
}
