//! Limits that the system sets a process.

/// Makes a file that grows beyond the limit of the user's shell an error of the write that finds it, and not the end of the
/// process; for encoders as well, which inherit it.
pub fn fail_at_file_limits() {
    #[cfg(unix)]
    // SAFETY: called before any thread is started, and to ignore a signal runs no code of ours.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
