//! Downloads a file from the hub through hf-hub, with retries.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo};
use indicatif::{ProgressBar, ProgressStyle};

use super::finished;
use super::table::Remote;

/// Attempts at an interrupted download; each one resumes where the one before ended.
const TRIES: u32 = 5;

/// Why a model could not be pulled. `Display` is the message for the user.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The hub cannot be reached, or the connection breaks repeatedly.
    #[error(
        "{name} could not be downloaded from {endpoint} in {TRIES} tries ({why}); what was downloaded is kept, and the same command resumes from it"
    )]
    Connection {
        name: String,
        /// The URL of the hub.
        endpoint: String,
        /// The last error.
        why: String,
    },
    /// The hub has no such file.
    #[error("{endpoint} has no file {path} in {repository}")]
    Missing {
        /// The URL of the hub.
        endpoint: String,
        repository: String,
        /// The path in the repository.
        path: String,
    },
    /// The hub refuses access, for instance without a login.
    #[error("{endpoint} refuses access to {path} of {repository} (HTTP status {status})")]
    Refused {
        /// The URL of the hub.
        endpoint: String,
        repository: String,
        /// The path in the repository.
        path: String,
        /// The HTTP status.
        status: u16,
    },
    /// The response is not that of a Hugging Face hub.
    #[error("{endpoint} does not answer as the Hugging Face hub does ({why})")]
    Strange {
        /// The URL of the hub.
        endpoint: String,
        /// What is wrong with the response.
        why: String,
    },
    /// The contents do not have the expected checksum.
    #[error("{name} was thrown away: its sha256 is {found}, expected {wanted}")]
    Checksum {
        name: String,
        /// The SHA-256 of the download.
        found: String,
        /// The expected SHA-256.
        wanted: String,
    },
    /// Another file has the target's name.
    #[error("{path} exists and is a different file from the one to pull; move it away first", path = .0.display())]
    Other(PathBuf),
    /// The disk is full.
    #[error("there is no room left for {path}; what was downloaded is kept, and the same command resumes from it", path = .0.display())]
    Full(PathBuf),
    /// Any other file system error.
    #[error("{path}: {why}", path = .path.display())]
    Disk {
        /// The file or folder concerned.
        path: PathBuf,
        /// The message of the system.
        why: String,
    },
}

impl PullError {
    /// The error for a file system operation on `path`.
    pub fn disk(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path.to_owned()),
            _ => Self::Disk { path: path.to_owned(), why: error.to_string() },
        }
    }
}

/// A client of the hub or of a mirror.
pub struct HubClient {
    endpoint: String,
}

/// What to do after a failed attempt.
enum AfterFailure {
    /// Try again: the connection broke.
    Again(String),
    /// Delete the partial download, then try again.
    Afresh(String),
    /// Give up with this error.
    Stop(PullError),
}

impl HubClient {
    /// `endpoint` is a URL such as `https://huggingface.co`.
    pub fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').to_owned() }
    }

    /// Downloads a file into a cache with the hub's layout at `folder`, resuming a partial download. Returns the path
    /// of the blob, whose name is the hub's ETag.
    ///
    /// # Errors
    /// See [`PullError`].
    pub fn download(&self, file: &Remote, folder: &Path) -> Result<PathBuf, PullError> {
        // Without hf-hub's own retries: with them, a resumed download that fails at once would start again at byte 0
        // and append. And without a token: the models in the table are public, and a mirror must not see a token.
        let builder = ApiBuilder::from_cache(Cache::new(folder.to_owned()));
        let builder = builder.with_token(None).with_endpoint(self.endpoint.clone());
        let api = builder.build().map_err(|error| self.strange(&error))?;
        let repository = api.repo(Repo::model(file.repository.clone()));
        let mut last = String::new();
        for attempt in 0..TRIES {
            if let Some(blob) = finished(folder) {
                return Ok(blob);
            }
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(125) * 2u32.pow(attempt));
            }
            let bar = Bar::new(file.name());
            let Err(error) = repository.download_with_progress(&file.path, bar) else { continue };
            match self.judge(file, folder, error) {
                // The symbolic link beside the finished file may not be supported by the file system.
                _ if finished(folder).is_some() => {}
                AfterFailure::Again(why) => last = why,
                AfterFailure::Afresh(why) => {
                    last = why;
                    let _ = std::fs::remove_dir_all(folder);
                }
                AfterFailure::Stop(error) => return Err(error),
            }
        }
        finished(folder).ok_or_else(|| PullError::Connection {
            name: file.name().into(),
            endpoint: self.endpoint.clone(),
            why: last,
        })
    }

    fn judge(&self, file: &Remote, folder: &Path, error: ApiError) -> AfterFailure {
        let (endpoint, repository, path) =
            (self.endpoint.clone(), file.repository.clone(), file.path.clone());
        match error {
            ApiError::RequestError(request) => match *request {
                ureq::Error::Status(404, _) => {
                    AfterFailure::Stop(PullError::Missing { endpoint, repository, path })
                }
                // The partial file is longer than the hub's.
                ureq::Error::Status(416, _) => AfterFailure::Afresh("the hub has less than is there".into()),
                ureq::Error::Status(status @ (429 | 500..), _) => {
                    AfterFailure::Again(format!("HTTP status {status}"))
                }
                ureq::Error::Status(status, _) => {
                    AfterFailure::Stop(PullError::Refused { endpoint, repository, path, status })
                }
                ureq::Error::Transport(transport) => AfterFailure::Again(transport.to_string()),
            },
            ApiError::IoError(error) => match error.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem => AfterFailure::Stop(PullError::disk(folder, &error)),
                _ => AfterFailure::Again(error.to_string()),
            },
            ApiError::InvalidResume => AfterFailure::Afresh("more is there than the hub has".into()),
            ApiError::LockAcquisition(_) => AfterFailure::Stop(PullError::Disk {
                path: folder.to_owned(),
                why: "another download is at work here".into(),
            }),
            error => AfterFailure::Stop(self.strange(&error)),
        }
    }

    fn strange(&self, error: &ApiError) -> PullError {
        PullError::Strange { endpoint: self.endpoint.clone(), why: error.to_string() }
    }
}

/// A progress bar in bytes, if standard error is a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(name: &str) -> Self {
        if !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template(
            "{bar:40} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} to go  {msg}",
        );
        let bar = ProgressBar::new(0).with_message(name.to_owned());
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")))
    }
}

impl Progress for Bar {
    fn init(&mut self, size: usize, _: &str) {
        self.0.set_length(size as u64);
        self.0.set_position(0);
    }

    fn update(&mut self, size: usize) {
        self.0.inc(size as u64);
    }

    fn finish(&mut self) {
        self.0.finish_and_clear();
    }
}
