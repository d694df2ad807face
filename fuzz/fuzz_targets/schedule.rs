//! Schedule text and lists of frames: at any frame there are one or two prompts, whose weights are in 0..1 and add up
//! to 1.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unsample::frames::{FrameList, Numbering};
use unsample::prompt::Schedule;

fuzz_target!(|input: (i64, &str)| {
    let (frame, text) = input;
    let numbering = Numbering::of_clip(1, 48);
    if let Ok(list) = FrameList::parse(text) {
        let _ = (list.has(frame), list.remarks("list", &numbering, 2));
    }
    let Ok(schedule) = Schedule::parse(text) else { return };
    let _ = schedule.remarks(&numbering);
    for frame in [frame, i64::MIN, 0, i64::MAX] {
        let prompts = schedule.at(frame);
        assert!((1..=2).contains(&prompts.len()));
        let sum: f32 = prompts.iter().map(|(_, weight)| *weight).sum();
        assert!((sum - 1.0).abs() < 1e-5 && prompts.iter().all(|(_, weight)| (0.0..=1.0).contains(weight)));
    }
});
