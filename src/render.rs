//! A render call: fetches frames, sends requests to the engine, and writes the output.

mod fetch;
mod run;

use std::cell::RefCell;
use std::sync::Arc;

use frame::Rgb;
use frame::convert::to_frame;
use openfx::{Clip, Error, MessageKind, RenderArgs, RenderHandle, Result};
use protocol::{Goal, Request, Segment, Source, WorkingFrame};

use super::client::Client;
use super::instance::{Instance, Origin, Seen};
use super::logging;
use super::plan::Share;
use super::reader::HostReader;
use super::settings::{self, PictureSettings, Pictures};
use super::shots::Pool;
use super::source::{self, Fetched, is_black};
use super::told;
pub use fetch::Beside;
use run::Interrupted;

const NO_TEMPORAL_ACCESS: &str = "this host gives effects only the current frame, so every frame is restyled on its own, without motion; expect flicker";

/// Renders a frame. The output is written on every path: it shows the source if there is no result.
///
/// # Errors
/// An error with a message for the user; the output then shows the source.
pub fn render(instance: &Instance, handle: &RenderHandle<'_>, args: &RenderArgs) -> Result<()> {
    let reader = HostReader(handle);
    let settings = PictureSettings::read(&reader, args.time);
    let clip = handle.clip("Source");
    // Between two frames, the nearer one is styled, and the source must be that frame as well.
    let time = if settings.is_identity() { args.time } else { args.time.round() };
    // If the picture cannot be read, the output is black.
    let (source, mut failure) = match source::fetch(handle, &clip, time, &settings) {
        Ok(source) => (source, None),
        Err(error) => (None, Some(error)),
    };
    let mut styled = None;
    if let Some(source) = &source
        && !settings.is_identity()
    {
        match restyle(instance, handle, &clip, time, &settings, source) {
            Ok(picture) => styled = picture,
            Err(error) => failure = Some(error),
        }
    }
    let shown = styled.as_ref().or(source.as_ref().map(|s| &s.picture));
    let place = source.as_ref().map(|s| s.bounds);
    let mut output = handle.output(args.time)?;
    source::write(shown.zip(place), &mut output, args.window)?;
    match failure {
        None => {
            // Otherwise the notice about other frames stays: it is still valid.
            if settings.is_identity() || instance.note(&[]).is_empty() {
                instance.shows(None);
                handle.clear_notice();
            }
            Ok(())
        }
        Some(error) => {
            // The guard replaces the current notice by the error message.
            instance.shows(None);
            if error.is_for_user() {
                let sentence = error.to_string();
                let told = told::before(handle, &sentence);
                instance.set_status(sentence);
                if told {
                    return Err(Error::Told(Box::new(error)));
                }
            }
            Err(error)
        }
    }
}

/// The restyled frame in the host's encoding and at the source's size; `None` before and after the clip.
fn restyle<'a>(
    instance: &Instance,
    handle: &'a RenderHandle<'_>,
    clip: &Clip<'a>,
    time: f64,
    settings: &PictureSettings,
    source: &Fetched,
) -> Result<Option<frame::Picture>> {
    logging::start(&settings::cache(&HostReader(handle), time).folder());
    let job = Frames::new(instance, handle, *clip, settings);
    let current = source.working()?;
    let goal = settings.view.goal();
    let frame = job.frame_shown(to_frame(time.round()), &current)?;
    let working = if job.has_temporal_access(frame) {
        let extent = source::extent(clip, settings.cutting, frame);
        let numbering = source::numbering(clip, handle.host(), frame);
        let shots = job.shots(extent.range, &numbering, frame, source, (frame, &current))?;
        let all = shots.shares.len();
        let mut pictures = Vec::with_capacity(all);
        for share in shots.shares {
            let current = (frame, &current);
            // For one of two segments, the frame may be outside of the clip; for the other one, within it.
            let picture = job.share(&share, &shots.remarks, source, current, goal, extent.believed)?;
            pictures.extend(picture.map(|picture| (picture, share.weight)));
        }
        if pictures.is_empty() {
            return Ok(None);
        }
        if pictures.len() < all {
            let total: f32 = pictures.iter().map(|(_, weight)| weight).sum();
            pictures.iter_mut().for_each(|(_, weight)| *weight /= total);
        }
        blend(&pictures).map(Arc::new)
    } else {
        let numbering = source::numbering(clip, handle.host(), frame);
        let segment = Segment { first: frame, step: 1, count: 1 };
        let hint = job.hint(&segment, &segment, source, frame, false)?;
        let remarks = job.remarks(source);
        let pictures = Pictures { source: Source::of(vec![current.clone()]), hint };
        let mut request =
            settings::request(&HostReader(handle), segment, &numbering, 0, pictures, goal, true)?;
        request.remarks.extend(remarks);
        request.remarks.push(NO_TEMPORAL_ACCESS.to_owned());
        job.run(&request, Beside { source, current: (frame, &current), whole: segment })?.picture
    };
    let done = job.done.borrow().join("; ");
    let by = Client::global().name().map(|name| format!(", by {name}"));
    job.tell(&format!("{done}{}", by.unwrap_or_default()));
    let working = working.ok_or_else(|| Error::failed("the model gave no picture"))?;
    source::finish(source, &working, settings.mix).map(Some)
}

/// The weighted sum of pictures of the same size; `None` if there are none.
fn blend(pictures: &[(Arc<Rgb>, f32)]) -> Option<Rgb> {
    let ((first, weight), others) = pictures.split_first()?;
    let mut data: Vec<f32> = first.data.iter().map(|value| value * weight).collect();
    for (picture, weight) in others {
        for (sum, value) in data.iter_mut().zip(&picture.data) {
            *sum += value * weight;
        }
    }
    Some(Rgb { width: first.width, height: first.height, data })
}

