//! Deviations of real hosts from the standard, simulated with the plugin. docs/hosts.md lists which host does
//! what.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests convert small numbers"
)]

use openfx_host as host;
use testing::plugin as support;
use testing::stage;

use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;

use openfx_sys::*;

use host::actions::{Arguments, Moment, Reply};
use host::clip::{Facts, Feed};
use host::instance::{Instance, Recipe};
use host::params::Kind;
use host::picture::{Picture, SharedPicture};
use host::props::Access::{List, Read, Write};
use host::props::PropertySet;
use host::session::{Outside, Settings};
use stage::{TURN, UNWRITTEN, largest_difference, load, recipe, render, render_into, set_up, source, whole};

fn ask(instance: &Instance, action: &'static CStr, arguments: Arguments) -> Reply {
    instance.effect.entry.call(action, &instance.effect, arguments)
}

fn frames_needed(instance: &Instance, time: f64) -> Vec<f64> {
    let arguments = Moment { time, scale: 1.0 }.frames_needed(&["Source".to_owned()]);
    let reply = ask(instance, kOfxImageEffectActionGetFramesNeeded, arguments);
    assert_eq!(reply.status, kOfxStatOK);
    reply.output.all(c"OfxImageClipPropFrameRange_Source")
}

/// Sends all query actions for a time.
fn every_question(instance: &Instance, time: f64) {
    let moment = Moment { time, scale: 0.5 };
    let nowhere = OfxRectD { x1: 0.0, y1: 0.0, x2: 0.0, y2: 0.0 };
    let region =
        ask(instance, kOfxImageEffectActionGetRegionOfDefinition, moment.region_of_definition(nowhere));
    assert_eq!(region.status, kOfxStatReplyDefault, "the region is the source's, whatever its pixel aspect");
    let interest = moment.regions_of_interest(nowhere, &["Source".to_owned()]);
    assert!(ask(instance, kOfxImageEffectActionGetRegionsOfInterest, interest).is_fine());
    let identity = ask(instance, kOfxImageEffectActionIsIdentity, moment.is_identity(whole()));
    assert_eq!(identity.status, kOfxStatReplyDefault);
    let domain = PropertySet::new();
    domain.define(kOfxImageEffectPropFrameRange, List, [0.0, 0.0]);
    let arguments = Arguments { output: Some(domain), ..Arguments::default() };
    assert!(ask(instance, kOfxImageEffectActionGetTimeDomain, arguments).is_fine());
    assert!(frames_needed(instance, time).len() <= 4);
}

#[test]
fn questions_are_answered_at_any_time_for_any_time_on_any_thread() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    for recipe in [Recipe::default(), recipe(cache.path(), &[])] {
        let instance = Instance::create(&plugin, &recipe).unwrap();
        for time in [1.0, 0.0, -1.0, 3.5, 1001.0, 1e9, -1e9] {
            every_question(&instance, time);
            std::thread::scope(|scope| scope.spawn(|| every_question(&instance, time)).join().unwrap());
        }
    }
    assert_eq!(session.complaints(), [""; 0]);
}

#[test]
fn an_instance_without_a_clip_renders_black() {
    let (_turn, _cache, plugin, session) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &Recipe::default()).unwrap();
    let (status, shown) = render(&instance, 1.0);
    assert_eq!(status, kOfxStatOK);
    assert!(shown.iter().all(|value| *value == 0.0));
    drop(instance);
    assert_eq!(session.complaints(), [""; 0]);
}

/// The test clip with these two values in its second frame.
struct Broken([f32; 2]);

impl Feed for Broken {
    fn facts(&self) -> Facts {
        stage::Clip.facts()
    }

    fn picture(&self, number: u32) -> Result<SharedPicture, String> {
        let mut values = stage::Clip.picture(number)?.to_floats();
        if number == 2 {
            (values[300], values[700]) = (self.0[0], self.0[1]);
        }
        Ok(Arc::new(Picture::float(stage::SIZE.0, stage::SIZE.1, 3, values).ok_or("no picture")?))
    }
}

