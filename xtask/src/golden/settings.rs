//! Maps the settings of a reference run to the plugin's parameters.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// A LoRA of a run: its file and how strongly it is added to the UNet and to the text encoders.
#[derive(Debug, PartialEq)]
pub struct RunLora {
    /// The path of the file.
    pub path: PathBuf,
    /// Its weight in the UNet.
    pub unet: f64,
    /// Its weight in the text encoders.
    pub text: f64,
}

/// The parameters of a run, as arguments for `--set` and `--key`.
#[derive(Default)]
pub struct Parameters(Vec<String>);

impl Parameters {
    /// The arguments for the command line.
    pub fn into_arguments(self) -> Vec<String> {
        self.0
    }

    /// Sets a value for the whole clip.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.extend(["--set".to_owned(), format!("{name}={value}")]);
    }

    /// Sets a value at every frame.
    fn keys(&mut self, name: &str, values: impl IntoIterator<Item = f64>) {
        for (index, value) in values.into_iter().enumerate() {
            self.0.extend(["--key".to_owned(), format!("{name}@{}={value}", index + 1)]);
        }
    }

    /// Sets a number, or a list with one number per frame; a shorter list holds its last value.
    fn numbers(&mut self, name: &str, value: &Value, frames: usize) -> Result<()> {
        match value {
            Value::Null => {}
            Value::Number(number) => self.set(name, &number.to_string()),
            value => {
                let values = list(value).with_context(|| format!("{name}: {value}"))?;
                let last = *values.last().with_context(|| format!("{name} is an empty list"))?;
                let held = values.iter().copied().chain(std::iter::repeat(last));
                self.keys(name, held.take(frames));
            }
        }
        Ok(())
    }

    /// Sets the ControlNets of a run.
    fn controls(&mut self, settings: &Value, models: &Path, frames: usize) -> Result<()> {
        let controls = settings["controlnet"].as_array().map_or(&[][..], Vec::as_slice);
        ensure!(controls.len() <= 3, "the run has {} ControlNets; the effect has 3", controls.len());
        for (index, control) in controls.iter().enumerate() {
            let files = &settings["models"]["controlnet"];
            let own = first(control, &["model", "file", "name", "controlnet"]);
            let file = own.as_str().or(files[index].as_str()).or(files.as_str());
            let path = models.join(file.context("the run names no ControlNet file")?);
            let name = |part: &str| format!("controlNet{}{part}", index + 1);
            self.set(&name("Model"), &path.display().to_string());
            let strength = first(control, &["strength", "weight"]);
            let strength = strength.as_f64().context("a ControlNet without strength")?;
            match &control["frame_strengths"] {
                Value::Null => self.set(&name("Weight"), &strength.to_string()),
                by_frame => {
                    let values = list(by_frame).with_context(|| format!("frame_strengths: {by_frame}"))?;
                    // The ControlNet is off at frames that the list does not reach.
                    let filled = values.iter().copied().chain(std::iter::repeat(0.0));
                    self.keys(&name("Weight"), filled.take(frames).map(|w| w * strength));
                }
            }
            for (part, keys) in [("Start", ["start", "start_percent"]), ("End", ["end", "end_percent"])] {
                if let Some(share) = first(control, &keys).as_f64() {
                    self.set(&name(part), &share.to_string());
                }
            }
            self.set(&name("Apply"), control["apply"].as_str().context("a ControlNet without passes")?);
            ensure!(control["soft_weight"].is_null(), "the effect has no soft weights");
        }
        Ok(())
    }

    /// Sets the context windows of a run.
    fn windows(&mut self, settings: &Value) {
        let context = &settings["context"];
        if context.is_null() {
            // The reference then processes all frames at once.
            self.set("contextLength", &settings["frames"].to_string());
            return;
        }
        let numbers =
            [("contextLength", "length"), ("contextOverlap", "overlap"), ("contextStride", "stride")];
        for (name, key) in numbers {
            if context[key].is_number() {
                self.set(name, &context[key].to_string());
            }
        }
        self.set("contextSchedule", &text(&context["schedule"]));
        if let Some(fuse) = context["fuse"].as_str() {
            self.set("contextFuse", fuse);
        }
        self.set("contextClosed", &context["closed_loop"].as_bool().unwrap_or(false).to_string());
    }

    /// Sets solvers, schedules and guidance of both passes.
    fn passes(&mut self, settings: &Value, frames: usize) -> Result<()> {
        let (up, down) = (&settings["unsample"], &settings["resample"]);
        for (pass, names) in [
            (down, ["cfg", "steps", "sampler", "scheduler"]),
            (up, ["unsampleCfg", "unsampleSteps", "unsampleSampler", "unsampleScheduler"]),
        ] {
            self.numbers(names[0], &pass["cfg"], frames)?;
            self.set(names[1], &pass["steps"].to_string());
            self.set(names[2], &text(&pass["sampler"]));
            let scheduler = text(&pass["scheduler"]);
            let aligned = ["ays", "alignyoursteps", "align_your_steps"];
            let aligned = aligned.contains(&scheduler.to_lowercase().as_str());
            self.set(names[3], if aligned { "ays" } else { &scheduler });
        }
        ensure!(
            up["denoise"] == down["denoise"],
            "the passes have different denoise values; the effect has one"
        );
        if down["denoise"].is_number() {
            self.set("denoise", &down["denoise"].to_string());
        }
        Ok(())
    }
}

