//! Messages about parameters that the user changed and that have no effect.
//!
//! Defaults are never mentioned, nor parameters that have an effect at some frames: a keyframed number counts
//! as 0 or 1 only if it has that value over the whole clip.

use frame::convert::to_time;

use super::ParamValues;
use crate::frames::Numbering;
use crate::table::{self, ParamType};
use protocol::Sampler;

/// Number of frames of the clip, besides the segment's own, at which keyframed numbers are sampled.
const PLACES: i64 = 32;

/// Parameters that only affect a motion module.
const MOTION: [&str; 8] = [
    "contextLength",
    "contextOverlap",
    "contextStride",
    "contextSchedule",
    "contextClosed",
    "contextFuse",
    "motionScale",
    "motionEffect",
];

/// Values at the frames of a segment and of the clip around it.
struct Looked<'a> {
    v: &'a ParamValues<'a>,
    frames: Vec<i64>,
}

impl Looked<'_> {
    /// Whether a number has this value over the whole clip.
    fn always(&self, name: &'static str, value: f64) -> bool {
        self.frames.iter().all(|&frame| self.v.double_at(name, to_time(frame)) == value)
    }

    /// Whether a text is empty at the segment's first frame.
    fn empty(&self, name: &'static str) -> bool {
        self.v.text(name).trim().is_empty()
    }

    /// Whether a parameter differs from its default.
    fn changed(&self, name: &'static str) -> bool {
        match table::find(name).map(|param| param.kind) {
            Some(ParamType::Int { default, .. }) => self.v.int(name) != default,
            Some(ParamType::Double { default, .. }) => !self.always(name, default),
            Some(ParamType::Bool { default }) => self.v.boolean(name) != default,
            Some(ParamType::Choice { default, options }) => {
                options.get(default) != Some(&self.v.option(name))
            }
            Some(ParamType::Text { default, .. }) => {
                let text = self.v.text(name);
                !text.trim().is_empty() && text.trim() != default
            }
            Some(ParamType::Button) | None => false,
        }
    }

    /// A message listing the changed ones of some parameters, with the reason why they have no effect.
    fn without_effect(&self, names: &[&'static str], why: &str) -> Option<String> {
        let changed: Vec<&str> = names.iter().copied().filter(|name| self.changed(name)).collect();
        let (last, others) = changed.split_last()?;
        Some(match others {
            [] => format!("{last} has no effect {why}"),
            _ => format!("{} and {last} have no effect {why}", others.join(", ")),
        })
    }
}

/// The messages for a segment with these `frames`, in the host's numbering.
pub(super) fn idle(
    v: &ParamValues<'_>,
    frames: &[i64],
    numbering: &Numbering,
    image_mode: bool,
) -> Vec<String> {
    let total = numbering.total.unwrap_or(0);
    let around = (0..PLACES.min(total)).map(|i| numbering.first + i * total / PLACES.min(total).max(1));
    let looked = Looked { v, frames: frames.iter().copied().chain(around).collect() };
    let mut said = prompts(&looked);
    said.extend(motion(&looked, image_mode));
    said.extend(controls(&looked));
    for names in &table::LORAS {
        if looked.empty(names.file) {
            said.extend(looked.without_effect(&[names.weight], &format!("without {}", names.file)));
        } else if looked.always(names.weight, 0.0) {
            said.push(format!("{} has no effect while {} is 0", names.file, names.weight));
        } else if v.double(names.weight) == 0.0 {
            said.push(format!(
                "{} has no effect here: {} is taken at the first frame of a segment, where it is 0",
                names.file, names.weight
            ));
        }
    }
    let sampler = v.option("sampler");
    if sampler.parse().is_ok_and(Sampler::is_deterministic) {
        said.extend(
            looked.without_effect(&["seed"], &format!("with sampler {sampler}, which draws no noise")),
        );
    }
    if v.double("denoise") == 0.0 {
        said.push("nothing is restyled while denoise is 0".to_owned());
    }
    said
}

