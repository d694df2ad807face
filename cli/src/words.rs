//! What the program says. Rust's own `println!` and `eprintln!` panic when nobody can hear them, which must end
//! neither a render nor, from within a call of the plugin, the process.

use std::io::{self, Write};
use std::sync::Mutex;

/// Why standard output took no more; the first reason.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Prints to standard output. A reader that has seen enough, such as `head`, is no failure; what else goes wrong is
/// kept for [`lost`].
pub fn out(text: &str) {
    note(io::stdout().write_all(text.as_bytes()));
}

/// Prints a line to standard error, if it can be had.
pub fn err(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Why something that was printed to standard output did not arrive: a full disk, a closed file.
pub fn lost() -> Option<String> {
    note(io::stdout().flush());
    LOST.lock().ok()?.take()
}

fn note(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
        && let Ok(mut lost) = LOST.lock()
    {
        lost.get_or_insert(error.to_string());
    }
}