#[test]
fn pixels_that_are_no_numbers_are_taken_for_black_and_white_and_told_of() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    let film = |values: [f32; 2]| {
        let mut recipe = recipe(cache.path(), &[]);
        recipe.feeds.insert("Source".to_owned(), Arc::new(Broken(values)));
        let instance = Instance::create(&plugin, &recipe).unwrap();
        [1.0, 2.0].map(|time| {
            let (status, shown) = render(&instance, time);
            assert_eq!(status, kOfxStatOK);
            shown
        })
    };
    let told = || {
        session.messages().iter().any(|m| m.text.contains("frame 2 of the source has NaN or infinite values"))
    };
    let sound = film([0.0, 65504.0]);
    assert!(!told());
    let broken = film([f32::NAN, f32::INFINITY]);
    assert!(broken.iter().flatten().all(|value| value.is_finite()));
    assert!(broken == sound);
    assert!(told(), "{:?}", session.messages().iter().map(|m| &m.text).collect::<Vec<_>>());
}

#[test]
fn changes_of_anything_are_taken() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let begin = [kOfxActionBeginInstanceChanged, kOfxActionEndInstanceChanged];
    let kinds = [kOfxTypeClip, kOfxTypeParameter, c"OfxTypeOdd", c""];
    let names = [c"Source", c"Output", c"ResolveUseAlphaForTrackCompositing", c"checkpoint", c"mix", c""];
    for reason in [kOfxChangeUserEdited, kOfxChangePluginEdited, kOfxChangeTime, c"OfxChangeOdd"] {
        for (kind, name) in kinds.iter().flat_map(|kind| names.iter().map(move |name| (kind, name))) {
            let set = PropertySet::new();
            set.define_text(kOfxPropChangeReason, Read, &[reason]);
            set.define_text(kOfxPropType, Read, &[kind]).define_text(kOfxPropName, Read, &[name]);
            let arguments = Arguments { input: Some(set), ..Arguments::default() };
            assert!(ask(&instance, kOfxActionInstanceChanged, arguments).is_fine(), "{kind:?} {name:?}");
        }
    }
    for action in begin {
        assert!(ask(&instance, action, Arguments::default()).is_fine(), "{action:?} that says nothing");
    }
    assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
    drop(instance);
    assert_eq!(session.complaints(), [""; 0]);
}

#[test]
fn a_frame_is_the_same_however_often_and_between_which_frames_it_is_asked_for() {
    let manners = Settings { outside: Outside::Hold, truncates_times: true, ..Settings::default() };
    let (_turn, cache, plugin, _) = set_up(manners);
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let (status, last) = render(&instance, 3.0);
    assert_eq!(status, kOfxStatOK);
    // The last frame is often requested repeatedly; 2.6 occurs with fields or retiming; 40 is held by the
    // host.
    for time in [3.0, 3.0, 3.0, 2.6, 3.4, 4.0, 40.0] {
        assert!(render(&instance, time).1 == last, "other pixels at {time}");
    }
    let first = render(&instance, 1.0).1;
    assert!(first != last && render(&instance, -5.0).1 == first, "before the clip");
    // The same on another instance, in another order.
    let other = tempfile::tempdir().unwrap();
    let fresh = Instance::create(&plugin, &recipe(other.path(), &[("cacheSize", "0")])).unwrap();
    assert!(render(&fresh, 40.0).1 == last && render(&fresh, 1.4).1 == first);
}

#[test]
fn outside_of_the_clip_there_is_black_where_the_host_has_nothing() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    for time in [0.0, 4.0, -1e6] {
        let (status, shown) = render(&instance, time);
        assert_eq!(status, kOfxStatOK);
        assert!(shown.iter().all(|value| *value == 0.0), "{time}");
    }
    drop(instance);
    assert_eq!(session.complaints(), [""; 0]);
}

