//! One download through hf-hub, with patience.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo};
use indicatif::{ProgressBar, ProgressStyle};

use super::finished;
use super::table::Remote;

/// Tries of a download that breaks off; each goes on from where the one before ended.
const TRIES: u32 = 5;

/// Why a model could not be pulled. `Display` is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The hub cannot be reached, or breaks off again and again.
    #[error(
        "{name} could not be downloaded from {endpoint} in {TRIES} tries ({why}); what is there is kept, the same command goes on from it"
    )]
    Connection {
        /// The file.
        name: String,
        /// The hub.
        endpoint: String,
        /// What happened last.
        why: String,
    },
    /// The hub has no such file.
    #[error("{endpoint} has no file {path} in {repository}")]
    Missing {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
        /// The path in it.
        path: String,
    },
    /// The hub refuses.
    #[error("{endpoint} does not give away {path} of {repository} (HTTP status {status})")]
    Refused {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
        /// The path in it.
        path: String,
        /// The status.
        status: u16,
    },
    /// The hub answers in a way that no hub does.
    #[error("{endpoint} does not answer as the Hugging Face hub does ({why})")]
    Strange {
        /// The hub.
        endpoint: String,
        /// What is odd.
        why: String,
    },
    /// The contents are not those that were wanted.
    #[error("{name} was thrown away: its sha256 is {found}, expected {wanted}")]
    Checksum {
        /// The file.
        name: String,
        /// Of what was downloaded.
        found: String,
        /// Of what should have been.
        wanted: String,
    },
    /// Another file has the name.
    #[error("{path} is there and is another file than the one to pull; move it away first", path = .0.display())]
    Other(PathBuf),
    /// The disk is full.
    #[error("there is no room left for {path}; what is there is kept, the same command goes on from it", path = .0.display())]
    Full(PathBuf),
    /// Something else went wrong on the disk.
    #[error("{path}: {why}", path = .path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl PullError {
    /// The error for a file or folder.
    pub fn disk(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path.to_owned()),
            _ => Self::Disk { path: path.to_owned(), why: error.to_string() },
        }
    }
}

/// The hub, or a mirror.
pub struct Hub {
    endpoint: String,
}

/// What to do after a failed try.
enum Verdict {
    /// Try again: the connection broke.
    Again(String),
    /// Throw away what is there, then try again.
    Afresh(String),
    /// Give up.
    Stop(PullError),
}

impl Hub {
    /// `endpoint` is a URL such as `https://huggingface.co`.
    pub fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').to_owned() }
    }

    /// Downloads a file into a cache of the hub's layout at `folder`, going on from what is there. Returns where it
    /// lies; its name is the tag that the hub gives it.
    ///
    /// # Errors
    /// See [`PullError`].
    pub fn download(&self, file: &Remote, folder: &Path) -> Result<PathBuf, PullError> {
        // No retries of its own: with them a resumed download that fails at once would start again at byte 0 and
        // append. And no token: what the table names is public, and a mirror must not get to see one.
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
                // A link beside the finished file may be more than the file system can do.
                _ if finished(folder).is_some() => {}
                Verdict::Again(why) => last = why,
                Verdict::Afresh(why) => {
                    last = why;
                    let _ = std::fs::remove_dir_all(folder);
                }
                Verdict::Stop(error) => return Err(error),
            }
        }
        finished(folder).ok_or_else(|| PullError::Connection {
            name: file.name().into(),
            endpoint: self.endpoint.clone(),
            why: last,
        })
    }

    fn judge(&self, file: &Remote, folder: &Path, error: ApiError) -> Verdict {
        let (endpoint, repository, path) =
            (self.endpoint.clone(), file.repository.clone(), file.path.clone());
        match error {
            ApiError::RequestError(request) => match *request {
                ureq::Error::Status(404, _) => {
                    Verdict::Stop(PullError::Missing { endpoint, repository, path })
                }
                // More is there than the hub has.
                ureq::Error::Status(416, _) => Verdict::Afresh("the hub has less than is there".into()),
                ureq::Error::Status(status @ (429 | 500..), _) => {
                    Verdict::Again(format!("HTTP status {status}"))
                }
                ureq::Error::Status(status, _) => {
                    Verdict::Stop(PullError::Refused { endpoint, repository, path, status })
                }
                ureq::Error::Transport(transport) => Verdict::Again(transport.to_string()),
            },
            ApiError::IoError(error) => match error.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem => Verdict::Stop(PullError::disk(folder, &error)),
                _ => Verdict::Again(error.to_string()),
            },
            ApiError::InvalidResume => Verdict::Afresh("more is there than the hub has".into()),
            ApiError::LockAcquisition(_) => Verdict::Stop(PullError::Disk {
                path: folder.to_owned(),
                why: "another download is at work here".into(),
            }),
            error => Verdict::Stop(self.strange(&error)),
        }
    }

    fn strange(&self, error: &ApiError) -> PullError {
        PullError::Strange { endpoint: self.endpoint.clone(), why: error.to_string() }
    }
}

/// A bar of bytes, where standard error is a terminal.
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
