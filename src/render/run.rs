//! Sends a request to the engine and polls the host for an abort while waiting.

use std::time::Duration;

use frame::convert::to_time;
use openfx::{Error, Result, Verdict};
use protocol::Request;
use protocol::message::Failure;

use super::Frames;
use super::fetch::Beside;
use crate::client::{Client, ClientError, Death, Event, Outcome};
use crate::reader::HostReader;
use crate::{settings, told};

/// Interval between abort polls of the host.
const POLL: Duration = Duration::from_millis(40);

/// How many engines in a row may exit by themselves before they reply: an idle engine may reach its timeout
/// just when it gets a request.
const FAREWELLS: usize = 3;

/// Why a request has no result.
pub enum Interrupted {
    /// The host aborted the action.
    Aborted,
    /// The frames differ from those whose digests were sent.
    Changed,
    /// The engine reported an error, or there is no engine.
    Failed(String),
    /// A frame could not be fetched.
    Host(Error),
    /// The engine exited before it replied.
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
            Interrupted::Changed => Self::failed("the host returned different pictures for the same frame"),
            Interrupted::Failed(sentence) => Self::failed(sentence),
            Interrupted::Host(error) => error,
            Interrupted::Died(death) => Self::failed(format!("the engine has ended: {}", death.text)),
        }
    }
}

impl Frames<'_, '_> {
    /// Processes a request, and polls the host for an abort meanwhile.
    ///
    /// # Errors
    /// The engine's error, or [`Error::Aborted`].
    pub fn run(&self, request: &Request, beside: Beside<'_>) -> Result<Outcome> {
        Ok(self.try_run(request, beside)?)
    }

    /// Like [`run`](Self::run), with the cause of a failure. If the engine exits, only time is lost: another
    /// one is started and finds the completed stages in the cache.
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
        let idle = settings::engine_idle(&HostReader(self.handle), to_time(beside.current.0));
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
                    // The bar is only shown for longer work; it should not flash for a cached frame.
                    let bar = bar.get_or_insert_with(|| self.handle.progress("Unsample"));
                    if bar.update(fraction) == Verdict::Cancel || self.handle.abort() {
                        return Err(Interrupted::Aborted);
                    }
                }
            }
        }
    }
}
