//! Calls the plugin's actions individually, from a host in the same process, to check what the command line
//! cannot show.

use openfx_host as host;
use testing::stage;

use std::ffi::CStr;

use openfx_sys::*;

use host::actions::{Arguments, Moment};
use host::instance::{Instance, Recipe};
use host::session::Settings;
use stage::{largest_difference, load, recipe, render, source};

#[test]
fn a_failed_render_shows_the_source_and_says_why() {
    let cache = tempfile::tempdir().unwrap();
    let broken = cache.path().join("broken.safetensors");
    std::fs::write(&broken, [7; 64]).unwrap();
    let (plugin, session) = load(Settings::default());
    let text = broken.display().to_string();
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[("checkpoint", &text)])).unwrap();
    let (status, shown) = render(&instance, 2.0);
    assert_eq!(status, kOfxStatFailed);
    assert!(largest_difference(&shown, &source(2)) < 1e-6);
    assert!(session.last_error().unwrap().contains("broken.safetensors"));
    drop(instance);
    assert_eq!(session.complaints(), Vec::<String>::new());
}

#[test]
fn abort_stops_a_render() {
    let cache = tempfile::tempdir().unwrap();
    let (plugin, session) = load(Settings { abort_after: Some(3), ..Settings::default() });
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[("steps", "900")])).unwrap();
    let (status, _) = render(&instance, 1.0);
    assert_eq!(status, kOfxStatFailed);
    assert!(session.aborted());
    assert_eq!(session.last_error(), None, "a stop is nothing to tell about");
    drop(instance);
    assert_eq!(session.complaints(), Vec::<String>::new());
}

#[test]
fn what_it_does_not_handle_is_the_hosts_business() {
    let cache = tempfile::tempdir().unwrap();
    let (plugin, _) = load(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let call = |action: &'static CStr| {
        instance.effect.entry.call(action, &instance.effect, Arguments::default()).status
    };
    assert_eq!(call(c"OfxActionOfAnotherAge"), kOfxStatReplyDefault);
    assert_eq!(call(kOfxActionPurgeCaches), kOfxStatOK);
    assert_eq!(call(kOfxActionSyncPrivateData), kOfxStatOK);
}

#[test]
fn the_frames_needed_are_the_segments_until_it_was_seen() {
    let cache = tempfile::tempdir().unwrap();
    let (plugin, _) = load(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let needed = || -> Vec<f64> {
        let inputs = ["Source".to_owned()];
        let arguments = Moment { time: 2.0, scale: 1.0 }.frames_needed(&inputs);
        let reply =
            instance.effect.entry.call(kOfxImageEffectActionGetFramesNeeded, &instance.effect, arguments);
        assert_eq!(reply.status, kOfxStatOK);
        reply.output.all(c"OfxImageClipPropFrameRange_Source")
    };
    assert_eq!(needed(), [1.0, 3.0]);
    assert_eq!(render(&instance, 2.0).0, kOfxStatOK);
    assert_eq!(needed(), [2.0, 2.0]);
}

#[test]
fn loading_again_and_after_unloading_works() {
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let (plugin, session) = load(Settings::default());
        let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
        assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
        instance.sync_and_purge().unwrap();
        drop(instance);
        drop(plugin);
        assert_eq!(session.complaints(), Vec::<String>::new());
    }
}

#[test]
fn analyse_unsamples_ahead_and_clear_cache_forgets() {
    let cache = tempfile::tempdir().unwrap();
    let files = || {
        let sub = std::fs::read_dir(cache.path()).into_iter().flatten().flatten();
        sub.flat_map(|d| std::fs::read_dir(d.path()).into_iter().flatten().flatten()).count()
    };
    let (plugin, _) = load(Settings::default());
    // A setting that no other test uses: results of other tests are in this process's memory, and the source
    // latents are not written to the folder if the unsampled ones are in memory.
    let own = [("unsampleCfg", "1.0625")];
    let pressed = |name: &str| Recipe { presses: vec![name.to_owned()], ..recipe(cache.path(), &own) };
    let instance = Instance::create(&plugin, &pressed("analyse")).unwrap();
    assert_eq!(files(), 2, "latents and unsampled latents");
    assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
    assert_eq!(files(), 3);
    drop(instance);
    let _instance = Instance::create(&plugin, &pressed("clearCache")).unwrap();
    assert_eq!(files(), 0);
}
