//! Output to the terminal. The standard `println!` and `eprintln!` panic if the stream is closed, which must end
//! neither a render nor, from within a call of the plugin, the process.

use std::io::{self, Write};
use std::sync::Mutex;

/// The first error of writing to standard output.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Prints to standard output. A closed pipe (such as to `head`) is not an error; any other error is kept for
/// [`lost`].
pub fn out(text: &str) {
    note(io::stdout().write_all(text.as_bytes()));
}

/// Prints a line to standard error; errors are ignored.
pub fn err(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The reason why output to standard output was lost, such as a full disk or a closed file.
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
