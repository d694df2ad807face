//! Clips whose end the host does not report: which frames are processed, and which are passed through.

use openfx_host as host;
use testing::stage;

use std::sync::Arc;

use openfx_sys::*;

use host::clip::{Facts, Feed};
use host::instance::Instance;
use host::picture::{Picture, SharedPicture};
use host::session::{Outside, Session, Settings};
use stage::{recipe, render, set_up};

/// The test clip, with black frames where the array has `true`.
struct Dark([bool; stage::FRAMES as usize]);

impl Feed for Dark {
    fn facts(&self) -> Facts {
        stage::Clip.facts()
    }

    fn picture(&self, number: u32) -> Result<SharedPicture, String> {
        if !self.0[number as usize - 1] {
            return stage::Clip.picture(number);
        }
        let (width, height) = stage::SIZE;
        let values = vec![0.0; (3 * width * height) as usize];
        Ok(Arc::new(Picture::float(width, height, 3, values).unwrap()))
    }
}

/// The plugin's log of its work: a line for every segment used.
fn work(session: &Session) -> Vec<String> {
    session.messages().iter().filter(|m| m.text.starts_with("frames ")).map(|m| m.text.clone()).collect()
}

#[test]
fn frames_outside_of_what_an_endless_clip_shows_are_not_worked_on() {
    let endless = (f64::NEG_INFINITY, f64::INFINITY);
    let wide = (f64::from(i32::MIN), f64::from(i32::MAX));
    let rendered = |outside: Outside, dark: [bool; 3], range: Option<(f64, f64)>, times: &[f64]| {
        let (_turn, cache, plugin, session) = set_up(Settings { outside, ..Settings::default() });
        // A change from black to a picture is a cut, too.
        let values = [("segmentFrames", "16"), ("cacheSize", "0"), ("cuts", "off")];
        let mut recipe = recipe(cache.path(), &values);
        recipe.feeds.insert("Source".to_owned(), Arc::new(Dark(dark)));
        let instance = Instance::create(&plugin, &recipe).unwrap();
        if let Some((first, last)) = range {
            let clip = instance.effect.clip(c"Source").unwrap();
            clip.props.assign(kOfxImageEffectPropFrameRange, [first, last]);
        }
        let frames: Vec<Vec<f32>> = times
            .iter()
            .map(|time| {
                let (status, shown) = render(&instance, *time);
                assert_eq!(status, kOfxStatOK, "{:?}", session.last_error());
                shown
            })
            .collect();
        (frames, work(&session))
    };
    let none = [false; 3];
    let (want, _) = rendered(Outside::Null, none, None, &[1.0, 2.0, 3.0]);
    for outside in [Outside::Null, Outside::Black] {
        for range in [endless, wide, (0.0, 1e9), (-1e6, 1e6)] {
            // In any order, interleaved with frames before and after the clip.
            let times = [9.0, 3.0, 0.0, 2.0, 40.0, 1.0];
            let (got, work) = rendered(outside, none, Some(range), &times);
            assert!(got[1] == want[2] && got[3] == want[1] && got[5] == want[0], "{outside:?} {range:?}");
            assert!(work.iter().all(|line| line.starts_with("frames 1 to 3 ")), "{outside:?}: {work:?}");
            assert_eq!(work.len(), 3, "{work:?}");
            for outer in [0, 2, 4] {
                assert!(got[outer].chunks_exact(4).all(|pixel| pixel[..3] == [0.0; 3]), "not the source");
            }
        }
    }
    // A held picture must be processed: stills with animated settings look the same.
    let (_, work) = rendered(Outside::Hold, none, Some(endless), &[2.0]);
    assert!(work[0].starts_with("frames 0 to 15 "), "{work:?}");
    // Black frames between others belong to the clip, and so does everything in a plausible range.
    let middle = [false, true, false];
    let (want, _) = rendered(Outside::Null, middle, None, &[2.0]);
    let (got, work) = rendered(Outside::Black, middle, Some(endless), &[2.0]);
    assert!(got == want && work[0].starts_with("frames 1 to 3 "), "{work:?}");
    let (_, work) = rendered(Outside::Black, [true, false, false], None, &[1.0, 3.0]);
    assert!(work.iter().all(|line| line.starts_with("frames 1 to 3 ")), "{work:?}");
}
