//! The parameters: one table, from which they are defined, read, and listed in docs/parameters.md.
//!
//! Names must never change, so that saved projects open in every later version. The options of a choice are
//! identified by name, too, and the menu shows these names, because some hosts store an option's label
//! instead of its index.

mod kinds;
mod numbered;
mod options;

pub use kinds::{Group, Param, ParamType, Stage, TextMode};
pub use numbered::{CONTROLS, ControlNames, LORAS, LoraNames};
pub use options::*;

use numbered::*;

const fn int(default: i32, range: (i32, i32), display: (i32, i32)) -> ParamType {
    ParamType::Int { default, range, display }
}

const fn double(default: f64, range: (f64, f64), display: (f64, f64)) -> ParamType {
    ParamType::Double { default, range, display }
}

/// A choice whose default is the first option.
const fn choice(options: &'static [&'static str]) -> ParamType {
    ParamType::Choice { default: 0, options }
}

/// A choice with this default; fails to compile if it is not one of the options.
const fn choice_of(name: &str, options: &'static [&'static str]) -> ParamType {
    let mut default = 0;
    while !same(options[default], name) {
        default += 1;
    }
    ParamType::Choice { default, options }
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut i = 0;
    while i < one.len() && i < other.len() && one[i] == other[i] {
        i += 1;
    }
    i == one.len() && i == other.len()
}

const fn text(default: &'static str, mode: TextMode) -> ParamType {
    ParamType::Text { default, mode }
}

const fn row(
    group: Group,
    stage: Stage,
    name: &'static str,
    label: &'static str,
    kind: ParamType,
    hint: &'static str,
) -> Param {
    Param { name, label, hint, group, kind, animates: false, stage }
}

const fn keyed(param: Param) -> Param {
    Param { animates: true, ..param }
}

use Group::{ControlNet, Housekeeping, Model, Motion, Picture, Style, Unsampling};
use Stage::{Compose, Encode, Nothing, Resample, Steady, Unsample};