/// The first of several spellings that a run contains.
fn first<'a>(value: &'a Value, keys: &[&str]) -> &'a Value {
    keys.iter().map(|key| &value[*key]).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A list of numbers; `None` if `value` is something else.
fn list(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

/// The LoRAs of a run.
///
///
/// An entry names its file, or the run's `models` do, and has one strength or one for each part of the model.
pub fn loras(settings: &Value, models: &Path) -> Result<Vec<RunLora>> {
    let entries = match &settings["lora"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries.as_slice(),
        one => std::slice::from_ref(one),
    };
    let files = &settings["models"]["lora"];
    let read = |(index, entry): (usize, &Value)| {
        let own = match entry {
            Value::String(name) => Some(name.as_str()),
            entry => {
                first(entry, &["file", "lora", "lora_name", "name", "model"]).as_str().or(entry[0].as_str())
            }
        };
        let file = own.or(files[index].as_str()).or(files.as_str());
        let file = file.with_context(|| format!("the LoRA {entry} names no file"))?;
        let both = first(entry, &["strength", "weight"]).as_f64().or(entry[1].as_f64()).or(entry.as_f64());
        let unet = first(entry, &["strength_model", "model_strength", "model"]).as_f64();
        let unet = unet.or(both).unwrap_or(1.0);
        let text = first(entry, &["strength_clip", "clip_strength", "clip"]).as_f64();
        let text = text.or(entry[2].as_f64()).or(both).unwrap_or(unet);
        Ok(RunLora { path: models.join(file), unet, text })
    };
    entries.iter().enumerate().map(read).collect()
}

/// The plugin's parameters for a run's settings, except the LoRAs.
pub fn parameters(settings: &Value, models: &Path) -> Result<Parameters> {
    let mut parameters = Parameters::default();
    let frames = usize::try_from(settings["frames"].as_u64().unwrap_or(0))?;
    parameters.controls(settings, models, frames)?;
    let motion = &settings["motion"];
    for (name, key) in [("motionScale", "scale"), ("motionEffect", "effect")] {
        parameters.numbers(name, &motion[key], frames)?;
    }
    let always =
        motion["start"].as_f64().unwrap_or(0.0) <= 0.0 && motion["end"].as_f64().unwrap_or(1.0) >= 1.0;
    ensure!(always, "the motion module acts on a part of the noise levels, which the effect does not have");
    parameters.passes(settings, frames)?;
    parameters.windows(settings);

    let mut add = |name: &str, value: &str| parameters.set(name, value);
    let file = |v: &Value| v.as_str().map(|name| models.join(name).display().to_string());
    add("checkpoint", &file(&settings["models"]["checkpoint"]).context("the run names no checkpoint")?);
    add("motionModule", &file(&settings["models"]["motion"]).unwrap_or_else(|| "none".to_owned()));
    if let Some(vae) = file(&settings["models"]["vae"]) {
        add("vae", &vae);
    }
    let prompts = &settings["prompts"];
    add("prompt", &text(&prompts["positive"]));
    add("negativePrompt", &text(&prompts["negative"]));
    add("unsamplePromptMode", "own");
    add("unsamplePrompt", &text(&prompts["unsample_positive"]));
    add("unsampleNegativePrompt", &text(&prompts["unsample_negative"]));
    let betas = match settings["beta_schedule"].as_str() {
        Some("autoselect") | None => "auto",
        Some("sqrt_linear (AnimateDiff)") => "sqrt_linear",
        Some("linear (AnimateDiff-SDXL)") => "linear_sdxl",
        Some("linear (HotshotXL/default)" | "use existing") => "linear",
        Some(other) => bail!("the beta schedule {other:?} is not one of the effect's"),
    };
    add("betaSchedule", betas);
    add("clipSkip", &settings["clip_skip"].as_i64().unwrap_or(0).abs().to_string());
    if settings["seed"].is_number() {
        add("seed", &settings["seed"].to_string());
    }
    add("workingSize", "0");
    add("segmentFrames", "0");
    add("inputColour", "display");
    add("cacheSize", "0");
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run() -> Value {
        json!({
            "models": {"checkpoint": "base", "controlnet": "control"},
            "frames": 3,
            "prompts": {"positive": "a fox"},
            "unsample": {"steps": 2, "cfg": 1.0, "sampler": "euler", "scheduler": "AYS", "denoise": 1.0},
            "resample": {"steps": 2, "cfg": [3.0, 2.0], "sampler": "heun", "scheduler": "beta", "denoise": 1.0},
            "motion": null,
            "context": null,
        })
    }

    fn arguments(settings: &Value) -> Vec<String> {
        parameters(settings, Path::new("models")).unwrap().into_arguments()
    }

    #[test]
    fn numbers_hold_their_last_value_and_control_strengths_end() {
        let mut run = run();
        run["controlnet"] = json!([
            {"strength": 0.5, "start": 0.0, "end": 0.8, "apply": "both", "frame_strengths": [1.0, 0.5]}
        ]);
        let arguments = arguments(&run);
        for expected in [
            "cfg@1=3",
            "cfg@2=2",
            "cfg@3=2",
            "controlNet1Weight@1=0.5",
            "controlNet1Weight@2=0.25",
            "controlNet1Weight@3=0",
            "controlNet1End=0.8",
            "controlNet1Apply=both",
            "contextLength=3",
            "motionModule=none",
            "unsampleScheduler=ays",
            "scheduler=beta",
            "controlNet1Model=models/control",
        ] {
            assert!(arguments.iter().any(|a| a == expected), "{expected} is not among {arguments:?}");
        }
    }

    #[test]
    fn what_the_effect_has_not_is_refused() {
        let mut other = run();
        other["beta_schedule"] = json!("lcm");
        assert!(parameters(&other, Path::new("")).is_err());
        let mut other = run();
        other["motion"] = json!({"start": 0.2, "end": 1.0});
        assert!(parameters(&other, Path::new("")).is_err());
        let mut other = run();
        other["unsample"]["denoise"] = json!(0.5);
        assert!(parameters(&other, Path::new("")).is_err());
    }

    #[test]
    fn loras_are_read_in_every_spelling() {
        let all =
            |lora: Value| loras(&json!({"models": {"lora": "l"}, "lora": lora}), Path::new("m")).unwrap();
        let one = |file: &str, unet, text| vec![RunLora { path: Path::new("m").join(file), unet, text }];
        assert_eq!(all(Value::Null), vec![]);
        assert_eq!(all(json!([])), vec![]);
        assert_eq!(all(json!([{"strength": 0.8}])), one("l", 0.8, 0.8));
        assert_eq!(
            all(json!([{"file": "a", "strength_model": 0.8, "strength_clip": 0.0}])),
            one("a", 0.8, 0.0)
        );
        assert_eq!(all(json!([{"name": "a", "model": 0.8, "clip": 0.5}])), one("a", 0.8, 0.5));
        assert_eq!(all(json!([["a", 0.8]])), one("a", 0.8, 0.8));
        assert_eq!(all(json!([["a", 0.8, 0.5]])), one("a", 0.8, 0.5));
        assert_eq!(all(json!("a")), one("a", 1.0, 1.0));
        assert!(loras(&json!({"lora": [{"strength": 1.0}]}), Path::new("")).is_err());
    }
}
