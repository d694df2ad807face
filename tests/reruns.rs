//! Checks the column *reruns*: changes every parameter, in every state in which it may matter, and
//! compares the keys of the stages.

#![allow(clippy::cast_possible_truncation, reason = "tests convert small numbers")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use engine::pipeline::{Key, Keyring, Segment, Source, set_resources};
use frame::Size;
use unsample::frames::{FrameList, Numbering};
use unsample::plan::{ClipRange, shot_shares};
use unsample::settings::{Cuts, PictureSettings, Pictures, Reader, request};
use unsample::table::{self, Group, ParamType, Stage, TABLE};

/// Values as text, by name; otherwise the table's defaults.
#[derive(Clone, Default)]
struct TextValues(BTreeMap<&'static str, String>);

impl TextValues {
    fn with(&self, name: &'static str, text: &str) -> Self {
        let mut changed = self.clone();
        changed.0.insert(name, text.to_owned());
        changed
    }

    fn get(&self, name: &'static str) -> (ParamType, Option<&String>) {
        let kind = table::find(name).unwrap_or_else(|| panic!("{name} is not in the table")).kind;
        (kind, self.0.get(name))
    }
}

impl Reader for TextValues {
    fn int(&self, name: &'static str, _: f64) -> i32 {
        let (ParamType::Int { default, .. }, text) = self.get(name) else { panic!("{name} is no int") };
        text.map_or(default, |text| text.parse().unwrap())
    }
    fn double(&self, name: &'static str, _: f64) -> f64 {
        let (ParamType::Double { default, .. }, text) = self.get(name) else { panic!("{name} is no double") };
        text.map_or(default, |text| text.parse().unwrap())
    }
    fn boolean(&self, name: &'static str, _: f64) -> bool {
        let (ParamType::Bool { default }, text) = self.get(name) else { panic!("{name} is no bool") };
        text.map_or(default, |text| text.parse().unwrap())
    }
    fn choice(&self, name: &'static str, _: f64) -> usize {
        let (ParamType::Choice { default, options }, text) = self.get(name) else {
            panic!("{name} is no choice")
        };
        text.map_or(default, |text| options.iter().position(|option| option == text).unwrap())
    }
    fn text(&self, name: &'static str, _: f64) -> String {
        let (ParamType::Text { default, .. }, text) = self.get(name) else { panic!("{name} is no text") };
        text.map_or(default.to_owned(), String::clone)
    }
}

/// Everything that a frame depends on: the keys of its stages, and the settings used after them.
type StageKeys = (Vec<(&'static str, Key)>, String);

/// Frame 5 of a clip of 24 frames. The settings with which pictures are fetched replace the pictures.
fn state(keyring: &mut Keyring, values: &TextValues) -> StageKeys {
    let picture = PictureSettings::read(values, 5.0);
    let (range, numbering) = (ClipRange { first: 1, last: 24 }, Numbering::of_clip(1, 24));
    let list = FrameList::parse(&picture.cut_frames).unwrap_or_default();
    // If cuts are detected, there is one at frame 20.
    let cuts = |segment: Segment, end: i64| -> Result<Vec<i64>, ()> {
        let begins = |frame: &i64| match picture.cuts {
            Cuts::Off => false,
            Cuts::Auto => *frame == 20,
            Cuts::List => list.lists(numbering.number(*frame)),
        };
        Ok((segment.first + 1..=end).filter(begins).collect())
    };
    let shares = shot_shares(range, picture.cutting, 5, cuts).unwrap();
    let share = shares.first().unwrap();
    let look = (picture.working_size, picture.fit, picture.colour, picture.primaries);
    let digests = share.segment.frames().map(|frame| Key::of_bytes(format!("{look:?} {frame}").as_bytes()));
    let source = Source::known(Size { width: 64, height: 64 }, digests.collect());
    let pictures = Pictures { source, hint: None };
    let request =
        request(values, share.segment, &numbering, share.index, pictures, picture.view.goal(), false)
            .unwrap();
    let after = format!("{} {} {}", picture.is_identity(), picture.mix, picture.bypass);
    (keyring.keys(&request).unwrap().0, after)
}

/// The first stage of `to` whose key is not in `from`.
fn first_new(from: &StageKeys, to: &StageKeys) -> Stage {
    let new = to.0.iter().find(|(_, key)| from.0.iter().all(|(_, known)| known != key));
    match new.map(|(stage, _)| *stage) {
        Some("encode") => Stage::Encode,
        Some("unsample") => Stage::Unsample,
        Some("resample") => Stage::Resample,
        Some("decode") => Stage::Decode,
        Some("steady") => Stage::Steady,
        Some(other) => panic!("{other} is no stage of the table"),
        None if from.1 != to.1 => Stage::Compose,
        None => Stage::Nothing,
    }
}

fn models() -> PathBuf {
    testing::root().join("bundle/models")
}

/// Copies of the built-in files, with one value changed in each tensor.
struct Files {
    _folder: tempfile::TempDir,
    paths: BTreeMap<&'static str, String>,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = BTreeMap::new();
        let save = |name: &'static str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.display().to_string()
        };
        for (name, origin) in [
            ("checkpoint", "pocket.safetensors"),
            ("motion", "pocket_motion.safetensors"),
            ("control", "pocket_lines.safetensors"),
        ] {
            let mut bytes = std::fs::read(models().join(origin)).unwrap();
            let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            // The lowest bits: a negligible change, which must nevertheless be detected.
            bytes[header..].iter_mut().step_by(512).for_each(|byte| *byte ^= 1);
            paths.insert(name, save(name, &bytes));
        }
        for (name, value) in [("lora", 0.5f32), ("other lora", 0.25)] {
            paths.insert(name, save(name, &lora(value)));
        }
        let latents = tensors(&[("latents.source", vec![24, 4, 8, 8], 0.5)]);
        paths.insert("latents", save("latents", &latents));
        Self { _folder: folder, paths }
    }
}

fn tensors(list: &[(&str, Vec<usize>, f32)]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = list
        .iter()
        .map(|(_, shape, value)| {
            (0..shape.iter().product::<usize>()).flat_map(|_| value.to_le_bytes()).collect()
        })
        .collect();
    let views = list.iter().zip(&data).map(|((name, shape, _), data)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap();
        (*name, view)
    });
    safetensors::serialize(views, None).unwrap()
}