fn prompts(looked: &Looked<'_>) -> Vec<String> {
    let mode = looked.v.option("unsamplePromptMode");
    let mut said = Vec::new();
    if looked.empty("promptB") {
        if !looked.always("promptMix", 0.0) {
            said.push("promptMix blends with an empty prompt, since promptB is empty".to_owned());
        }
    } else if looked.always("promptMix", 0.0) {
        said.push("promptB has no effect while promptMix is 0".to_owned());
    }
    let unsampled = mode == "same" && !looked.always("unsampleCfg", 1.0);
    if looked.always("cfg", 1.0) && !unsampled {
        said.extend(looked.without_effect(&["negativePrompt"], "while cfg is 1"));
    }
    if looked.always("cfg", 0.0) && mode != "same" {
        said.push("prompt has no effect while cfg is 0".to_owned());
    }
    if mode != "own" {
        let why = format!("while unsamplePromptMode is {mode}");
        said.extend(looked.without_effect(&["unsamplePrompt", "unsampleNegativePrompt"], &why));
    } else if looked.always("unsampleCfg", 1.0) {
        said.extend(looked.without_effect(&["unsampleNegativePrompt"], "while unsampleCfg is 1"));
    }
    if mode == "blank" {
        // Both prompts are empty, so there is nothing to guide between.
        said.extend(looked.without_effect(&["unsampleCfg"], "while unsamplePromptMode is blank"));
    }
    said
}

fn motion(looked: &Looked<'_>, image_mode: bool) -> Vec<String> {
    let v = looked.v;
    if image_mode {
        // The host has no temporal access; another message says so.
        return Vec::new();
    }
    if v.text("motionModule").trim() == "none" {
        return looked.without_effect(&MOTION, "while motionModule is none").into_iter().collect();
    }
    let schedule = v.option("contextSchedule");
    let why = format!("with contextSchedule {schedule}");
    let mut idle = Vec::new();
    if !schedule.ends_with("uniform") {
        idle.push("contextStride");
    }
    if schedule != "looped_uniform" {
        idle.push("contextClosed");
    }
    let (length, overlap) = (v.count("contextLength"), v.count("contextOverlap"));
    let mut said = Vec::new();
    if schedule == "batched" {
        idle.extend(["contextOverlap", "contextFuse"]);
    } else if length > 0 && overlap >= length {
        said.push(format!(
            "contextOverlap {overlap} is not below contextLength {length}; {} is used instead",
            length - 1
        ));
    }
    said.extend(looked.without_effect(&idle, &why));
    said
}

