//! Defining, reading and writing properties and parameters.

use super::host::{HostState, Value};
use super::*;

fn defined(effect: usize, name: &str, property: &CStr) -> Vec<Value> {
    host(|state| {
        let set = state.effects[effect].params[name].set;
        state.get(set, property)
    })
}

fn describe<const N: usize>(
    then: impl Fn(&mut ContextDescriptor<'_>) -> Result<()> + 'static,
) -> (usize, OfxStatus)
where
    Probe<N>: Exported,
{
    script(|script| script.in_context = Some(Rc::new(move |effect, _| then(effect))));
    let effect = host(HostState::new_effect);
    let action = kOfxImageEffectActionDescribeInContext;
    (effect, send::<N>(action, Some(effect), (0, 0)))
}

fn steps() -> ParamDef<'static> {
    let kind = ParamKind::Int { default: 20, range: 1..=200, display: 1..=60 };
    ParamDef::new("steps", "Steps", kind)
}

fn cfg() -> ParamDef<'static> {
    let kind = ParamKind::Double {
        default: 7.5,
        range: 0.0..=100.0,
        display: 0.0..=20.0,
        increment: 0.5,
        digits: 2,
        meaning: DoubleMeaning::Plain,
    };
    ParamDef::new("cfg", "Guidance", kind)
}

fn prompt() -> ParamDef<'static> {
    let kind = ParamKind::String { default: "a photo", mode: StringMode::MultiLine };
    let mut def = ParamDef::new("prompt", "Prompt", kind);
    def.animates = true;
    def
}

#[test]
fn numbers_have_range_and_display_range() {
    assert_eq!(load::<23>("any"), kOfxStatOK);
    let (effect, status) = describe::<23>(|effect| {
        effect.param(&steps())?;
        effect.param(&cfg())
    });
    assert_eq!(status, kOfxStatOK);
    for (property, steps, cfg) in [
        (kOfxParamPropDefault, 20, 7.5),
        (kOfxParamPropMin, 1, 0.0),
        (kOfxParamPropMax, 200, 100.0),
        (kOfxParamPropDisplayMin, 1, 0.0),
        (kOfxParamPropDisplayMax, 60, 20.0),
    ] {
        assert_eq!(defined(effect, "steps", property), [steps.into()]);
        assert_eq!(defined(effect, "cfg", property), [cfg.into()]);
    }
    assert_eq!(defined(effect, "cfg", kOfxParamPropAnimates), [1.into()]);
}

#[test]
fn text_animates_where_the_host_can() {
    for (can, animates) in [(0, 0), (1, 1)] {
        reset("any");
        host(|state| state.put(0, kOfxParamHostPropSupportsStringAnimation, &[can.into()]));
        set_host::<24>();
        assert_eq!(send::<24>(kOfxActionLoad, None, (0, 0)), kOfxStatOK);
        let (effect, _) = describe::<24>(|effect| effect.param(&prompt()));
        assert_eq!(defined(effect, "prompt", kOfxParamPropAnimates), [animates.into()]);
        assert_eq!(defined(effect, "prompt", kOfxParamPropStringMode), ["OfxParamStringIsMultiLine".into()]);
    }
}

/// An input file must exist; an output file need not, and some hosts would number it.
#[test]
fn files_say_whether_they_exist() {
    assert_eq!(load::<46>("any"), kOfxStatOK);
    let (effect, status) = describe::<46>(|effect| {
        for (name, mode) in [("read", StringMode::ReadFile), ("written", StringMode::WriteFile)] {
            effect.param(&ParamDef::new(name, name, ParamKind::String { default: "", mode }))?;
        }
        effect.param(&ParamDef::new(
            "folder",
            "Folder",
            ParamKind::String { default: "", mode: StringMode::Directory },
        ))
    });
    assert_eq!(status, kOfxStatOK);
    for (name, mode, exists) in [
        ("read", "OfxParamStringIsFilePath", vec![1.into()]),
        ("written", "OfxParamStringIsFilePath", vec![0.into()]),
        ("folder", "OfxParamStringIsDirectoryPath", vec![]),
    ] {
        assert_eq!(defined(effect, name, kOfxParamPropStringMode), [mode.into()]);
        assert_eq!(defined(effect, name, kOfxParamPropStringFilePathExists), exists, "{name}");
        assert_eq!(defined(effect, name, kOfxParamPropAnimates), [0.into()], "{name}");
    }
}