#[test]
fn a_clip_s_range_is_believed_as_far_as_it_goes() {
    let (_turn, cache, plugin, _) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[("segmentFrames", "16")])).unwrap();
    let clip = instance.effect.clip(c"Source").unwrap();
    let needed = |first: f64, last: f64, time: f64| {
        clip.props.assign(kOfxImageEffectPropFrameRange, [first, last]);
        frames_needed(&instance, time)
    };
    assert_eq!(needed(1.0, 3.0, 2.0), [1.0, 3.0]);
    assert_eq!(needed(1.0, 3.0, 40.0), [3.0, 3.0, 40.0, 40.0], "not a block of frames that nobody has");
    assert_eq!(needed(1.0, 3.0, -40.0), [1.0, 1.0, -40.0, -40.0]);
    // An implausible range: segments lie on a grid that is the same for all of the clip's frames.
    let wide = (f64::from(i32::MIN), f64::from(i32::MAX));
    for (first, last) in [wide, (0.0, 0.0), (1.0, 1.0), (9.0, 2.0), (f64::NAN, 4.0)] {
        assert_eq!(needed(first, last, 20.0), [16.0, 31.0], "{first} to {last}");
        assert_eq!(needed(first, last, 31.0), [16.0, 31.0], "{first} to {last}");
    }
    clip.props.assign(kOfxImageEffectPropFrameRange, [0.0; 0]);
    assert_eq!(frames_needed(&instance, 20.0), [16.0, 31.0], "no range at all");
}

/// A schedule with a different prompt at each of the clip's frames, and a hint at one of them.
const NUMBERED: [(&str, &str); 4] = [
    ("prompt", "1: neon\n3: a pencil sketch"),
    ("controlNet1Model", "pocket_lines"),
    ("controlNet1Preprocessor", "canny"),
    ("controlNet1Frames", "2"),
];

/// All frames of the clip in a host whose clip starts at `first`, and the plugin's messages about them.
fn numbered(first: i32, values: &[(&str, &str)], cache: &Path) -> (Vec<Vec<f32>>, String) {
    let (plugin, session) = load(Settings { first_frame: first, ..Settings::default() });
    let instance = Instance::create(&plugin, &recipe(cache, values)).unwrap();
    let frames = (0..stage::FRAMES).map(|i| {
        let (status, shown) = render(&instance, f64::from(first) + f64::from(i));
        assert_eq!(status, kOfxStatOK);
        shown
    });
    (frames.collect(), session.messages().iter().map(|m| format!("{}\n", m.text)).collect())
}

#[test]
fn frame_numbers_in_texts_count_from_the_clip_s_first_frame() {
    let _turn = TURN.lock();
    let cache = tempfile::tempdir().unwrap();
    let (want, said) = numbered(1, &NUMBERED, cache.path());
    assert!(!said.contains("clip, whose frames") && !said.contains("does not say"), "{said}");
    for (at, text) in [(0, "neon"), (0, "a pencil sketch"), (3, "3"), (3, "")] {
        let mut values = NUMBERED;
        values[at].1 = text;
        assert!(numbered(1, &values, cache.path()).0 != want, "`{text}` makes no difference");
    }
    for first in [0, -7, 1001, 86400] {
        let (got, said) = numbered(first, &NUMBERED, cache.path());
        assert!(got == want, "from {first}: {said}");
    }
    let (_, said) = numbered(
        1001,
        &[
            ("prompt", "1001: neon\n1003: ink"),
            ("controlNet1Model", "pocket_lines"),
            ("controlNet1Frames", "1002"),
        ],
        cache.path(),
    );
    let schedule = "prompt: the schedule begins at frame 1001, which is past the end of the clip, whose frames are 1 to 3 here (its \
                    first is the host's 1001)";
    assert!(said.contains(schedule), "{said}");
    let list = "controlNet1Frames touches no frame of the clip, whose frames are 1 to 3";
    assert!(said.contains(list), "{said}");
}

