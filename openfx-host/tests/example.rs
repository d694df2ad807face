//! Runs the example effect of the crate `openfx` in this host; the two sides of the ABI were written
//! independently.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests convert small numbers")]

#[path = "../../openfx/examples/invert.rs"]
mod invert;

use std::collections::BTreeMap;
use std::sync::Arc;

use openfx_host::clip::{Facts, Feed};
use openfx_host::instance::{Instance, Recipe};
use openfx_host::picture::{Picture, Samples, SharedPicture};
use openfx_host::plugin::Plugin;
use openfx_host::render::{Job, Order, render};
use openfx_host::session::{RowBytes, Session, Settings, Silent};

const SIZE: (u32, u32) = (5, 3);

/// Pictures in which each sample encodes its frame and position.
struct Pattern;

fn value(frame: u32, sample: u32) -> u8 {
    (frame * 50 + sample) as u8
}

impl Feed for Pattern {
    fn facts(&self) -> Facts {
        let (width, height) = SIZE;
        Facts { width, height, frames: 3, fps: 24.0, pixel_aspect: 1.0, deep: false, alpha: false }
    }

    fn picture(&self, number: u32) -> Result<SharedPicture, String> {
        let data = (0..3 * SIZE.0 * SIZE.1).map(|sample| value(number, sample)).collect();
        Picture::eight(SIZE.0, SIZE.1, 3, data).map(Arc::new).ok_or_else(|| "no picture".to_owned())
    }
}

#[test]
fn every_frame_is_inverted_whatever_the_rows_look_like() {
    for row_bytes in [RowBytes::Positive, RowBytes::Negative, RowBytes::Padded] {
        let session = Arc::new(Session::new(Settings { row_bytes, ..Settings::default() }, Box::new(Silent)));
        let record = openfx::entry::get_plugin::<invert::Invert>(0);
        // SAFETY: the record is a static of this program.
        let plugin = unsafe { Plugin::built_in(record, &session) }.unwrap();
        let feed: Arc<dyn Feed> = Arc::new(Pattern);
        let feeds = BTreeMap::from([("Source".to_owned(), feed)]);
        let recipe = Recipe { feeds, edits: Vec::new(), presses: Vec::new() };
        let job = Job { first: 1, last: 3, order: Order::Backward, threads: 1, fresh_instances: false };
        let mut frames = BTreeMap::new();
        let instance = Instance::create(&plugin, &recipe).unwrap();
        render(&plugin, &instance, &recipe, &job, &mut |rendered| {
            frames.insert(rendered.frame, rendered.picture);
            Ok(())
        })
        .unwrap();
        drop(instance);
        assert_eq!(frames.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        for (frame, picture) in frames {
            let Samples::Eight(samples) = &picture.samples else { panic!("another depth came back") };
            let wanted: Vec<u8> = (0..3 * SIZE.0 * SIZE.1).map(|s| !value(frame as u32, s)).collect();
            assert_eq!(*samples, wanted, "frame {frame}, {row_bytes:?}");
        }
        assert_eq!(session.complaints(), Vec::<String>::new());
    }
}
