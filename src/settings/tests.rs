use super::*;
use crate::table::ParamType;
use frame::{Fit, InputColour, InputPrimaries};
use protocol::{Betas, ContextSchedule, Fuse, Sampler};

/// The table's defaults, except for some names, which have a text or a ramp.
struct Defaults(Vec<(&'static str, &'static str)>);

fn kind(name: &str) -> ParamType {
    table::find(name).unwrap_or_else(|| panic!("{name} is not in the table")).kind
}

impl Reader for Defaults {
    fn int(&self, name: &'static str, _: f64) -> i32 {
        let ParamType::Int { default, .. } = kind(name) else { panic!("{name} is no int") };
        default
    }
    fn double(&self, name: &'static str, time: f64) -> f64 {
        let ParamType::Double { default, .. } = kind(name) else { panic!("{name} is no double") };
        if self.0.iter().any(|o| o.0 == name) { time / 10.0 } else { default }
    }
    fn boolean(&self, name: &'static str, _: f64) -> bool {
        let ParamType::Bool { default } = kind(name) else { panic!("{name} is no bool") };
        default
    }
    fn choice(&self, name: &'static str, _: f64) -> usize {
        let ParamType::Choice { default, options } = kind(name) else { panic!("{name} is no choice") };
        self.0
            .iter()
            .find(|o| o.0 == name)
            .map_or(default, |o| options.iter().position(|n| *n == o.1).unwrap())
    }
    fn text(&self, name: &'static str, _: f64) -> String {
        let ParamType::Text { default, .. } = kind(name) else { panic!("{name} is no text") };
        self.0.iter().find(|o| o.0 == name).map_or(default, |o| o.1).to_owned()
    }
}

fn build(set: Vec<(&'static str, &'static str)>) -> Request {
    let segment = Segment { first: 2, step: 1, count: 4 };
    let source = Source::of(Vec::new());
    let numbering = Numbering::of_clip(1, 16);
    request(&Defaults(set), segment, &numbering, 0, Pictures { source, hint: None }, Goal::Result, false)
        .unwrap()
}

#[test]
fn the_table_and_the_parts_have_the_same_names() {
    assert!(table::SAMPLERS.iter().all(|n| n.parse::<Sampler>().is_ok()));
    assert_eq!(table::SAMPLERS.len(), Sampler::ALL.len());
    assert!(table::UNSAMPLERS.iter().all(|n| n.parse::<Sampler>().is_ok_and(Sampler::is_deterministic)));
    assert!(table::CONTEXT_SCHEDULES.iter().all(|n| n.parse::<ContextSchedule>().is_ok()));
    assert!(table::FUSES.iter().all(|n| n.parse::<Fuse>().is_ok()));
    assert!(table::BETAS.iter().skip(1).all(|n| n.parse::<Betas>().is_ok()));
    assert!(table::FITS.iter().all(|n| n.parse::<Fit>().is_ok()));
    let colours: Vec<&str> = InputColour::ALL.iter().map(|c| c.as_str()).collect();
    assert_eq!(table::COLOURS, colours);
    let primaries: Vec<&str> = InputPrimaries::ALL.iter().map(|p| p.as_str()).collect();
    assert_eq!(table::PRIMARIES, primaries);
    let preprocessors: Vec<&str> = Preprocessor::ALL.iter().map(|p| p.as_str()).collect();
    assert_eq!(table::PREPROCESSORS, preprocessors);
    assert!(table::DEVICES.iter().all(|n| n.parse::<DeviceChoice>().is_ok()));
    assert!(table::PRECISIONS.iter().all(|n| n.parse::<Precision>().is_ok()));
    let r = build(vec![("device", "cuda"), ("precision", "bf16")]);
    assert_eq!((r.device, r.precision), (DeviceChoice::Cuda, Precision::Bf16));
    assert_eq!(table::BETAS[0], "auto");
    assert!("auto".parse::<Betas>().is_err());
}

#[test]
fn keyframes_are_sampled_at_every_frame() {
    let r = build(vec![("cfg", ""), ("promptMix", ""), ("prompt", "a"), ("promptB", "b")]);
    assert_eq!(r.resample.cfg, [0.2, 0.3, 0.4, 0.5]);
    assert_eq!(r.unsample.cfg, [1.0; 4]);
    assert_eq!(r.resample.positive.texts, ["a", "b"]);
    assert_eq!(r.resample.positive.mix[2], [(0, 0.6), (1, 0.4)]);
}

#[test]
fn unsampling_prompt_modes() {
    let positive = |mode| {
        build(vec![("unsamplePromptMode", mode), ("prompt", "x"), ("unsamplePrompt", "y")])
            .unsample
            .positive
            .texts
    };
    assert_eq!(positive("same"), ["x"]);
    assert_eq!(positive("own"), ["y"]);
    assert_eq!(positive("blank"), [""]);
}

#[test]
fn loras_have_the_weight_of_the_first_frame() {
    let r = build(vec![("lora2File", " a "), ("lora2Weight", ""), ("lora4File", "b")]);
    let weight = |path: &str, weight| LoraUse { path: path.into(), weight };
    assert_eq!(r.models.loras, [weight("a", 0.2), weight("b", 1.0)]);
    assert!(build(vec![]).models.loras.is_empty());
}