#[test]
fn frame_numbers_where_the_host_does_not_say_where_the_clip_begins() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    let prompt = [("prompt", "1: neon\n3: a pencil sketch")];
    let said = |part: &str| session.messages().iter().any(|m| m.text.contains(part));
    let instance = Instance::create(&plugin, &recipe(cache.path(), &prompt)).unwrap();
    let want = render(&instance, 1.0).1;
    assert!(!said("does not say where the clip begins"));
    // A start without an end is sufficient, but is reported.
    let small = [("segmentFrames", "2"), prompt[0]];
    for (range, first) in [
        (vec![1.0, f64::from(i32::MAX)], 1),
        (vec![0.0, f64::from(i32::MAX)], 0),
        (vec![f64::from(i32::MIN), f64::from(i32::MAX)], 1),
        (vec![], 1),
    ] {
        let instance = Instance::create(&plugin, &recipe(cache.path(), &small)).unwrap();
        let clip = instance.effect.clip(c"Source").unwrap();
        clip.props.assign(kOfxImageEffectPropFrameRange, range.clone());
        assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
        let sentence = format!("so frame numbers in texts count from its frame {first} as 1");
        assert!(said(&sentence), "{range:?}: {:?}", session.messages());
    }
    assert!(render(&instance, 1.0).1 == want);
}

#[test]
fn frame_numbers_without_temporal_access_count_from_the_beginning_of_the_filter() {
    let settings = Settings { name: "MLT".into(), temporal: false, first_frame: 0, ..Settings::default() };
    let (_turn, cache, plugin, session) = set_up(settings);
    let shown = |prompt: &str, time: f64| {
        let instance = Instance::create(&plugin, &recipe(cache.path(), &[("prompt", prompt)])).unwrap();
        instance.effect.clip(c"Source").unwrap().props.assign(kOfxImageEffectPropFrameRange, [0.0; 0]);
        let (status, shown) = render(&instance, time);
        assert_eq!(status, kOfxStatOK);
        shown
    };
    let schedule = "1: neon\n3: a pencil sketch";
    assert!(shown(schedule, 0.0) == shown("neon", 0.0));
    assert!(shown(schedule, 2.0) == shown("a pencil sketch", 2.0));
    assert!(shown(schedule, 1.0) != shown("neon", 1.0));
    let told = "count from its frame 0 as 1";
    assert!(session.messages().iter().any(|m| m.text.contains(told)), "{:?}", session.messages());
}

#[test]
fn a_schedule_that_cannot_be_read_is_one_sentence_and_the_source() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    let bad = [("prompt", "1: neon\n1.5: ink")];
    let instance = Instance::create(&plugin, &recipe(cache.path(), &bad)).unwrap();
    let (status, shown) = render(&instance, 2.0);
    assert_eq!(status, kOfxStatFailed);
    assert!(largest_difference(&shown, &source(2)) < 1e-6);
    let expected = "the schedule in prompt cannot be read: line 2 `1.5: ink`: a frame is a whole number";
    assert!(session.last_error().is_some_and(|text| text.contains(expected)), "{:?}", session.messages());
}

#[test]
fn temporal_access_that_a_host_only_claims_is_found_out() {
    let settings = Settings { temporal: false, pretends_temporal: true, ..Settings::default() };
    let (_turn, cache, plugin, session) = set_up(settings);
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let (status, shown) = render(&instance, 2.0);
    assert_eq!(status, kOfxStatOK);
    let sentences = session.messages();
    assert!(sentences.iter().any(|m| m.text.contains("only the current frame")), "{sentences:?}");
    // The same as in a host that reports this correctly.
    let (plain, _) = load(Settings { temporal: false, ..Settings::default() });
    let instance = Instance::create(&plain, &recipe(cache.path(), &[])).unwrap();
    assert!(render(&instance, 2.0).1 == shown);
}

