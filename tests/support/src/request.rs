//! Requests to the pipeline with the built-in model.

use std::path::Path;
use std::time::Duration;

use engine::pipeline::{
    CacheSettings, ContextSchedule, DeviceChoice, Engine, Event, Fuse, Goal, Models, Motion, MotionSettings,
    Outcome, Pass, PipelineError, Precision, PromptTrack, Request, Sampler, SchedulerChoice, Segment, Source,
    Ticket, WorkingFrame, set_resources,
};
use frame::Rgb;

/// Number of frames of the usual request.
pub const FRAMES: usize = 3;

/// A picture of a block that moves over a gradient.
pub fn picture(frame: usize, [width, height]: [usize; 2]) -> Rgb {
    let data = (0..3 * width * height)
        .map(|i| {
            let (c, y, x) = (i / (width * height), i / width % height, i % width);
            let inside = x.abs_diff(10 + 3 * frame) < 6 && y.abs_diff(14) < 8;
            if inside { [0.9, 0.5, 0.2][c] } else { (x + y) as f32 / (2 * width) as f32 }
        })
        .collect();
    Rgb { width, height, data }
}

fn resources() {
    set_resources(crate::root().join("bundle"));
}

/// Settings of one pass with a constant prompt and cfg.
pub fn pass(text: &str, cfg: f64, frames: usize) -> Pass {
    Pass {
        positive: PromptTrack::constant(text, frames),
        negative: PromptTrack::constant("", frames),
        cfg: vec![cfg; frames],
        sampler: Sampler::Euler,
        scheduler: SchedulerChoice::Ays,
        steps: 2,
        controls: Vec::new(),
    }
}

/// Three frames of 40 x 32 pixels with the built-in model, 2 steps per pass, and a cache folder.
pub fn request(prompt: &str, folder: &Path) -> Request {
    sized(prompt, folder, [40, 32])
}

/// Like [`request`], with frames of this width and height.
pub fn sized(prompt: &str, folder: &Path, size: [usize; 2]) -> Request {
    resources();
    let frames: Vec<WorkingFrame> = (0..FRAMES).map(|i| WorkingFrame::new(picture(i, size))).collect();
    Request {
        segment: Segment { first: 1, step: 1, count: FRAMES },
        index: 1,
        remarks: Vec::new(),
        source: Source::of(frames),
        hint_clip: None,
        models: Models {
            checkpoint: None,
            motion: Motion::Usual,
            vae: None,
            text: Vec::new(),
            controls: Vec::new(),
            loras: Vec::new(),
        },
        hints: Vec::new(),
        device: DeviceChoice::Auto,
        precision: Precision::Auto,
        unsample: pass("", 1.0, FRAMES),
        resample: pass(prompt, 2.0, FRAMES),
        denoise: 1.0,
        clip_skip: 0,
        seed: 0,
        motion: MotionSettings {
            betas: None,
            length: 0,
            overlap: 4,
            stride: 1,
            schedule: ContextSchedule::StandardStatic,
            fuse: Fuse::Pyramid,
            closed: false,
            scale: vec![1.0; FRAMES],
            effect: 1.0,
        },
        steady_frames: 0,
        goal: Goal::Result,
        cache: CacheSettings { folder: Some(folder.into()), limit: 1 << 30 },
        diagnostics: None,
        latents: None,
    }
}

/// Submits a request and waits for its result.
pub fn run(engine: &Engine, request: Request) -> Result<Outcome, PipelineError> {
    answer(&engine.submit(request)?)
}

/// Waits for the result of a request.
pub fn answer(ticket: &Ticket) -> Result<Outcome, PipelineError> {
    loop {
        match ticket.wait(Duration::from_secs(600)) {
            Event::Done(result) => return *result,
            // A request of a test contains all of its frames, or none.
            Event::NeedFrame(_) => ticket.supply(None),
            Event::Progress(progress) => panic!("no answer in time: {progress:?}"),
        }
    }
}