#[test]
fn controlnets_count_from_the_first_file_and_go_to_their_passes() {
    let r = build(vec![
        ("controlNet2Model", "a"),
        ("controlNet2Apply", "both"),
        ("controlNet2Weight", ""),
        ("controlNet2Frames", "1, 3-4"),
        ("controlNet3Model", " b "),
    ]);
    assert_eq!(r.models.controls, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(r.hints, [Preprocessor::None; 2]);
    assert_eq!(r.unsample.controls.len(), 1);
    assert_eq!(r.unsample.controls[0].weight, [0.2, 0.3, 0.4, 0.5]);
    assert_eq!(r.unsample.controls[0].shown, [false, true, true, false]);
    assert_eq!(r.resample.controls[1].shown, [true; 4]);
    let units: Vec<usize> = r.resample.controls.iter().map(|control| control.unit).collect();
    assert_eq!(units, [0, 1]);
    assert!(build(vec![]).resample.controls.is_empty());
}

#[test]
fn motion_module_words() {
    let motion = |text| build(vec![("motionModule", text)]).models.motion;
    assert_eq!(motion("\"none\""), Motion::None);
    assert_eq!(motion(""), Motion::Usual);
    assert_eq!(motion(" none "), Motion::None);
    assert_eq!(motion("/m.safetensors"), Motion::File("/m.safetensors".into()));
}

#[test]
fn a_cache_folder_without_its_whole_path_is_not_used_and_that_is_said() {
    let r = build(vec![("cacheFolder", "results")]);
    assert_eq!(r.cache.folder, None);
    assert!(matches!(&r.remarks[..], [one] if one.contains("results is not a full path")), "{:?}", r.remarks);
    let whole = std::env::temp_dir();
    let r = build(vec![("cacheFolder", whole.to_str().unwrap().to_owned().leak())]);
    assert_eq!((r.cache.folder, r.remarks), (Some(whole), vec![]));
}

#[test]
fn same_scheduler_and_steps_unless_set() {
    let r = build(vec![("scheduler", "karras")]);
    assert_eq!((r.unsample.scheduler.as_str(), r.resample.scheduler.as_str()), ("karras", "karras"));
    let r = build(vec![("unsampleScheduler", "simple")]);
    assert_eq!((r.unsample.scheduler.as_str(), r.resample.scheduler.as_str()), ("simple", "ays"));
    assert_eq!(r.unsample.steps, 16);
}

/// A host that returns an invalid value for one parameter.
struct Odd(&'static str, f64);

impl Reader for Odd {
    fn int(&self, name: &'static str, time: f64) -> i32 {
        if name == self.0 { self.1 as i32 } else { Defaults(vec![]).int(name, time) }
    }
    fn double(&self, name: &'static str, time: f64) -> f64 {
        // Only from frame 4 on, as with a keyframe.
        if name == self.0 && time >= 4.0 { self.1 } else { Defaults(vec![]).double(name, time) }
    }
    fn boolean(&self, name: &'static str, time: f64) -> bool {
        Defaults(vec![]).boolean(name, time)
    }
    fn choice(&self, name: &'static str, time: f64) -> usize {
        if name == self.0 { self.1 as usize } else { Defaults(vec![]).choice(name, time) }
    }
    fn text(&self, name: &'static str, time: f64) -> String {
        Defaults(vec![]).text(name, time)
    }
}

#[test]
fn what_a_host_gives_beyond_a_parameter_is_said_with_what_counts_instead() {
    let build = |odd: Odd| {
        let segment = Segment { first: 2, step: 1, count: 4 };
        let pictures = Pictures { source: Source::of(Vec::new()), hint: None };
        request(&odd, segment, &Numbering::of_clip(1, 16), 0, pictures, Goal::Result, false).unwrap()
    };
    let not_a_number = build(Odd("cfg", f64::NAN));
    let default = Defaults(vec![]).double("cfg", 0.0);
    assert_eq!(not_a_number.resample.cfg, [default; 4]);
    assert_eq!(
        not_a_number.remarks,
        [format!(
            "the host gives cfg as NaN, which is not a finite number; the default {default} is used instead (frame 4 of the clip)"
        )]
    );
    let endless = build(Odd("motionScale", f64::INFINITY));
    assert!(
        endless.remarks[0].starts_with("the host gives motionScale as inf, which is not a finite number"),
        "{:?}",
        endless.remarks
    );
    let beyond = build(Odd("steps", 100_000.0));
    let ParamType::Int { range, .. } = kind("steps") else { panic!() };
    assert_eq!(beyond.resample.steps, range.1 as usize);
    assert!(
        beyond.remarks[0]
            .starts_with(&format!("the host gives steps as 100000, outside its range of {} to", range.0))
    );
    let none = build(Odd("sampler", 99.0));
    assert_eq!(none.resample.sampler, Sampler::Dpmpp2m);
    let options = table::SAMPLERS.len();
    assert_eq!(
        none.remarks,
        [format!(
            "the host gives sampler as option 99, counted from 0, but there are only {options}; the default dpmpp_2m is used instead"
        )]
    );
}
