//! The engine's process as seen from a host: if it dies, only time is lost.
#![cfg(target_os = "linux")]

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use openfx_host::actions::Arguments;
use openfx_host::instance::Instance;
use openfx_host::props::Access::Read;
use openfx_host::props::PropertySet;
use openfx_host::session::Settings;
use openfx_sys::*;
use testing::processes::{engines_of, kill, lives};
use testing::stage::{FRAMES, largest_difference, recipe, render, set_up, source};

/// Kills every engine that this process starts, some time after it was started.
struct Killer {
    stop: Arc<AtomicBool>,
    kills: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Killer {
    /// `after` returns the delay for the n-th engine, or `None` to let it live.
    fn start(after: impl Fn(usize) -> Option<Duration> + Send + 'static) -> Self {
        let (stop, kills) = (Arc::new(AtomicBool::default()), Arc::new(AtomicUsize::default()));
        let (ended, done) = (stop.clone(), kills.clone());
        let thread = std::thread::spawn(move || {
            let (mut seen, mut number) = (Vec::new(), 0);
            while !ended.load(Ordering::Relaxed) {
                for engine in engines_of(process::id()) {
                    if seen.contains(&engine) {
                        continue;
                    }
                    seen.push(engine);
                    number += 1;
                    if let Some(after) = after(number) {
                        std::thread::sleep(after);
                        if lives(engine) {
                            kill(engine);
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self { stop, kills, thread }
    }

    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.kills.load(Ordering::Relaxed)
    }
}

/// Kills the running engines, and waits for the plugin to notice.
fn end_engines() {
    for engine in engines_of(process::id()) {
        kill(engine);
        while lives(engine) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    std::thread::sleep(Duration::from_millis(100));
}

/// Simulates a parameter change by the user.
fn edit(instance: &Instance) {
    let set = PropertySet::new();
    set.define_text(kOfxPropChangeReason, Read, &[kOfxChangeUserEdited]);
    set.define_text(kOfxPropType, Read, &[kOfxTypeParameter]).define_text(kOfxPropName, Read, &[c"mix"]);
    let arguments = Arguments { input: Some(set), ..Arguments::default() };
    instance.effect.entry.call(kOfxActionInstanceChanged, &instance.effect, arguments);
}

#[test]
fn twenty_kills_cost_no_frame_and_no_pixel() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    let values = |seed: usize| [("cfg", format!("1.{seed:03}"))];
    let frames = |folder: &std::path::Path, seed: usize| -> Vec<Vec<f32>> {
        let values = values(seed);
        let values: Vec<(&str, &str)> = values.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let instance = Instance::create(&plugin, &recipe(folder, &values)).unwrap();
        (1..=FRAMES)
            .map(|frame| {
                let (status, shown) = render(&instance, f64::from(frame));
                assert_eq!(status, kOfxStatOK, "{:?}", session.last_error());
                shown
            })
            .collect()
    };
    // Two of every three engines die, so that no frame has three deaths in a row, at varying times from the
    // greeting to the end of a frame.
    let moment = |n: usize| Duration::from_millis((n as u64 * 97) % 700);
    let killer = Killer::start(move |n| (n % 3 != 0).then(|| moment(n)));
    let mut hurt = Vec::new();
    let mut seed = 0;
    while killer.kills.load(Ordering::Relaxed) < 20 {
        hurt.push(frames(&cache.path().join("hurt"), seed));
        seed += 1;
        // An engine that survives processes all following frames, so end it to have another one started.
        end_engines();
        assert!(seed < 200, "only {} engines were killed", killer.kills.load(Ordering::Relaxed));
    }
    assert!(killer.end() >= 20);
    for (seed, hurt) in hurt.iter().enumerate() {
        assert!(*hurt == frames(&cache.path().join("whole"), seed), "pixels differ with cfg 1.{seed:03}");
    }
    assert_eq!(session.complaints(), Vec::<String>::new());
}

#[test]
fn three_deaths_of_one_request_end_the_tries_until_the_user_edits() {
    let (_turn, cache, plugin, session) = set_up(Settings::default());
    end_engines();
    let values = [("steps", "400")];
    let instance = Instance::create(&plugin, &recipe(cache.path(), &values)).unwrap();
    let killer = Killer::start(|_| Some(Duration::from_millis(300)));
    let (status, shown) = render(&instance, 1.0);
    assert_eq!(status, kOfxStatFailed);
    assert!(largest_difference(&shown, &source(1)) < 1e-6, "the frame is not the source's");
    let sentence = session.last_error().unwrap();
    assert!(sentence.contains("ended 3 times") && sentence.contains("signal: 9"), "{sentence}");
    let kills = killer.end();
    assert_eq!(kills, 3);
    // No engine is started for this request any more.
    assert_eq!(render(&instance, 1.0).0, kOfxStatFailed);
    assert_eq!(engines_of(process::id()), [0u32; 0]);
    edit(&instance);
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[("steps", "1")])).unwrap();
    assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
}

#[test]
fn an_engine_that_is_idle_ends_and_the_next_frame_has_another() {
    let (_turn, cache, plugin, _session) = set_up(Settings::default());
    let values = [("engineIdle", "0.05"), ("cacheSize", "0")];
    let instance = Instance::create(&plugin, &recipe(cache.path(), &values)).unwrap();
    assert_eq!(render(&instance, 1.0).0, kOfxStatOK);
    // An engine of an earlier test may still be exiting.
    let since = Instant::now();
    let engines = loop {
        let engines = engines_of(process::id());
        assert!(since.elapsed() < Duration::from_secs(20), "{} engines run", engines.len());
        match engines.len() {
            0 => panic!("it ended at once"),
            1 => break engines,
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let since = Instant::now();
    while lives(engines[0]) {
        assert!(since.elapsed() < Duration::from_secs(20), "it waits for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(render(&instance, 2.0).0, kOfxStatOK);
    assert!(!engines_of(process::id()).contains(&engines[0]));
}
