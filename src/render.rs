//! One render call: the frames it needs, the requests it makes, the picture it writes.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use engine::pipeline::pixels::Rgb;
use engine::pipeline::{Engine, Goal, Outcome, PipelineError, Request, Segment, Share, Source, WorkingFrame};
use openfx::{Clip, Error, MessageKind, RenderArgs, RenderHandle, Result, Verdict};

use super::errors::from_pipeline;
use super::instance::{Instance, Origin, Seen};
use super::logging;
use super::reader::HostReader;
use super::settings::{self, PictureSettings, Pictures};
use super::shots::Pool;
use super::source::{self, Fetched, is_black};
use super::told;

/// How often the host is asked whether to go on.
const POLL: Duration = Duration::from_millis(40);

const NO_TEMPORAL_ACCESS: &str = "this host gives effects only the current frame, so every frame is restyled on its own, without motion; expect flicker";

/// Renders a frame. The output is written on every path: with the source where the result cannot be had.
///
/// # Errors
/// With a sentence for the user; the output then shows the source.
pub fn render(instance: &Instance, handle: &RenderHandle<'_>, args: &RenderArgs) -> Result<()> {
    let reader = HostReader(handle);
    let settings = PictureSettings::read(&reader, args.time);
    let clip = handle.clip("Source");
    // Between two frames the nearer one is styled, and its source has to be the one that goes with it.
    let time = if settings.is_identity() { args.time } else { args.time.round() };
    // A picture that cannot even be read leaves nothing to show but black.
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
            // Else what was left for other frames stays: it is still true.
            if settings.is_identity() || instance.note(&[]).is_empty() {
                instance.shows(None);
                handle.clear_notice();
            }
            Ok(())
        }
        Some(error) => {
            // The guard puts the failure in the place of whatever is shown.
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

/// The restyled picture of a frame, in the host's encoding and at the source's size; nothing where the clip has ended
/// or not begun.
fn restyle<'a>(
    instance: &Instance,
    handle: &'a RenderHandle<'_>,
    clip: &Clip<'a>,
    time: f64,
    settings: &PictureSettings,
    source: &Fetched,
) -> Result<Option<engine::pipeline::pixels::Picture>> {
    logging::start(&settings::cache(&HostReader(handle), time).folder());
    let job = Frames::new(instance, handle, *clip, settings);
    let current = source.working()?;
    let goal = settings.view.goal();
    let frame = job.frame_shown(time.round() as i64, &current)?;
    let working = if job.has_temporal_access(frame) {
        let extent = source::extent(clip, settings.cutting, frame);
        let numbering = source::numbering(clip, handle.host(), frame);
        let shots = job.shots(extent.range, &numbering, frame, source, (frame, &current))?;
        let all = shots.shares.len();
        let mut pictures = Vec::with_capacity(all);
        for share in shots.shares {
            let current = (frame, &current);
            // To one of two segments the frame may lie outside of the clip, to the other between its frames.
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
        let source = Source::of(vec![current]);
        let pictures = Pictures { source, hint };
        let mut request =
            settings::request(&HostReader(handle), segment, &numbering, 0, pictures, goal, true)?;
        request.remarks.extend(remarks);
        request.remarks.push(NO_TEMPORAL_ACCESS.to_owned());
        job.run(request)?.picture
    };
    let done = job.done.borrow().join("; ");
    job.tell(&done);
    let working = working.ok_or_else(|| Error::failed("the model gave no picture"))?;
    source::finish(source, &working, settings.mix).map(Some)
}

/// The sum of pictures of one size by their weights; nothing of none.
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

/// Frames as a source, gaps filled with the nearest frame; nothing where there is none.
fn filled(frames: Vec<Option<WorkingFrame>>) -> Option<Source> {
    source::fill_gaps(frames).map(Source::of)
}

/// Index of a share's frame in a part of its segment: the nearest one where the part does not have it.
fn index_within(part: &Segment, share: &Share) -> usize {
    let skipped = (part.first - share.segment.first) / part.step.max(1);
    share.index.saturating_sub(usize::try_from(skipped).unwrap_or(0)).min(part.count.saturating_sub(1))
}

/// What it takes to get frames from the host and results from the engine, on the action's thread.
pub struct Frames<'a, 'h> {
    /// The instance's memory.
    pub instance: &'a Instance,
    /// The action.
    pub handle: &'a RenderHandle<'h>,
    /// The source.
    pub clip: Clip<'a>,
    /// What happens to pictures.
    pub settings: &'a PictureSettings,
    /// Frames that were fetched already.
    pub pool: Pool,
    /// What was done so far, a line for each request.
    done: RefCell<Vec<String>>,
}

impl<'a, 'h> Frames<'a, 'h> {
    /// Nothing fetched and nothing done yet.
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
    /// Tells the user what was `done` and what there is to know about it: in the status, and what may ask for a change also
    /// on the effect, or in the host's log where it has no such place.
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
        // A host shows one message on an effect.
        let sentence = notices.join("; ");
        if self.instance.shows(Some(sentence.clone())) {
            self.handle.notice(MessageKind::Warning, &sentence);
        }
    }

    /// Whether other frames can be had. A host that answers every time with the same picture in memory cannot give
    /// them, whatever it says.
    pub fn has_temporal_access(&self, frame: i64) -> bool {
        if !self.handle.host().temporal_access {
            return false;
        }
        if self.instance.has_temporal_access() {
            return true;
        }
        let range = source::extent(&self.clip, self.settings.cutting, frame).range;
        let other = if frame < range.last { frame + 1 } else { frame - 1 };
        if other < range.first {
            return true;
        }
        let image = |t: i64| self.handle.image(&self.clip, t as f64).ok().flatten();
        match (image(frame), image(other)) {
            (Some(a), Some(b)) => {
                let differ = a.address() != b.address();
                if differ {
                    self.instance.saw_temporal_access();
                }
                differ
            }
            _ => true,
        }
    }

    /// The number of the frame whose picture `current` is: `frame`, unless that lies outside of the clip and the host
    /// repeats the clip's end there. An end that is not repeated says that the host counts times and ranges differently.
    fn frame_shown(&self, frame: i64, current: &WorkingFrame) -> Result<i64> {
        let Some(end) = source::nearest_end(&self.clip, frame) else { return Ok(frame) };
        let there = source::fetch(self.handle, &self.clip, end as f64, self.settings)?;
        let same = match there {
            Some(there) => there.working()?.digest == current.digest,
            None => false,
        };
        Ok(if same { end } else { frame })
    }

    /// A segment's styled frame. `current` is the frame being rendered, which the caller has already. Nothing where the
    /// clip's own frames are not `believed` and this one lies outside of what the host shows.
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
            // The one frame that is at hand has to be what it was; if not, the clip is another one.
            match seen.part.and_then(|part| part.frames().position(|f| f == current.0)) {
                Some(i) => seen.digests.get(i) == Some(&current.1.digest),
                None => whole.frames().all(|f| f != current.0) || is_black(current.1),
            }
        });
        let (segment, pictures) = match known {
            Some(Seen { part: None, .. }) => return Ok(None),
            Some(Seen { part: Some(part), digests }) => {
                // With a frame step, the wanted frame may be one before the one being rendered.
                let wanted = part.frames().nth(index_within(&part, share)) == Some(current.0);
                let size = source.look.geometry.working();
                let input = Source::known(size, digests, wanted.then(|| current.1.clone()));
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
            Ok(request)
        };
        let outcome = match self.try_run(request(segment, pictures)?) {
            Err(Interrupted::Pipeline(PipelineError::NeedFrames)) => {
                let Some((segment, pictures)) = self.fetch_all(&whole, source, current, believed)? else {
                    return Ok(None);
                };
                self.run(request(segment, pictures)?)?
            }
            Err(other) => return Err(other.into()),
            Ok(outcome) => outcome,
        };
        outcome.picture.map(Some).ok_or_else(|| Error::failed("the model gave no picture"))
    }

    /// The clip's frames, as far as the host can be believed.
    fn whole(&self, frame: i64) -> Segment {
        let range = source::extent(&self.clip, self.settings.cutting, frame).range;
        let count = range.last.saturating_sub(range.first).saturating_add(1);
        Segment { first: range.first, step: 1, count: usize::try_from(count).unwrap_or(1) }
    }

    /// What the user should know of the source's colours.
    fn remarks(&self, source: &Fetched) -> Vec<String> {
        self.instance.remarks(source.look.encoding, || source.remarks())
    }

    /// What the frames of a clip are remembered under.
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

    /// Takes all frames of a segment from the host, one at a time. Where these are not `believed` to be the clip's, what
    /// is black or missing at either end lies outside of it: that part is cut off. It follows from the whole segment's
    /// pictures, so it is the same for each of its frames. Nothing where no frame is left.
    pub fn fetch_all(
        &self,
        segment: &Segment,
        source: &Fetched,
        current: (i64, &WorkingFrame),
        believed: bool,
    ) -> Result<Option<(Segment, Pictures)>> {
        let mut frames = self.gather(segment, |frame| self.working(frame, source, current))?;
        let shows =
            |frame: &Option<WorkingFrame>| believed || frame.as_ref().is_some_and(|frame| !is_black(frame));
        let shown: Vec<bool> = frames.iter().map(shows).collect();
        let part = source::part_shown(segment, &shown);
        let origin = self.origin("Source", segment, source, source);
        let Some(part) = part else {
            self.instance.remember(origin, Seen { part, digests: Vec::new() });
            return Ok(None);
        };
        let skipped = shown.iter().take_while(|shown| !**shown).count();
        let frames = frames.drain(skipped..skipped + part.count).collect();
        let frames = filled(frames).ok_or_else(|| Error::failed("the host gave no picture of the clip"))?;
        self.instance.remember(origin, Seen { part: Some(part), digests: frames.digests.clone() });
        let hint = self.hint(&part, &self.whole(current.0), source, current.0, true)?;
        Ok(Some((part, Pictures { source: frames, hint })))
    }

    /// The clip Hint over a segment of `whole`, where hints are made and the host has any picture of it. With `all` its
    /// frames, else their digests are enough where they are known.
    fn hint(
        &self,
        segment: &Segment,
        whole: &Segment,
        source: &Fetched,
        frame: i64,
        all: bool,
    ) -> Result<Option<Source>> {
        let clip = self.handle.clip("Hint");
        if !self.settings.hints || !clip.connected() {
            return Ok(None);
        }
        let fetch = |frame: i64| {
            let frame = source::frame_within(&clip, whole, frame);
            source::fetch(self.handle, &clip, frame as f64, self.settings)
        };
        let index = segment.frames().position(|f| f == frame).unwrap_or(0);
        let now = fetch(segment.frame(index))?;
        let origin = now.as_ref().map(|now| self.origin("Hint", segment, now, source));
        if let (Some(now), Some(origin), false) = (&now, &origin, all)
            && let Some(Seen { digests, .. }) = self.instance.seen(origin)
            && digests.get(index) == Some(&now.hint(&source.look.geometry)?.digest)
        {
            return Ok(Some(Source::known(source.look.geometry.working(), digests, None)));
        }
        let frames = filled(self.gather(segment, |frame| {
            fetch(frame)?.map(|fetched| fetched.hint(&source.look.geometry)).transpose()
        })?);
        if let (Some(frames), Some(origin)) = (&frames, origin) {
            self.instance.remember(origin, Seen { part: Some(*segment), digests: frames.digests.clone() });
        }
        Ok(frames)
    }

    /// The frames of a segment, as far as there are any.
    fn gather(
        &self,
        segment: &Segment,
        mut fetch: impl FnMut(i64) -> Result<Option<WorkingFrame>>,
    ) -> Result<Vec<Option<WorkingFrame>>> {
        let mut frames = Vec::with_capacity(segment.count);
        for frame in segment.frames() {
            if self.handle.abort() {
                return Err(Error::Aborted);
            }
            frames.push(fetch(frame)?);
        }
        Ok(frames)
    }

    /// Has a request worked off while the host is asked whether to go on.
    ///
    /// # Errors
    /// What the pipeline says, and [`Error::Aborted`].
    pub fn run(&self, request: Request) -> Result<Outcome> {
        Ok(self.try_run(request)?)
    }

    fn try_run(&self, request: Request) -> Result<Outcome, Interrupted> {
        match self.attempt(request.clone()) {
            // Not by this render: the plugin was unloaded for a moment by another thread. The next attempt has a new worker.
            Err(Interrupted::Pipeline(PipelineError::Cancelled)) => self.attempt(request),
            other => other,
        }
    }

    fn attempt(&self, request: Request) -> Result<Outcome, Interrupted> {
        let ticket = Engine::global().submit(request)?;
        let mut bar = None;
        loop {
            match ticket.wait(POLL) {
                Some(Ok(outcome)) => {
                    let work = outcome.report.work().to_string();
                    self.handle.log(&work);
                    self.instance.note(outcome.report.notices());
                    self.instance.learn(outcome.report.facts());
                    self.done.borrow_mut().push(work);
                    return Ok(outcome);
                }
                Some(Err(error)) => return Err(error.into()),
                None => {
                    // A bar only for what takes its time; a frame out of the cache should not make one flash.
                    let bar = bar.get_or_insert_with(|| self.handle.progress("Unsample"));
                    let stop =
                        bar.update(ticket.progress().fraction) == Verdict::Cancel || self.handle.abort();
                    if stop {
                        ticket.cancel();
                        return Err(Interrupted::Aborted);
                    }
                }
            }
        }
    }
}

/// Why a request came to nothing.
enum Interrupted {
    Aborted,
    Pipeline(PipelineError),
}

impl From<PipelineError> for Interrupted {
    fn from(error: PipelineError) -> Self {
        Self::Pipeline(error)
    }
}

impl From<Interrupted> for Error {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Aborted => Self::Aborted,
            Interrupted::Pipeline(error) => from_pipeline(error),
        }
    }
}