fn controls(looked: &Looked<'_>) -> Vec<String> {
    let v = looked.v;
    let mut said = Vec::new();
    for (index, names) in table::CONTROLS.iter().enumerate() {
        let number = index + 1;
        let (start, end) = (v.double(names.start), v.double(names.end));
        if looked.empty(names.model) {
            let all = [names.preprocessor, names.frames, names.weight, names.start, names.end, names.apply];
            said.extend(looked.without_effect(&all, &format!("without {}", names.model)));
        } else if start >= end {
            said.push(format!(
                "ControlNet {number} never acts, since {} {start} is not below {} {end}",
                names.start, names.end
            ));
        } else if looked.always(names.weight, 0.0) {
            said.push(format!("ControlNet {number} never acts, since {} is 0", names.weight));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Reader;

    /// Values as text, otherwise the table's defaults; `a~b` animates a number from a at frame 1 to b at
    /// frame 100.
    struct TestValues<'a>(&'a [(&'static str, &'static str)]);

    impl TestValues<'_> {
        fn get(&self, name: &str) -> Option<&'static str> {
            self.0.iter().find(|value| value.0 == name).map(|value| value.1)
        }
    }

    impl Reader for TestValues<'_> {
        fn int(&self, name: &'static str, _: f64) -> i32 {
            let Some(ParamType::Int { default, .. }) = table::find(name).map(|p| p.kind) else {
                panic!("{name}")
            };
            self.get(name).map_or(default, |text| text.parse().unwrap())
        }
        fn double(&self, name: &'static str, time: f64) -> f64 {
            let Some(ParamType::Double { default, .. }) = table::find(name).map(|p| p.kind) else {
                panic!("{name}")
            };
            self.get(name).map_or(default, |text| match text.split_once('~') {
                Some((a, b)) => {
                    let (a, b): (f64, f64) = (a.parse().unwrap(), b.parse().unwrap());
                    a + (b - a) * (time - 1.0) / 99.0
                }
                None => text.parse().unwrap(),
            })
        }
        fn boolean(&self, name: &'static str, _: f64) -> bool {
            self.get(name) == Some("on")
        }
        fn choice(&self, name: &'static str, _: f64) -> usize {
            let Some(ParamType::Choice { default, options }) = table::find(name).map(|p| p.kind) else {
                panic!("{name}")
            };
            self.get(name).map_or(default, |text| options.iter().position(|option| *option == text).unwrap())
        }
        fn text(&self, name: &'static str, _: f64) -> String {
            let Some(ParamType::Text { default, .. }) = table::find(name).map(|p| p.kind) else {
                panic!("{name}")
            };
            self.get(name).unwrap_or(default).to_owned()
        }
    }

    /// The messages for the first two frames of a clip of 100.
    fn said(values: &[(&'static str, &'static str)]) -> Vec<String> {
        let set = TestValues(values);
        idle(&ParamValues { reader: &set, time: 1.0 }, &[1, 2], &Numbering::of_clip(1, 100), false)
    }

    #[test]
    fn what_acts_is_not_mentioned() {
        for values in [
            &[][..],
            &[("promptB", "b"), ("promptMix", "0~1")],
            &[("negativePrompt", "b"), ("cfg", "1~2")],
            &[("negativePrompt", "b"), ("cfg", "1"), ("unsamplePromptMode", "same"), ("unsampleCfg", "2")],
            &[
                ("unsamplePromptMode", "own"),
                ("unsamplePrompt", "b"),
                ("unsampleCfg", "2"),
                ("unsampleNegativePrompt", "c"),
            ],
            &[("contextClosed", "on"), ("contextSchedule", "looped_uniform"), ("contextStride", "2")],
            &[("contextLength", "8"), ("contextOverlap", "7"), ("motionScale", "1.2")],
            &[
                ("controlNet2Model", "x"),
                ("controlNet2Frames", "1"),
                ("controlNet2Weight", "0~1"),
                ("controlNet2End", "0.5"),
            ],
            &[
                ("lora1File", "x"),
                ("lora1Weight", "0.5"),
                ("motionModule", "none"),
                ("seed", "7"),
                ("sampler", "euler_ancestral"),
                ("clipSkip", "2"),
            ],
        ] {
            assert_eq!(said(values), [""; 0], "{values:?}");
        }
    }

    #[test]
    fn what_cannot_act_is_said() {
        for (values, expected) in [
            (&[("promptB", "b")][..], "promptB has no effect while promptMix is 0"),
            (&[("promptMix", "0.5")], "promptMix blends with an empty prompt, since promptB is empty"),
            (&[("negativePrompt", "b"), ("cfg", "1")], "negativePrompt has no effect while cfg is 1"),
            (&[("cfg", "0")], "prompt has no effect while cfg is 0"),
            (
                &[("unsamplePrompt", "b"), ("unsampleNegativePrompt", "c")],
                "unsamplePrompt and unsampleNegativePrompt have no effect while unsamplePromptMode is blank",
            ),
            (
                &[("unsamplePromptMode", "own"), ("unsampleNegativePrompt", "c")],
                "unsampleNegativePrompt has no effect while unsampleCfg is 1",
            ),
            (&[("unsampleCfg", "3")], "unsampleCfg has no effect while unsamplePromptMode is blank"),
            (
                &[("lora2File", "x"), ("lora2Weight", "0~1")],
                "lora2File has no effect here: lora2Weight is taken at the first frame of a segment, where it is 0",
            ),
            (&[("contextClosed", "on")], "contextClosed has no effect with contextSchedule standard_static"),
            (
                &[("contextStride", "2"), ("contextFuse", "flat"), ("contextSchedule", "batched")],
                "contextStride and contextFuse have no effect with contextSchedule batched",
            ),
            (&[("contextLength", "4")], "contextOverlap 4 is not below contextLength 4; 3 is used instead"),
            (
                &[("motionModule", "none"), ("contextLength", "4"), ("motionScale", "0~2")],
                "contextLength and motionScale have no effect while motionModule is none",
            ),
            (
                &[
                    ("controlNet2Frames", "1-4"),
                    ("controlNet2Weight", "0.5"),
                    ("controlNet2Preprocessor", "canny"),
                ],
                "controlNet2Preprocessor, controlNet2Frames and controlNet2Weight have no effect without controlNet2Model",
            ),
            (
                &[("controlNet3Model", "x"), ("controlNet3Start", "0.8"), ("controlNet3End", "0.2")],
                "ControlNet 3 never acts, since controlNet3Start 0.8 is not below controlNet3End 0.2",
            ),
            (
                &[("controlNet1Model", "x"), ("controlNet1Weight", "0")],
                "ControlNet 1 never acts, since controlNet1Weight is 0",
            ),
            (&[("lora2Weight", "0.5")], "lora2Weight has no effect without lora2File"),
            (&[("lora2File", "x"), ("lora2Weight", "0")], "lora2File has no effect while lora2Weight is 0"),
            (&[("denoise", "0")], "nothing is restyled while denoise is 0"),
            (&[("seed", "7")], "seed has no effect with sampler dpmpp_2m, which draws no noise"),
        ] {
            assert_eq!(said(values), [expected], "{values:?}");
        }
    }
}
