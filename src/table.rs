//! The parameters: one table, from which they are defined, read, and listed in the README.
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
        "Stable Diffusion 1.5 or SDXL checkpoint: a file, or its name in the models folder. Empty: the built-in model."),
    row(Model, Unsample, "motionModule", "Motion module", text("", TextMode::OpenFile),
        "AnimateDiff or, for SDXL, Hotshot-XL or AnimateDiff-SDXL motion module (.safetensors). Empty: the checkpoint's usual partner, if the models folder has it; modelStatus names it. The word none: every frame on its own."),
    row(Model, Encode, "vae", "VAE", text("", TextMode::OpenFile),
        "Autoencoder to use in place of the checkpoint's own."),
    row(Model, Unsample, "textEncoder", "Text encoder", text("", TextMode::OpenFile),
        "Text encoder to use in place of the checkpoint's own, for instance for a UNet file: a text encoder's file, or a checkpoint or diffusers folder to take it from. SDXL needs two: one file or folder with both, or two separated by a semicolon."),
    row(Model, Nothing, "modelStatus", "Models", text("", TextMode::ReadOut),
        "What the chosen files are, and how they go together."),
    row(Model, Encode, "device", "Device", choice(DEVICES),
        "What the networks run on. auto: an NVIDIA card where the bundle has an engine for it and both can be used, else the processor. cuda: the card, or nothing."),
    row(Model, Unsample, "precision", "Precision", choice(PRECISIONS),
        "Number format of UNet, motion module and ControlNets. auto: f16 on a card, f32 on the processor. The processor computes in f16 too, slowly, and not in bf16."),
    row(Model, Unsample, LORAS[0].file, "LoRA 1", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[0].weight, "LoRA weight 1", LORA_RANGE, LORA_WEIGHT)),
    row(Model, Unsample, LORAS[1].file, "LoRA 2", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[1].weight, "LoRA weight 2", LORA_RANGE, LORA_WEIGHT)),
    row(Model, Unsample, LORAS[2].file, "LoRA 3", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[2].weight, "LoRA weight 3", LORA_RANGE, LORA_WEIGHT)),
    row(Model, Unsample, LORAS[3].file, "LoRA 4", text("", TextMode::OpenFile), LORA_FILE),
    keyed(row(Model, Unsample, LORAS[3].weight, "LoRA weight 4", LORA_RANGE, LORA_WEIGHT)),

    keyed(row(Style, Resample, "prompt", "Prompt", text("a watercolour painting", TextMode::MultiLine),
        "What the shot should become. (word:1.3) weighs a word. Lines such as `24: a pencil sketch` start that prompt at frame 24, counted from the clip's first frame as 1; in between the prompts are blended. docs/prompts.md has the grammar.")),
    keyed(row(Style, Resample, "negativePrompt", "Negative prompt", text("", TextMode::MultiLine),
        "What it should not become; has an effect where CFG is not 1. Takes schedules as Prompt does. In every prompt embedding:name is a textual inversion embedding of the models folder.")),
    keyed(row(Style, Resample, "promptB", "Prompt B", text("", TextMode::MultiLine),
        "A second prompt to blend to with Prompt mix. Takes schedules as Prompt does.")),
    keyed(row(Style, Resample, "promptMix", "Prompt mix", double(0.0, (0.0, 1.0), (0.0, 1.0)),
        "0: Prompt, 1: Prompt B, in between a blend of their meanings.")),
    keyed(row(Style, Resample, "cfg", "CFG", double(1.5, (0.0, 100.0), (1.0, 12.0)),
        "How strongly the prompt pulls while resampling. Fairly low values keep the shot; 1 takes half the time.")),
    row(Style, Unsample, "steps", "Steps", int(16, (1, 1000), (1, 50)),
        "Steps of a sampling pass."),
    row(Style, Resample, "sampler", "Sampler", choice_of("dpmpp_2m", SAMPLERS),
        "Solver of the resampling pass. dpmpp_2m comes closest to the source in the same time; the last two draw noise, which costs steadiness."),
    row(Style, Unsample, "scheduler", "Scheduler", choice(SCHEDULERS),
        "How the noise levels are spaced; ays is Align Your Steps."),
    row(Style, Unsample, "denoise", "Denoise", double(1.0, (0.0, 1.0), (0.0, 1.0)),
        "How far up the noise levels the clip is taken. Lower values stay nearer to the source. ays then takes fewer steps, the other schedulers spread all of them over what is left."),
    row(Style, Resample, "seed", "Seed", int(0, (0, i32::MAX), (0, 9999)),
        "Seed of the samplers that draw noise; without effect on the others."),
    row(Style, Unsample, "clipSkip", "CLIP skip", int(0, (0, 12), (0, 4)),
        "Which layer of the text encoder is taken: 1 the last, 2 the last but one. 0: what the model was trained with, the last for Stable Diffusion 1.5, the last but one for SDXL."),

    row(Unsampling, Unsample, "unsamplePromptMode", "Unsampling prompt", choice(PROMPT_MODES),
        "Prompt of the unsampling pass: none, the style's, or the one below."),
    keyed(row(Unsampling, Unsample, "unsamplePrompt", "Own prompt", text("a photo", TextMode::MultiLine),
        "Describes the source; used with the mode own. Takes schedules as Prompt does.")),
    keyed(row(Unsampling, Unsample, "unsampleNegativePrompt", "Own negative prompt", text("", TextMode::MultiLine),
        "Negative prompt of the unsampling pass in the mode own. Takes schedules as Prompt does.")),
    keyed(row(Unsampling, Unsample, "unsampleCfg", "Unsampling CFG", double(1.0, (0.0, 100.0), (1.0, 12.0)),
        "CFG of the unsampling pass, with Unsampling prompt same or own. Higher values keep the result closer to the source.")),
    row(Unsampling, Unsample, "unsampleSteps", "Unsampling steps", int(0, (0, 1000), (0, 50)),
        "Steps of the unsampling pass; 0: as many as Steps."),
    row(Unsampling, Unsample, "unsampleSampler", "Unsampling sampler", choice_of("dpmpp_2m", UNSAMPLERS),
        "Solver of the unsampling pass. It gives the same clip back best with the sampler above."),
    row(Unsampling, Unsample, "unsampleScheduler", "Unsampling scheduler", choice(UNSAMPLE_SCHEDULERS),
        "Noise levels of the unsampling pass."),

    row(Motion, Unsample, "betaSchedule", "Beta schedule", choice(BETAS),
        "Noise schedule; auto follows the motion module. linear: the checkpoint's own, sqrt_linear: AnimateDiff's, linear_sdxl: AnimateDiff-SDXL's."),
    row(Motion, Unsample, "contextLength", "Context length", int(0, (0, 128), (0, 32)),
        "Frames the motion module sees at once; 0: what the module was made for."),
    row(Motion, Unsample, "contextOverlap", "Context overlap", int(4, (0, 127), (0, 16)),
        "Frames that neighbouring windows share."),
    row(Motion, Unsample, "contextStride", "Context stride", int(1, (1, 16), (1, 4)),
        "How many distances of frames within a window the uniform schedules use. 1: neighbouring frames; 2: also every 2nd frame; 3: also every 4th, and so on."),
    row(Motion, Unsample, "contextSchedule", "Context schedule", choice(CONTEXT_SCHEDULES),
        "How windows are laid over a segment."),
    row(Motion, Unsample, "contextClosed", "Closed loop", ParamType::Bool { default: false },
        "Also lay the window that joins the segment's end to its beginning, for the schedule looped_uniform."),
    row(Motion, Unsample, "contextFuse", "Context fuse", choice(FUSES),
        "How overlapping windows are merged."),
    keyed(row(Motion, Unsample, "motionScale", "Motion scale", double(1.0, (0.0, 10.0), (0.0, 2.0)),
        "Scales the motion module's attention: above 1 more motion, below 1 less.")),
    row(Motion, Unsample, "motionEffect", "Motion effect", double(1.0, (0.0, 1.0), (0.0, 1.0)),
        "Blends the motion module in; 0 leaves it out."),

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
        "Short side of the picture that the model works on, in pixels; 0: the source's own size. 256 suits the built-in model, 512 Stable Diffusion 1.5 and Hotshot-XL."),
    row(Picture, Encode, "fit", "Fit", choice(FITS),
        "How the picture is brought to multiples of 8 pixels."),
    row(Picture, Encode, "inputColour", "Input colour", choice(COLOURS),
        "What the host's pixel values mean; auto goes by the clip's colour space and the host. pq and hlg: white is 203 cd/m2, and highlights come back where the result is bright."),
    row(Picture, Encode, "inputPrimaries", "Input primaries", choice(PRIMARIES),
        "The gamut of the pixel values; auto: the clip's colour space, or what goes with Input colour (acescct: acescg, davinci_intermediate: davinci_wide_gamut, pq and hlg: rec2020, else rec709)."),
    row(Picture, Encode, "frameStep", "Frame step", int(1, (1, 64), (1, 8)),
        "Take every n-th frame; the frames in between hold the one before them."),
    row(Picture, Encode, "segmentFrames", "Segment frames", int(96, (0, 100_000), (0, 240)),
        "Frames that are worked on together; longer clips are cut into segments that dissolve into each other. 0: the whole clip at once."),
    row(Picture, Encode, "cuts", "Cuts", choice(CUTS),
        "How the shots of a clip are told apart, so that none takes anything from another: auto finds hard cuts; off takes the clip as one shot; list goes by Cut frames."),
    row(Picture, Encode, "cutFrames", "Cut frames", text("", TextMode::SingleLine),
        "The frames with which shots begin, such as 24, 61, or the shots themselves, such as 1-23, 24-60, counted from the clip's first frame as 1; used with the option list of Cuts."),
    row(Picture, Steady, "steadyFrames", "Steady frames", int(8, (0, 16), (0, 8)),
        "Frames on either side that each frame is averaged with, along the motion of the source, against flicker; 0: none."),
    keyed(row(Picture, Compose, "mix", "Mix", double(1.0, (0.0, 1.0), (0.0, 1.0)),
        "0: the source, 1: the result.")),
    row(Picture, Resample, "view", "View", choice(VIEWS),
        "result; source; reconstruction: unsampled and resampled with the same prompt, which shows what the noise keeps; hint: what the first ControlNet sees."),

    row(Housekeeping, Compose, "bypass", "Bypass", ParamType::Bool { default: false },
        "Pass the source through."),
    row(Housekeeping, Nothing, "analyse", "Analyse", ParamType::Button,
        "Unsample the whole clip now, so that rendering only has to resample."),
    row(Housekeeping, Nothing, "clearCache", "Clear cache", ParamType::Button,
        "Forget every finished stage, in memory and on disk."),
    row(Housekeeping, Nothing, "status", "Status", text("", TextMode::ReadOut),
        "What was done last."),
    row(Housekeeping, Nothing, "cacheFolder", "Cache folder", text("", TextMode::Folder),
        "Where finished stages are kept, with its whole path; may be shared between machines. Empty: the user's cache folder."),
    row(Housekeeping, Nothing, "cacheSize", "Cache size", int(8192, (0, 4_194_304), (0, 65_536)),
        "Upper bound of the cache folder in MiB; 0: nothing is kept on disk."),
    row(Housekeeping, Nothing, "engineIdle", "Engine idle", double(5.0, (0.0, 1440.0), (0.0, 60.0)),
        "Minutes without work after which the engine's process ends and gives the graphics card and memory back; 0: never."),
    row(Housekeeping, Nothing, "diagnosticsFile", "Diagnostics file", text("", TextMode::SaveFile),
        "Write the tensors of every stage to this safetensors file."),
    row(Housekeeping, Unsample, "latentsFile", "Latents file", text("", TextMode::OpenFile),
        "Take latents.source from this safetensors file in place of the VAE's, or noise: latents.unsampled alone."),
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

/// The README's table in Markdown.
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