/// Every parameter, in the order of the panel.
#[rustfmt::skip]
pub static TABLE: &[Param] = &[
    row(Model, Encode, "checkpoint", "Checkpoint", text("", TextMode::OpenFile),
        "Stable Diffusion 1.5 or SDXL checkpoint: a file, a diffusers folder, or a name in the models folder. Empty: the built-in model."),
    row(Model, Unsample, "motionModule", "Motion module", text("", TextMode::OpenFile),
        "Motion module, which keeps the frames consistent with each other: AnimateDiff for Stable Diffusion 1.5, AnimateDiff-SDXL or Hotshot-XL for SDXL. A file, or its name in the models folder. Empty: the built-in model's own, or one in the models folder that fits the checkpoint, if there is one; Model status names it. none: no motion module, every frame is restyled on its own."),
    row(Model, Encode, "vae", "VAE", text("", TextMode::OpenFile),
        "VAE (autoencoder) to use instead of the checkpoint's own: a file, or its name in the models folder. Empty: the checkpoint's own."),
    row(Model, Unsample, "textEncoder", "Text encoder", text("", TextMode::OpenFile),
        "Text encoder to use instead of the checkpoint's own, for instance if the checkpoint contains only a UNet: a text encoder file, or a checkpoint or diffusers folder that contains one. SDXL needs two: one file or folder with both, or two separated by a semicolon. Empty: the checkpoint's own."),
    row(Model, Nothing, "modelStatus", "Model status", text("", TextMode::ReadOut),
        "What the chosen files are, and whether they fit together."),
    row(Model, Encode, "device", "Device", choice(DEVICES),
        "What the networks run on. auto: an NVIDIA graphics card if the bundle contains the CUDA engine and both can be used, otherwise the processor. cpu: the processor. cuda: the card, and an error if it cannot be used."),
    row(Model, Unsample, "precision", "Precision", choice(PRECISIONS),
        "Number format of the UNet, the motion module and the ControlNets. auto: f16 on a graphics card, f32 on the processor. On the processor f16 is slow and bf16 is not available."),
    row(Model, Unsample, LORAS[0].file, "LoRA 1", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[0].weight, "LoRA weight 1", LORA_RANGE, LORA_WEIGHT)),
    row(Model, Unsample, LORAS[1].file, "LoRA 2", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[1].weight, "LoRA weight 2", LORA_RANGE, LORA_WEIGHT)),
    row(Model, Unsample, LORAS[2].file, "LoRA 3", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[2].weight, "LoRA weight 3", LORA_RANGE, LORA_WEIGHT)),
    row(Model, Unsample, LORAS[3].file, "LoRA 4", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[3].weight, "LoRA weight 4", LORA_RANGE, LORA_WEIGHT)),

    keyed(row(Style, Resample, "prompt", "Prompt", text("a watercolour painting", TextMode::MultiLine),
        "What the shot should become. (word:1.3) changes the weight of a word. Lines such as `24: a pencil sketch` set the prompt at a frame, counted from the clip's first frame as 1; in between the prompts are blended. docs/prompts.md describes the syntax.")),
    keyed(row(Style, Resample, "negativePrompt", "Negative prompt", text("", TextMode::MultiLine),
        "What the shot should not become. Has no effect where CFG is 1. Schedules are written as in Prompt. In any prompt, embedding:name uses a textual inversion embedding from the models folder.")),
    keyed(row(Style, Resample, "promptB", "Prompt B", text("", TextMode::MultiLine),
        "A second prompt, which Prompt mix blends in. Schedules are written as in Prompt.")),
    keyed(row(Style, Resample, "promptMix", "Prompt mix", double(0.0, (0.0, 1.0), (0.0, 1.0)),
        "Blends the meanings of the two prompts. 0: Prompt, 1: Prompt B.")),
    keyed(row(Style, Resample, "cfg", "CFG", double(1.5, (0.0, 100.0), (1.0, 12.0)),
        "How strongly the result follows the prompt in the resampling pass. Low values preserve more of the shot. 1: no guidance, which takes half the time and ignores Negative prompt.")),
    row(Style, Unsample, "steps", "Steps", int(16, (1, 1000), (1, 50)),
        "Number of steps of the resampling pass, and of the unsampling pass unless Unsampling steps is set."),
    row(Style, Resample, "sampler", "Sampler", choice_of("dpmpp_2m", SAMPLERS),
        "Solver of the resampling pass. dpmpp_2m reproduces the source best for its cost; heun takes twice as long per step. dpmpp_2m_sde and euler_ancestral add random noise in every step, which makes the result flicker."),
    row(Style, Unsample, "scheduler", "Scheduler", choice(SCHEDULERS),
        "How the noise levels are spaced, in both passes unless Unsampling scheduler is set. ays: Align Your Steps."),
    row(Style, Unsample, "denoise", "Denoise", double(1.0, (0.0, 1.0), (0.0, 1.0)),
        "How far the clip is turned into noise. 1: all the way, 0: not at all, so that nothing is restyled. Lower values stay closer to the source. With ays, lower values take fewer steps; the other schedulers spread all steps over the remaining noise levels."),
    row(Style, Resample, "seed", "Seed", int(0, (0, i32::MAX), (0, 9999)),
        "Seed of the random noise that the samplers dpmpp_2m_sde and euler_ancestral add. Has no effect with the others."),
    row(Style, Unsample, "clipSkip", "CLIP skip", int(0, (0, 12), (0, 4)),
        "Which layer of the text encoder is used. 1: the last, 2: the second to last, and so on. 0: the one that the model was trained with, which is the last for Stable Diffusion 1.5 and the second to last for SDXL."),

    row(Unsampling, Unsample, "unsamplePromptMode", "Unsampling prompt", choice(PROMPT_MODES),
        "Prompt of the unsampling pass. blank: an empty prompt. same: the prompts of the resampling pass. own: Own prompt and Own negative prompt."),
    keyed(row(Unsampling, Unsample, "unsamplePrompt", "Own prompt", text("a photo", TextMode::MultiLine),
        "A description of the source. Used if Unsampling prompt is own. Schedules are written as in Prompt.")),
    keyed(row(Unsampling, Unsample, "unsampleNegativePrompt", "Own negative prompt", text("", TextMode::MultiLine),
        "Negative prompt of the unsampling pass. Used if Unsampling prompt is own and Unsampling CFG is not 1. Schedules are written as in Prompt.")),
    keyed(row(Unsampling, Unsample, "unsampleCfg", "Unsampling CFG", double(1.0, (0.0, 100.0), (1.0, 12.0)),
        "CFG of the unsampling pass. Has an effect only if Unsampling prompt is same or own. Higher values keep the result closer to the source. 1: no guidance, which takes half the time.")),
    row(Unsampling, Unsample, "unsampleSteps", "Unsampling steps", int(0, (0, 1000), (0, 50)),
        "Number of steps of the unsampling pass. 0: the same as Steps."),
    row(Unsampling, Unsample, "unsampleSampler", "Unsampling sampler", choice_of("dpmpp_2m", UNSAMPLERS),
        "Solver of the unsampling pass. The source is reproduced best if both passes use the same sampler."),
    row(Unsampling, Unsample, "unsampleScheduler", "Unsampling scheduler", choice(UNSAMPLE_SCHEDULERS),
        "How the noise levels of the unsampling pass are spaced. same: as set in Scheduler."),

    row(Motion, Unsample, "betaSchedule", "Beta schedule", choice(BETAS),
        "Noise schedule of the model. auto: the one that goes with the motion module. linear: the checkpoint's own, sqrt_linear: AnimateDiff's, linear_sdxl: AnimateDiff-SDXL's."),
    row(Motion, Unsample, "contextLength", "Context length", int(0, (0, 128), (0, 32)),
        "Number of frames that the motion module sees at once (a context window). 0: the number that it was made for."),
    row(Motion, Unsample, "contextOverlap", "Context overlap", int(4, (0, 127), (0, 16)),
        "Number of frames that neighbouring context windows share, at most Context length less 1. Overlap hides the transition from one window to the next. Has no effect with the schedule batched."),
    row(Motion, Unsample, "contextStride", "Context stride", int(1, (1, 16), (1, 4)),
        "For the uniform schedules: also use windows of frames that are further apart. 1: only neighbouring frames; 2: also every 2nd frame; 3: also every 4th, and so on."),
    row(Motion, Unsample, "contextSchedule", "Context schedule", choice(CONTEXT_SCHEDULES),
        "How context windows are placed over a segment. standard_static: the same in every step. standard_uniform: shifted in every step, so that transitions do not stay in place. looped_uniform: like standard_uniform, but wrapping from the last frame to the first, for clips that loop. batched: without overlap."),
    row(Motion, Unsample, "contextClosed", "Closed loop", ParamType::Bool { default: false },
        "For the schedule looped_uniform: also use the window that joins the end of the segment to its beginning."),
    row(Motion, Unsample, "contextFuse", "Context fuse", choice(FUSES),
        "How overlapping windows are merged. pyramid and relative: frames near the middle of a window have more weight. flat: all have the same weight. overlap-linear: one window fades into the next."),
    keyed(row(Motion, Unsample, "motionScale", "Motion scale", double(1.0, (0.0, 10.0), (0.0, 2.0)),
        "Strength of the motion module's attention between frames. Above 1: more motion, below 1: less.")),
    row(Motion, Unsample, "motionEffect", "Motion effect", double(1.0, (0.0, 1.0), (0.0, 1.0)),
        "How much the motion module contributes. 1: fully, 0: not at all."),

    row(ControlNet, Resample, CONTROLS[0].model, "ControlNet 1", text("", TextMode::OpenFile), CONTROL_MODEL),
    row(ControlNet, Resample, CONTROLS[0].preprocessor, "Preprocessor 1", choice(PREPROCESSORS), CONTROL_PREPROCESSOR),
    row(ControlNet, Resample, CONTROLS[0].frames, "Frames 1", text("", TextMode::SingleLine), CONTROL_FRAMES),
    keyed(row(ControlNet, Resample, CONTROLS[0].weight, "Weight 1", double(1.0, (0.0, 10.0), (0.0, 2.0)), CONTROL_WEIGHT)),
    row(ControlNet, Resample, CONTROLS[0].start, "Start 1", double(0.0, (0.0, 1.0), (0.0, 1.0)), CONTROL_START),
    row(ControlNet, Resample, CONTROLS[0].end, "End 1", double(1.0, (0.0, 1.0), (0.0, 1.0)), CONTROL_END),
    row(ControlNet, Unsample, CONTROLS[0].apply, "Apply 1", choice(APPLIES), CONTROL_APPLY),
    row(ControlNet, Resample, CONTROLS[1].model, "ControlNet 2", text("", TextMode::OpenFile), CONTROL_MODEL),
    row(ControlNet, Resample, CONTROLS[1].preprocessor, "Preprocessor 2", choice(PREPROCESSORS), CONTROL_PREPROCESSOR),
    row(ControlNet, Resample, CONTROLS[1].frames, "Frames 2", text("", TextMode::SingleLine), CONTROL_FRAMES),
    keyed(row(ControlNet, Resample, CONTROLS[1].weight, "Weight 2", double(1.0, (0.0, 10.0), (0.0, 2.0)), CONTROL_WEIGHT)),
    row(ControlNet, Resample, CONTROLS[1].start, "Start 2", double(0.0, (0.0, 1.0), (0.0, 1.0)), CONTROL_START),
    row(ControlNet, Resample, CONTROLS[1].end, "End 2", double(1.0, (0.0, 1.0), (0.0, 1.0)), CONTROL_END),
    row(ControlNet, Unsample, CONTROLS[1].apply, "Apply 2", choice(APPLIES), CONTROL_APPLY),
    row(ControlNet, Resample, CONTROLS[2].model, "ControlNet 3", text("", TextMode::OpenFile), CONTROL_MODEL),
    row(ControlNet, Resample, CONTROLS[2].preprocessor, "Preprocessor 3", choice(PREPROCESSORS), CONTROL_PREPROCESSOR),
    row(ControlNet, Resample, CONTROLS[2].frames, "Frames 3", text("", TextMode::SingleLine), CONTROL_FRAMES),
    keyed(row(ControlNet, Resample, CONTROLS[2].weight, "Weight 3", double(1.0, (0.0, 10.0), (0.0, 2.0)), CONTROL_WEIGHT)),
    row(ControlNet, Resample, CONTROLS[2].start, "Start 3", double(0.0, (0.0, 1.0), (0.0, 1.0)), CONTROL_START),
    row(ControlNet, Resample, CONTROLS[2].end, "End 3", double(1.0, (0.0, 1.0), (0.0, 1.0)), CONTROL_END),
    row(ControlNet, Unsample, CONTROLS[2].apply, "Apply 3", choice(APPLIES), CONTROL_APPLY),

    row(Picture, Encode, "workingSize", "Working size", int(256, (0, 4096), (0, 1024)),
        "Length in pixels of the short side of the picture that the model works on. 0: the size of the source. Use 256 with the built-in model, 512 with Stable Diffusion 1.5 and Hotshot-XL."),
    row(Picture, Encode, "fit", "Fit", choice(FITS),
        "How the sides of the picture are made multiples of 8 pixels. pad: edges are repeated to the right and at the bottom, and cut off again. crop: only the centre is restyled; the border keeps the source. stretch: the aspect ratio is changed slightly, and changed back."),
    row(Picture, Encode, "inputColour", "Input colour", choice(COLOURS),
        "Transfer curve of the clip. auto: that of the colour space that the host reports; without one, linear for float pictures in Natron, otherwise display. display: values are used as they are. With pq and hlg, white is 203 cd/m2, and highlights above it are restored where the result is bright."),
    row(Picture, Encode, "inputPrimaries", "Input primaries", choice(PRIMARIES),
        "Gamut of the clip. auto: if Input colour is auto, that of the colour space that the host reports, or rec709 without one; otherwise acescg for acescct, davinci_wide_gamut for davinci_intermediate, rec2020 for pq and hlg, and rec709 for the rest."),
    row(Picture, Encode, "frameStep", "Frame step", int(1, (1, 64), (1, 8)),
        "Restyle every n-th frame only, and hold it until the next one. 1: every frame; 2: animation on twos."),
    row(Picture, Encode, "segmentFrames", "Segment frames", int(96, (0, 100_000), (0, 240)),
        "Number of frames that are processed together. Longer clips are split into segments that overlap and dissolve into each other. 0: the whole clip at once."),
    row(Picture, Encode, "cuts", "Cuts", choice(CUTS),
        "How the clip is split into shots, each of which is restyled as a clip of its own. auto: hard cuts are detected. off: the whole clip is one shot. list: as listed in Cut frames."),
    row(Picture, Encode, "cutFrames", "Cut frames", text("", TextMode::SingleLine),
        "Used if Cuts is list: the frames at which new shots begin, such as 24, 61, or the shots themselves, such as 1-23, 24-60. The clip's first frame is 1."),
    row(Picture, Steady, "steadyFrames", "Steady frames", int(8, (0, 16), (0, 8)),
        "Reduces flicker: each frame is averaged with this many frames before and after it, along the motion of the source. 0: off."),
    keyed(row(Picture, Compose, "mix", "Mix", double(1.0, (0.0, 1.0), (0.0, 1.0)),
        "Blends the source and the result. 0: the source, 1: the result.")),
    row(Picture, Resample, "view", "View", choice(VIEWS),
        "What the effect shows. result: the restyled clip. source: the unchanged clip. reconstruction: the clip unsampled and resampled with the same prompt, which shows how much of it the noise preserves. hint: the hint of the first ControlNet that is set."),

    row(Housekeeping, Compose, "bypass", "Bypass", ParamType::Bool { default: false },
        "Show the source unchanged."),
    row(Housekeeping, Nothing, "analyse", "Analyse", ParamType::Button,
        "Unsample the whole clip now and cache the result, so that rendering only has to resample."),
    row(Housekeeping, Nothing, "clearCache", "Clear cache", ParamType::Button,
        "Delete all cached results, in memory and in the cache folder."),
    row(Housekeeping, Nothing, "status", "Status", text("", TextMode::ReadOut),
        "What was done last, with any notices."),
    row(Housekeeping, Nothing, "cacheFolder", "Cache folder", text("", TextMode::Folder),
        "Folder in which results are cached, as a full path. Several machines may share it. Empty: the user's cache folder."),
    row(Housekeeping, Nothing, "cacheSize", "Cache size", int(8192, (0, 4_194_304), (0, 65_536)),
        "Maximum size of the cache folder in MiB. 0: nothing is cached on disk."),
    row(Housekeeping, Nothing, "engineIdle", "Engine idle", double(5.0, (0.0, 1440.0), (0.0, 60.0)),
        "Minutes without work after which the engine process exits and frees its memory, including that on the graphics card. 0: it keeps running."),
    row(Housekeeping, Nothing, "diagnosticsFile", "Diagnostics file", text("", TextMode::SaveFile),
        "For debugging: safetensors file to which the tensors of every stage are written. Empty: none."),
    row(Housekeeping, Unsample, "latentsFile", "Latents file", text("", TextMode::OpenFile),
        "For debugging: safetensors file with latents to use instead of computed ones. If it contains latents.source, this replaces the encoded clip; otherwise latents.unsampled replaces the noise of the unsampling pass. Empty: none."),
];

