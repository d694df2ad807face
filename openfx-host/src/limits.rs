//! Process limits of the system.

/// Makes writing beyond the file size limit fail with an error instead of killing the process with SIGXFSZ.
/// Child processes such as encoders inherit this.
pub fn fail_at_file_limits() {
    #[cfg(unix)]
    // SAFETY: called before any thread is started, and to ignore a signal runs no code of ours.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