#[test]
fn only_the_window_is_written_and_what_the_source_does_not_cover_is_black() {
    let (_turn, cache, plugin, _) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[("bypass", "yes")])).unwrap();
    let bounds = OfxRectI { x1: -6, y1: -3, x2: 50, y2: 40 };
    let window = OfxRectI { x1: -2, y1: 5, x2: 47, y2: 60 };
    let (status, shown) = render_into(&instance, 2.0, bounds, window);
    assert_eq!(status, kOfxStatOK);
    let frame = source(2);
    let width = (bounds.x2 - bounds.x1) as usize;
    for (at, got) in shown.chunks_exact(4).enumerate() {
        let (x, y) = (bounds.x1 + (at % width) as i32, bounds.y2 - 1 - (at / width) as i32);
        let want = if x < window.x1 || x >= window.x2 || y < window.y1 {
            vec![UNWRITTEN; 4]
        } else if (0..40).contains(&x) && (0..32).contains(&y) {
            let from = 4 * ((31 - y) * 40 + x) as usize;
            frame[from..from + 4].to_vec()
        } else {
            vec![0.0; 4]
        };
        assert!(largest_difference(got, &want) < 1e-6, "{x}, {y}: {got:?}");
    }
}

#[test]
fn the_description_asks_for_nothing_that_a_host_may_lack() {
    let (_turn, _cache, plugin, _) = set_up(Settings::default());
    let effect = &plugin.description;
    assert_eq!(effect.props.first(kOfxImageEffectPropTemporalClipAccess), Some(1));
    assert_eq!(
        effect.props.string(kOfxImageEffectPropCudaRenderSupported),
        "false",
        "pictures in main memory"
    );
    assert_eq!(effect.props.string(kOfxImageEffectPropNoSpatialAwareness), "false");
    let source = effect.clip(c"Source").unwrap();
    assert_eq!(source.props.first(kOfxImageEffectPropTemporalClipAccess), Some(1));
    for param in effect.params.all() {
        let name = param.name();
        let known = [Kind::Integer(1), Kind::Double(1), Kind::Boolean, Kind::Choice, Kind::String];
        let furniture = [Kind::Group, Kind::PushButton];
        assert!(known.contains(&param.kind) || furniture.contains(&param.kind), "{name}: some hosts crash");
        assert_eq!(param.props.first(kOfxParamPropSecret), Some(0), "{name}: some hosts never show it again");
        if param.kind != Kind::String {
            continue;
        }
        // Text is only animated where prompt travel is intended.
        let prompt = ["prompt", "promptB", "negativePrompt", "unsamplePrompt", "unsampleNegativePrompt"];
        let animates = i32::from(prompt.contains(&name.as_str()));
        assert_eq!(param.props.first(kOfxParamPropAnimates), Some(animates), "{name}");
        let mode = param.props.string(kOfxParamPropStringMode);
        if mode.as_bytes() == kOfxParamStringIsFilePath.to_bytes() {
            let written = name == "diagnosticsFile";
            let exists = param.props.first(kOfxParamPropStringFilePathExists);
            assert_eq!(exists, Some(i32::from(!written)), "{name}");
        }
    }
}

#[test]
fn the_output_changes_with_the_frame() {
    let (_turn, cache, plugin, _) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let output = PropertySet::new();
    output.define(kOfxImageEffectFrameVarying, Write, [0]);
    let arguments = Arguments { output: Some(output), ..Arguments::default() };
    let reply = ask(&instance, kOfxImageEffectActionGetClipPreferences, arguments);
    assert_eq!(reply.status, kOfxStatOK);
    assert_eq!(reply.output.first(kOfxImageEffectFrameVarying), Some(1));
}

#[test]
fn a_load_and_an_unload_by_another_leave_an_instance_alone() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let (_, want) = render(&instance, 1.0);
    for _ in 0..2 {
        drop(load(Settings::default()));
        let (status, got) = render(&instance, 1.0);
        assert_eq!(status, kOfxStatOK);
        assert!(got == want);
    }
    drop(instance);
    assert_eq!(session.complaints(), [""; 0]);
}

/// Renders every frame with its own instance, as MLT does.
fn film(plugin: &host::plugin::Plugin, cache: &Path, values: &[(&str, &str)]) -> Vec<(OfxStatus, Vec<f32>)> {
    let frame = |time: u32| {
        let instance = Instance::create(plugin, &recipe(cache, values)).unwrap();
        render(&instance, f64::from(time))
    };
    (1..=stage::FRAMES).map(frame).collect()
}