/// A LoRA for one layer of the built-in UNet.
fn lora(value: f32) -> Vec<u8> {
    let bytes = std::fs::read(models().join("pocket.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let (name, view) = file
        .iter()
        .find(|(name, _)| name.contains("diffusion_model") && name.ends_with("attn2.to_v.weight"))
        .unwrap();
    let layer =
        name.trim_end_matches(".weight").trim_start_matches("model.diffusion_model.").replace('.', "_");
    let shape = view.shape();
    tensors(&[
        (&format!("lora_unet_{layer}.lora_down.weight"), vec![1, shape[1]], value),
        (&format!("lora_unet_{layer}.lora_up.weight"), vec![shape[0], 1], value),
    ])
}

/// Values to which a parameter may be changed.
fn candidates(name: &str, kind: ParamType, files: &Files) -> Vec<String> {
    let file = |name: &str| files.paths[name].clone();
    let controls = table::CONTROLS.iter().any(|control| control.model == name);
    let loras = table::LORAS.iter().any(|lora| lora.file == name);
    match (name, kind) {
        // A GPU and bf16 are not available on every machine.
        ("device", _) => vec!["cpu".to_owned()],
        ("precision", _) => vec!["f32".to_owned(), "f16".to_owned()],
        ("checkpoint" | "vae" | "textEncoder", _) => vec![file("checkpoint")],
        ("motionModule", _) => vec![file("motion"), "none".to_owned()],
        ("latentsFile", _) => vec![file("latents")],
        ("cutFrames", _) => vec!["16".to_owned()],
        _ if controls => vec![file("control"), String::new()],
        _ if loras => vec![file("lora"), file("other lora"), String::new()],
        // The others need a network file.
        _ if name.ends_with("Preprocessor") => vec!["canny".to_owned(), "tile".to_owned()],
        _ if name.ends_with("Frames") && matches!(kind, ParamType::Text { .. }) => vec!["1-4".to_owned()],
        (_, ParamType::Int { default, range, .. }) => {
            [range.0, default + 1, 12].map(|n| n.clamp(range.0, range.1).to_string()).into()
        }
        (_, ParamType::Double { range, .. }) => {
            [0.25, 0.75].map(|x: f64| x.clamp(range.0, range.1).to_string()).into()
        }
        (_, ParamType::Bool { default }) => vec![(!default).to_string()],
        (_, ParamType::Choice { options, .. }) => options.iter().map(|&option| option.to_owned()).collect(),
        (_, ParamType::Text { .. }) => vec!["another text".to_owned()],
        (_, ParamType::Button) => Vec::new(),
    }
}

/// States in which every parameter has an effect somewhere, each with the groups of parameters to change in
/// it.
fn states(files: &Files) -> Vec<(&'static [Group], TextValues)> {
    let all = |pairs: &[(&'static str, &str)]| {
        pairs.iter().fold(TextValues::default(), |values, (name, text)| values.with(name, text))
    };
    let prompts = &[Group::Style, Group::Unsampling];
    let mut states: Vec<(&[Group], TextValues)> = vec![
        (&Group::ALL, all(&[])),
        (prompts, all(&[("unsamplePromptMode", "same"), ("unsampleCfg", "2"), ("promptMix", "0.5")])),
        (prompts, all(&[("unsamplePromptMode", "own"), ("unsampleCfg", "2"), ("promptMix", "0.5")])),
        (prompts, all(&[("sampler", "euler_ancestral"), ("promptMix", "0.5")])),
        (prompts, all(&[("unsampleSteps", "8"), ("unsampleScheduler", "karras")])),
        (&[Group::Picture], all(&[("cuts", "list"), ("cutFrames", "12")])),
        (&[Group::Model], all(&[("vae", &files.paths["checkpoint"])])),
    ];
    let loras =
        table::LORAS.iter().fold(TextValues::default(), |v, lora| v.with(lora.file, &files.paths["lora"]));
    states.push((&[Group::Model], loras));
    let lines = models().join("pocket_lines.safetensors").display().to_string();
    for apply in table::APPLIES {
        let controls = table::CONTROLS.iter().fold(TextValues::default(), |values, control| {
            values.with(control.model, &lines).with(control.apply, apply)
        });
        states.push((&[Group::ControlNet], controls));
    }
    states
}

#[test]
fn the_table_says_what_runs_again() {
    set_resources(models().parent().unwrap().to_owned());
    let files = Files::new();
    let mut keyring = Keyring::default();
    let states: Vec<(&[Group], TextValues, StageKeys)> = states(&files)
        .into_iter()
        .map(|(groups, values)| {
            let known = state(&mut keyring, &values);
            (groups, values, known)
        })
        .collect();
    let mut wrong = Vec::new();
    for param in TABLE.iter().filter(|param| param.name != "device") {
        let mut found = BTreeSet::new();
        for (_, values, before) in states.iter().filter(|(groups, ..)| groups.contains(&param.group)) {
            let changed = candidates(param.name, param.kind, &files)
                .into_iter()
                .map(|text| first_new(before, &state(&mut keyring, &values.with(param.name, &text))));
            // The earliest stage that a change in this state can rerun.
            found.extend(changed.max());
        }
        if found.len() > 1 {
            found.remove(&Stage::Nothing);
        }
        if found.is_empty() {
            found.insert(Stage::Nothing);
        }
        let says: BTreeSet<Stage> =
            [param.stage].into_iter().chain(param.otherwise().map(|(stage, _)| stage)).collect();
        if found != says {
            wrong.push(format!("{}: the table says {says:?}, the keys {found:?}", param.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // On a GPU, rounding differs from the first stage on; this cannot be tested on every machine.
    assert_eq!(table::find("device").unwrap().stage, Stage::Encode);
}

#[test]
fn the_default_state_is_the_one_that_is_named_first() {
    set_resources(models().parent().unwrap().to_owned());
    let (files, mut keyring) = (Files::new(), Keyring::default());
    let state_of = |keyring: &mut Keyring, values: &TextValues| state(keyring, values);
    let default = TextValues::default();
    let before = state_of(&mut keyring, &default);
    for (name, text) in [
        ("prompt", "a"),
        ("steps", "9"),
        ("scheduler", "karras"),
        ("checkpoint", files.paths["checkpoint"].as_str()),
        ("controlNet1Model", "pocket_lines"),
    ] {
        let stage = first_new(&before, &state_of(&mut keyring, &default.with(name, text)));
        assert_eq!(stage, table::find(name).unwrap().stage, "{name}");
    }
}
