//! Having a request worked off by the engine while the host is asked whether to go on.

use std::time::Duration;

use openfx::{Error, Result, Verdict};
use protocol::Request;
use protocol::message::Failure;

use super::Frames;
use super::fetch::Beside;
use crate::client::{Client, ClientError, Death, Event, Outcome};
use crate::reader::HostReader;
use crate::{settings, told};

/// How often the host is asked whether to go on.
const POLL: Duration = Duration::from_millis(40);

/// Engines that may end on their own before an answer, one after the other: one that was idle for long enough may just
/// end when it is asked.
const FAREWELLS: usize = 3;

/// Why a request came to nothing.
pub enum Interrupted {
    /// The host asked to stop.
    Aborted,
    /// The pictures are not those that were there before.
    Changed,
    /// The engine says so, or there is none.
    Failed(String),
    /// Fetching a frame failed.
    Host(Error),
    /// The engine ended.
    Died(Death),
}

impl From<ClientError> for Interrupted {
    fn from(error: ClientError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Interrupted> for Error {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Aborted => Self::Aborted,
            Interrupted::Changed => {
                Self::failed("the host gives other pictures of a frame than a moment ago")
            }
            Interrupted::Failed(sentence) => Self::failed(sentence),
            Interrupted::Host(error) => error,
            Interrupted::Died(death) => Self::failed(format!("the engine has ended: {}", death.text)),
        }
    }
}

impl Frames<'_, '_> {
    /// Has a request worked off while the host is asked whether to go on.
    ///
    /// # Errors
    /// What the engine says, and [`Error::Aborted`].
    pub fn run(&self, request: &Request, beside: Beside<'_>) -> Result<Outcome> {
        Ok(self.try_run(request, beside)?)
    }

    /// As [`run`](Self::run). An engine that ends meanwhile costs time: another one is started, which finds the finished
    /// stages in the cache.
    pub(super) fn try_run(&self, request: &Request, beside: Beside<'_>) -> Result<Outcome, Interrupted> {
        let client = Client::global();
        let mut farewells = 0;
        loop {
            match self.attempt(request, beside) {
                Err(Interrupted::Died(death)) => {
                    client.died_of(request, &death)?;
                    if death.expected {
                        farewells += 1;
                    }
                    if farewells > FAREWELLS {
                        return Err(Interrupted::Died(death));
                    }
                }
                Ok(outcome) => {
                    client.fulfilled(request);
                    return Ok(outcome);
                }
                other => return other,
            }
        }
    }

    fn attempt(&self, request: &Request, beside: Beside<'_>) -> Result<Outcome, Interrupted> {
        let idle = settings::engine_idle(&HostReader(self.handle), beside.current.0 as f64);
        let ticket = Client::global().run(request, idle)?;
        let (mut bar, mut fraction) = (None, 0.0);
        loop {
            match ticket.wait(POLL) {
                Some(Event::Done(outcome)) => {
                    self.handle.log(&outcome.work);
                    self.instance.note(&outcome.notices.iter().map(told::learn).collect::<Vec<_>>());
                    self.instance.learn(&outcome.facts);
                    self.done.borrow_mut().push(outcome.work.clone());
                    return Ok(outcome);
                }
                Some(Event::NeedFrame(wanted)) => {
                    let frame = self.wanted(request, wanted, beside).map_err(Interrupted::Host)?;
                    ticket.supply(frame.as_ref());
                }
                Some(Event::Failed(Failure::FrameGone)) => return Err(Interrupted::Changed),
                Some(Event::Failed(Failure::Failed(sentence))) => {
                    return Err(Interrupted::Failed(told::learn(&sentence)));
                }
                Some(Event::Failed(Failure::Cancelled)) => return Err(Interrupted::Aborted),
                Some(Event::Died(death)) => return Err(Interrupted::Died(death)),
                Some(Event::Progress(done)) => fraction = done,
                Some(other @ (Event::Cleared(..) | Event::Described(_))) => {
                    return Err(other.into_error().into());
                }
                None => {
                    // A bar only for what takes its time; a frame out of the cache should not make one flash.
                    let bar = bar.get_or_insert_with(|| self.handle.progress("Unsample"));
                    if bar.update(fraction) == Verdict::Cancel || self.handle.abort() {
                        return Err(Interrupted::Aborted);
                    }
                }
            }
        }
    }
}