#[test]
fn instances_of_one_frame_share_what_is_finished_and_say_things_once() {
    // The record of messages belongs to the process, and other tests use hosts of this kind, too.
    alone("child_with_an_instance_for_every_frame");
}

#[test]
#[ignore = "runs in a process of its own, see instances_of_one_frame_share_what_is_finished_and_say_things_once"]
fn child_with_an_instance_for_every_frame() {
    let settings = Settings { name: "MLT".into(), temporal: false, ..Settings::default() };
    let (_turn, cache, plugin, session) = set_up(settings);
    // The cache in memory belongs to the process and contains other tests' results, but none with this number
    // of steps.
    let first = film(&plugin, cache.path(), &[("unsampleSteps", "3")]);
    let again = film(&plugin, cache.path(), &[("unsampleSteps", "3")]);
    assert!(first == again);
    let said = |part: &str| session.messages().iter().filter(|m| m.text.contains(part)).count();
    // Each frame is its own segment here; in the second run everything was in memory.
    assert_eq!(said("unsampled computed"), stage::FRAMES as usize);
    assert_eq!(said("only the current frame"), 1);

    let broken = cache.path().join("broken.safetensors");
    std::fs::write(&broken, [7; 64]).unwrap();
    let text = broken.display().to_string();
    let complaints = |want: usize| {
        for (at, (status, shown)) in film(&plugin, cache.path(), &[("checkpoint", &text)]).iter().enumerate()
        {
            assert_eq!(*status, kOfxStatFailed);
            assert!(largest_difference(shown, &source(at as u32 + 1)) < 1e-6, "not the source");
        }
        assert_eq!(said("broken.safetensors"), want);
    };
    complaints(1);
    complaints(1);
    // Another broken file of the same name is reported again.
    std::fs::write(&broken, [7; 65]).unwrap();
    complaints(2);
}

/// Runs an ignored test of this file in a separate process, and checks that it succeeds.
fn alone(test: &str) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    let said = support::said(&output);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn loading_and_describing_start_nothing() {
    alone("child_that_loads_and_describes");
}

/// Number of threads of this process, and the files mapped into it.
#[cfg(target_os = "linux")]
fn footprint() -> (usize, std::collections::BTreeSet<String>) {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mapped = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    (threads, mapped.filter(|path| path.starts_with('/')).map(str::to_owned).collect())
}

#[test]
#[ignore = "counts the threads of its process, so it runs alone: see above"]
fn child_that_loads_and_describes() {
    #[cfg(target_os = "linux")]
    {
        let bundle = support::bundle();
        let (threads, mapped) = footprint();
        let (plugin, _) = load(Settings::default());
        let (threads_after, mapped_after) = footprint();
        assert_eq!(threads_after, threads, "a thread began");
        // Parts of the C library may be loaded together with any library.
        let of_the_system = ["libc.", "libm.", "libdl.", "librt.", "libpthread.", "libgcc_s.", "ld-linux"];
        let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let new: Vec<&String> = mapped_after
            .difference(&mapped)
            .filter(|path| !of_the_system.iter().any(|name| file(path).starts_with(name)))
            .collect();
        let binary = plugin.path.display().to_string();
        assert_eq!(new, [&binary], "the library, and none besides, nor a model of {}", bundle.display());
        // Creating an instance does not start anything either.
        let instance = Instance::create(&plugin, &Recipe::default()).unwrap();
        every_question(&instance, 1.0);
        assert_eq!(footprint(), (threads, mapped_after));
    }
}

#[test]
fn a_host_that_never_destroys_nor_unloads_ends_well() {
    alone("child_that_leaves_everything_behind");
}

#[test]
#[ignore = "leaves an instance behind when its process ends, so it runs alone: see above"]
fn child_that_leaves_everything_behind() {
    let (_turn, cache, plugin, _) = set_up(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
    std::mem::forget(instance);
    std::mem::forget(plugin);
}