/// Index of a share's frame in a part of its segment; the nearest one if the part does not contain it.
fn index_within(part: &Segment, share: &Share) -> usize {
    let skipped = (part.first - share.segment.first) / part.step.max(1);
    share.index.saturating_sub(usize::try_from(skipped).unwrap_or(0)).min(part.count.saturating_sub(1))
}

/// The context for fetching frames from the host and results from the engine, on the action's thread.
pub struct Frames<'a, 'h> {
    /// State of the instance.
    pub instance: &'a Instance,
    /// Handle of the render action.
    pub handle: &'a RenderHandle<'h>,
    /// The clip Source of this instance.
    pub clip: Clip<'a>,
    /// Settings of the picture.
    pub settings: &'a PictureSettings,
    /// Frames already fetched in this render.
    pub pool: Pool,
    /// Summaries of the requests processed so far.
    done: RefCell<Vec<String>>,
}

impl<'a, 'h> Frames<'a, 'h> {
    /// A context without any frames.
    pub fn new(
        instance: &'a Instance,
        handle: &'a RenderHandle<'h>,
        clip: Clip<'a>,
        settings: &'a PictureSettings,
    ) -> Self {
        Self { instance, handle, clip, settings, pool: Pool::default(), done: RefCell::default() }
    }
}

impl Frames<'_, '_> {
    /// Tells the user what was `done` and shows messages: all in the status, and those that may need action
    /// also as a notice on the effect, or in the host's log if notices are not supported.
    pub fn tell(&self, done: &str) {
        let (facts, notices) = (self.instance.facts(), self.instance.note(&[]));
        let known = facts.iter().chain(&notices).map(String::as_str);
        let lines: Vec<&str> = std::iter::once(done).chain(known).collect();
        self.instance.set_status(lines.join("; "));
        let new = |notice: &&String| !told::before(self.handle, notice);
        self.instance.new_facts().iter().filter(new).for_each(|fact| self.handle.log(fact));
        let notices: Vec<&str> = notices.iter().filter(new).map(String::as_str).collect();
        if notices.is_empty() {
            return;
        }
        // A host shows only one message per effect.
        let sentence = notices.join("; ");
        if self.instance.shows(Some(sentence.clone())) {
            self.handle.notice(MessageKind::Warning, &sentence);
        }
    }

    /// The styled frame of a segment. `current` is the frame being rendered, already fetched. `None` if the
    /// clip's range is not `believed` and this frame is outside of what the host shows.
    fn share(
        &self,
        share: &Share,
        remarks: &[String],
        source: &Fetched,
        current: (i64, &WorkingFrame),
        goal: Goal,
        believed: bool,
    ) -> Result<Option<Arc<Rgb>>> {
        let whole = share.segment;
        let known = self.instance.seen(&self.origin("Source", &whole, source, source)).filter(|seen| {
            // The digest of the current frame must be unchanged; if not, the clip has changed.
            match seen.part.and_then(|part| part.frames().position(|f| f == current.0)) {
                Some(i) => seen.digests.get(i) == Some(&current.1.digest),
                None => whole.frames().all(|f| f != current.0) || is_black(current.1),
            }
        });
        let (segment, pictures) = match known {
            Some(Seen { part: None, .. }) => return Ok(None),
            Some(Seen { part: Some(part), digests }) => {
                let mut input = Source::known(source.look.geometry.working(), digests);
                // With a frame step, the wanted frame may be before the one being rendered.
                let wanted = index_within(&part, share);
                if current.1.mended && part.frames().nth(wanted) == Some(current.0) {
                    input.mended.push(wanted);
                }
                let clip = self.whole(current.0);
                (part, Pictures { source: input, hint: self.hint(&part, &clip, source, current.0, false)? })
            }
            None => match self.fetch_all(&whole, source, current, believed)? {
                Some(fetched) => fetched,
                None => return Ok(None),
            },
        };
        if is_black(current.1) && !(segment.first..=segment.frame(segment.count - 1)).contains(&current.0) {
            return Ok(None);
        }
        let numbering = source::numbering(&self.clip, self.handle.host(), current.0);
        let request = |segment, pictures| -> Result<Request> {
            let (reader, index) = (HostReader(self.handle), index_within(&segment, share));
            let mut request = settings::request(&reader, segment, &numbering, index, pictures, goal, false)?;
            request.remarks.extend_from_slice(remarks);
            request.remarks.extend(self.remarks(source));
            request.remarks.extend(self.hint_remark(&self.whole(current.0)));
            Ok(request)
        };
        let beside = Beside { source, current, whole: self.whole(current.0) };
        let outcome = match self.try_run(&request(segment, pictures)?, beside) {
            // The clip has changed in frames that this render did not fetch.
            Err(Interrupted::Changed) => {
                let Some((segment, pictures)) = self.fetch_all(&whole, source, current, believed)? else {
                    return Ok(None);
                };
                self.run(&request(segment, pictures)?, beside)?
            }
            Err(other) => return Err(other.into()),
            Ok(outcome) => outcome,
        };
        outcome.picture.map(Some).ok_or_else(|| Error::failed("the model gave no picture"))
    }

    /// Messages about the source's colours.
    fn remarks(&self, source: &Fetched) -> Vec<String> {
        self.instance.remarks(source.look.encoding, || source.remarks())
    }

    /// The key under which a clip's frames are remembered.
    pub(super) fn origin(
        &self,
        clip: &'static str,
        segment: &Segment,
        own: &Fetched,
        source: &Fetched,
    ) -> Origin {
        let size = source.look.geometry.working();
        Origin { clip, segment: *segment, look: own.look.clone(), size }
    }
}
