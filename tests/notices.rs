//! Which messages the user gets, where, and how often.

use openfx_host as host;
use testing::stage;

use std::ffi::CStr;

use openfx_sys::*;

use host::actions::{Arguments, Reply};
use host::instance::Instance;
use host::props::Access::Read;
use host::props::PropertySet;
use host::session::Settings;
use stage::{recipe, render, set_up};

fn ask(instance: &Instance, action: &'static CStr, arguments: Arguments) -> Reply {
    instance.effect.entry.call(action, &instance.effect, arguments)
}

/// Value of the parameter `status`.
fn status(instance: &Instance) -> String {
    instance.sync_and_purge().unwrap();
    let param = instance.effect.params.find(c"status").unwrap();
    param.show(&param.value(1.0).unwrap())
}

/// Simulates a change of `mix` by the user.
fn edit(instance: &Instance) {
    let set = PropertySet::new();
    set.define_text(kOfxPropChangeReason, Read, &[kOfxChangeUserEdited]);
    set.define_text(kOfxPropType, Read, &[kOfxTypeParameter]).define_text(kOfxPropName, Read, &[c"mix"]);
    let arguments = Arguments { input: Some(set), ..Arguments::default() };
    assert!(ask(instance, kOfxActionInstanceChanged, arguments).is_fine());
}

#[test]
fn what_there_is_to_know_is_said_in_every_place_until_the_next_edit() {
    let without = |suite: &str| Settings { missing_suites: vec![suite.to_owned()], ..Settings::default() };
    let kinds = [
        (Settings::default(), Some(kOfxMessageWarning)),
        (without("OfxMessageSuite:2"), Some(kOfxMessageLog)),
        (without("OfxMessageSuite"), None),
    ];
    for (at, (manners, kind)) in kinds.into_iter().enumerate() {
        let (_turn, cache, plugin, session) = set_up(manners);
        // An impossible folder: there is a file in its place.
        let (blocked, seed) = (cache.path().join("blocked"), format!("1.{at}5"));
        std::fs::write(&blocked, "").unwrap();
        let instance = Instance::create(&plugin, &recipe(&blocked, &[("cfg", &seed)])).unwrap();
        let said = || {
            let kept = |m: &&host::session::Message| m.text.contains("the result is not kept");
            session
                .messages()
                .iter()
                .filter(kept)
                .map(|m| (m.kind.clone(), m.text.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
        assert!(status(&instance).contains("the result is not kept"), "{}", status(&instance));
        let kinds: Vec<String> = said().into_iter().map(|(kind, _)| kind).collect();
        let want: Vec<String> = kind.iter().map(|kind| kind.to_string_lossy().into_owned()).collect();
        assert_eq!(kinds, want, "one message, whatever the host can show");
        // The next frame has no message, and does not clear the earlier one.
        std::fs::remove_file(&blocked).unwrap();
        assert_eq!(render(&instance, 2.0).0, kOfxStatOK);
        assert!(status(&instance).contains("the result is not kept"));
        assert_eq!(said().len(), want.len());
        // An edit clears messages, because it may have resolved them.
        edit(&instance);
        assert_eq!(render(&instance, 2.0).0, kOfxStatOK);
        assert!(!status(&instance).contains("the result is not kept"), "{}", status(&instance));
        let left = session.messages().iter().filter(|m| m.persistent).count();
        assert_eq!(left, 0, "it is still shown");
        drop(instance);
        assert_eq!(session.complaints(), [""; 0]);
    }
}

#[test]
fn a_broken_file_is_told_once_for_a_state_of_it_whichever_parameter_it_is() {
    let settings = Settings { name: "MLT".into(), temporal: false, ..Settings::default() };
    let (_turn, cache, plugin, session) = set_up(settings);
    let said = |part: &str| session.messages().iter().filter(|m| m.text.contains(part)).count();
    // A motion module is not used for single frames.
    let files = ["checkpoint", "vae", "lora1File", "lora4File", "controlNet1Model", "latentsFile"];
    for name in files {
        let bad = cache.path().join(format!("{name}.safetensors"));
        std::fs::write(&bad, [7; 64]).unwrap();
        let bad = bad.display().to_string();
        // One instance per frame, as in MLT.
        let film = |values: &[(&str, &str)]| {
            for time in 1..=stage::FRAMES {
                let instance = Instance::create(&plugin, &recipe(cache.path(), values)).unwrap();
                assert_eq!(render(&instance, f64::from(time)).0, kOfxStatFailed, "{name}");
            }
            said(&format!("{name}.safetensors"))
        };
        assert_eq!(film(&[(name, &bad)]), 1, "{name}");
        // Another parameter changes in the meantime.
        assert_eq!(film(&[(name, &bad), ("lora3File", "missing")]), 1, "{name}");
        std::fs::write(&bad, [7; 66]).unwrap();
        assert_eq!(film(&[(name, &bad)]), 2, "{name}");
    }
}