#[test]
fn refused_parameters_are_noted() {
    assert_eq!(load::<25>("any"), kOfxStatOK);
    host(|state| state.faults.refused_params = vec![kOfxParamTypePage, kOfxParamTypeGroup]);
    let (effect, status) = describe::<25>(|effect| {
        effect.param(&ParamDef::new("style", "Style", ParamKind::Group { open: true }))?;
        let mut inside = steps();
        inside.parent = Some("style");
        effect.param(&inside)?;
        assert_eq!(effect.refused(), ["style"]);
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
    assert_eq!(defined(effect, "steps", kOfxParamPropMax), [200.into()]);
}

#[test]
fn wrong_definitions_are_found() {
    let wrong = |change: fn(&mut ParamDef<'static>)| {
        let mut def = steps();
        change(&mut def);
        def.check().is_err()
    };
    assert!(steps().check().is_ok() && cfg().check().is_ok() && prompt().check().is_ok());
    assert!(wrong(|def| def.name = "two words"));
    assert!(wrong(|def| def.kind = ParamKind::Int { default: 0, range: 1..=2, display: 1..=2 }));
    assert!(wrong(|def| def.kind = ParamKind::Int { default: 1, range: 1..=2, display: 0..=2 }));
    for options in [&["a", "a"][..], &["a", "ä"], &["a", ""], &[]] {
        let kind = ParamKind::Choice { default: 0, options };
        assert!(ParamDef::new("choice", "Choice", kind).check().is_err());
    }
}

/// An instance with one parameter of each type, with keys at 0 and 10.
fn with_values<const N: usize>() -> usize
where
    Probe<N>: Exported,
{
    let effect = instance::<N>("any");
    host(|state| {
        for (name, kind, values) in [
            ("i", kOfxParamTypeInteger, [Value::Int(3), Value::Int(4)]),
            ("d", kOfxParamTypeDouble, [0.5.into(), 1.5.into()]),
            ("b", kOfxParamTypeBoolean, [1.into(), 0.into()]),
            ("c", kOfxParamTypeChoice, [2.into(), 99.into()]),
            ("s", kOfxParamTypeString, ["früh".into(), "spät".into()]),
        ] {
            state.add_param(effect, name, kind);
            for (time, value) in [0.0, 10.0].into_iter().zip(values) {
                state.set_param(effect, name, time, value);
            }
        }
    });
    effect
}

#[test]
fn values_are_read_at_a_time() {
    let effect = with_values::<26>();
    let status = render::<26>(effect, 0.0, |handle, _| {
        let param = |name| handle.param(name);
        assert_eq!((param("i").int(0.0, 7), param("i").int(10.0, 7)), (3, 4));
        assert_eq!(param("d").double(9.999, 7.0), 0.5);
        assert_eq!(param("d").double(10.0, 7.0), 1.5);
        assert!(param("b").bool(0.0, false) && !param("b").bool(11.0, true));
        assert_eq!(param("c").choice(0.0, 1), 2);
        assert_eq!(param("c").choice(10.0, 1), 99, "whatever the host gives");
        // The second read overwrites the memory of the first result.
        let (early, late) = (param("s").string(0.0, ""), param("s").string(10.0, ""));
        assert_eq!((early.as_str(), late.as_str()), ("früh", "spät"));
        assert_eq!(param("d").key_times(), [0.0, 10.0]);
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
}

#[test]
fn silence_errors_and_wrong_types_read_as_the_default() {
    let effect = with_values::<27>();
    let all_default = |handle: &RenderHandle<'_>, missing: bool| {
        let name = |name: &'static str| if missing { "missing" } else { name };
        assert_eq!(handle.param(name("i")).int(0.0, 7), 7);
        assert_eq!(handle.param(name("d")).double(0.0, 7.5), 7.5);
        assert!(!handle.param(name("b")).bool(0.0, false));
        assert_eq!(handle.param(name("c")).choice(0.0, 1), 1);
        assert_eq!(handle.param(name("s")).string(0.0, "default"), "default");
    };
    let status = render::<27>(effect, 0.0, move |handle, _| {
        all_default(handle, true);
        assert!(handle.param("missing").key_times().is_empty());
        host(|state| state.faults.silent_params = true);
        all_default(handle, false);
        host(|state| {
            state.faults.silent_params = false;
            state.faults.failing_params = true;
        });
        all_default(handle, false);
        host(|state| state.faults.failing_params = false);
        // The host believes that the parameter has another type.
        assert_eq!(handle.param("d").int(0.0, 7), 7);
        assert_eq!(handle.param("i").string(0.0, "default"), "default");
        // NaN is passed on for the caller to handle.
        host(|state| state.set_param(effect, "d", 0.0, f64::NAN.into()));
        assert!(handle.param("d").double(0.0, 7.5).is_nan());
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
}

#[test]
fn edits_set_values_of_the_right_type() {
    let effect = with_values::<28>();
    script(|script| {
        script.changed = Some(Rc::new(|edit, _| {
            edit.set_int("i", -5)?;
            edit.set_double("d", 0.25)?;
            edit.set_bool("b", true)?;
            edit.set_choice("c", 4)?;
            edit.set_string("s", "100% neu\0!")?;
            edit.set_enabled("s", false);
            assert!(edit.set_int("d", 1).is_err(), "another type");
            assert!(edit.set_int("missing", 1).is_err());
            assert_eq!(edit.ask("Really?"), Answer::No);
            Ok(Handled::Yes)
        }));
    });
    let args = host(HostState::new_set);
    let status = send::<28>(kOfxActionInstanceChanged, Some(effect), (args, 0));
    assert_eq!(status, kOfxStatOK);
    let value = |name: &str| host(|state| state.effects[effect].params[name].keys[&0].clone());
    assert_eq!(value("i"), (-5).into());
    assert_eq!(value("d"), 0.25.into());
    assert_eq!(value("b"), 1.into());
    assert_eq!(value("c"), 4.into());
    assert_eq!(value("s"), "100% neu!".into());
    assert_eq!(defined(effect, "s", kOfxParamPropEnabled), [0.into()]);
}

#[test]
fn properties_that_nobody_wrote_are_missing() {
    let effect = instance::<40>("any");
    host(|state| {
        let set = state.effects[effect].set;
        let size = [1920.0.into(), 1080.0.into()];
        state.put(set, kOfxImageEffectPropProjectSize, &size);
        state.add_clip(effect, "Source");
        let (clip, image) = (state.effects[effect].clips["Source"].set, state.new_set());
        state.put(clip, kOfxImageClipPropConnected, &[0.into()]);
        state.add_image(effect, "Source", 1, image);
    });
    let status = render::<40>(effect, 1.0, |handle, _| {
        assert_eq!(handle.project_size(), Some((1920.0, 1080.0)));
        assert!(!handle.clip("Source").connected());
        host(|state| state.faults.silent_props = true);
        assert_eq!(handle.project_size(), None);
        assert_eq!(handle.context(), None);
        assert!(handle.clip("Source").connected(), "silence is no denial");
        // An image without properties has no pixels, either.
        assert!(handle.image(&handle.clip("Source"), 1.0).unwrap().is_none());
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
    assert_eq!(host(|state| state.lent.len()), 0);
    assert_eq!(send::<40>(kOfxActionLoad, None, (0, 0)), kOfxStatOK);
    host(|state| state.faults.silent_props = false);
    let status = render::<40>(effect, 1.0, |handle, _| {
        let record = handle.host();
        assert_eq!(record.api, (1, 0));
        assert!(!record.background && !record.tiles && record.version.is_empty());
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
}

/// A host without any properties still has a host record.
#[test]
fn a_silent_host_has_defaults() {
    reset("");
    host(|state| state.sets[0].clear());
    set_host::<29>();
    assert_eq!(send::<29>(kOfxActionLoad, None, (0, 0)), kOfxStatOK);
    let effect = host(HostState::new_effect);
    send::<29>(kOfxActionCreateInstance, Some(effect), (0, 0));
    let status = render::<29>(effect, 0.0, |handle, args| {
        let record = handle.host();
        assert_eq!(record.kind, HostKind::Other);
        assert_eq!(record.api, (1, 0));
        assert!(record.temporal_access && !record.string_animation);
        assert!(record.contexts.is_empty());
        assert_eq!(handle.project_size(), None);
        assert_eq!(handle.context(), None);
        assert_eq!((args.window, args.scale), (None, (1.0, 1.0)));
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
}