/// The row of the parameter called `name`.
pub fn find(name: &str) -> Option<&'static Param> {
    TABLE.iter().find(|p| p.name == name)
}

/// Names of the parameters that are paths of input files.
pub fn files() -> impl Iterator<Item = &'static str> {
    let opens = |p: &&Param| matches!(p.kind, ParamType::Text { mode: TextMode::OpenFile, .. });
    TABLE.iter().filter(opens).map(|p| p.name)
}

/// The table of docs/parameters.md in Markdown.
pub fn markdown() -> String {
    let mut out = String::new();
    for group in Group::ALL {
        out.push_str(&format!("\n**{}**\n\n| name | default | range or options | keyframes | reruns | what it does |\n|---|---|---|---|---|---|\n", group.label()));
        for p in TABLE.iter().filter(|p| p.group == group) {
            let (default, range) = match p.kind {
                ParamType::Int { default, range, .. } => {
                    (default.to_string(), format!("{} to {}", range.0, range.1))
                }
                ParamType::Double { default, range, .. } => {
                    (default.to_string(), format!("{} to {}", range.0, range.1))
                }
                ParamType::Bool { default } => {
                    (if default { "on" } else { "off" }.to_owned(), "on, off".to_owned())
                }
                ParamType::Choice { default, options } => (options[default].to_owned(), options.join(", ")),
                ParamType::Text { default, mode } => {
                    let what = match mode {
                        TextMode::SingleLine | TextMode::MultiLine => "text",
                        TextMode::OpenFile | TextMode::SaveFile => "file",
                        TextMode::Folder => "folder",
                        TextMode::ReadOut => "read-out",
                    };
                    (default.to_owned(), what.to_owned())
                }
                ParamType::Button => (String::new(), "button".to_owned()),
            };
            let keys = if p.animates { "yes" } else { "" };
            out.push_str(&format!(
                "| `{}` | {default} | {range} | {keys} | {} | {} |\n",
                p.name,
                p.reruns(),
                p.hint
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_ascii_and_have_hints() {
        let mut seen = HashSet::new();
        for p in TABLE {
            assert!(seen.insert(p.name), "{} twice", p.name);
            assert!(p.name.chars().all(|c| c.is_ascii_alphanumeric()), "{}", p.name);
            assert!(!p.hint.is_empty() && !p.label.is_empty());
        }
    }

    #[test]
    fn defaults_and_display_lie_in_range() {
        for p in TABLE {
            match p.kind {
                ParamType::Int { default, range, display } => {
                    assert!((range.0..=range.1).contains(&default), "{}", p.name);
                    assert!(
                        range.0 <= display.0 && display.0 < display.1 && display.1 <= range.1,
                        "{}",
                        p.name
                    );
                }
                ParamType::Double { default, range, display } => {
                    assert!((range.0..=range.1).contains(&default), "{}", p.name);
                    assert!(
                        range.0 <= display.0 && display.0 < display.1 && display.1 <= range.1,
                        "{}",
                        p.name
                    );
                }
                ParamType::Choice { default, options } => {
                    assert!(default < options.len());
                    assert!(options.iter().all(|o| o.is_ascii()));
                    assert_eq!(options.iter().collect::<HashSet<_>>().len(), options.len());
                }
                _ => {}
            }
        }
    }
}
