//! Tests of cut detection with drawn scenes: known cuts, and changes that are not cuts.
//!
//! Frames are numbered from 1, as in the parameter `cutFrames`.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests convert small numbers"
)]

use frame::{CUT_REACH, Glance, Rgb, cuts};

const WIDTH: usize = 96;
const HEIGHT: usize = 54;

/// A scene: smooth shapes in a colour of its own, and a moving block.
#[derive(Clone, Copy)]
struct Scene {
    seed: u32,
    tint: [f32; 3],
    /// Horizontal motion of the scene, in pixels per frame.
    pan: f32,
    /// Motion of the block, in pixels per frame.
    block: f32,
}

const FOREST: Scene = Scene { seed: 3, tint: [0.3, 0.6, 0.25], pan: 0.0, block: 1.0 };
const STREET: Scene = Scene { seed: 11, tint: [0.55, 0.5, 0.5], pan: 0.0, block: 2.0 };
/// The same place as the forest, in nearly the same colours, from another viewpoint.
const CLEARING: Scene = Scene { seed: 5, tint: [0.32, 0.58, 0.27], ..FOREST };

/// A pseudo-random number in 0..1, determined by its arguments.
fn random(a: u32, b: u32, c: u32) -> f32 {
    let mut x = a.wrapping_mul(0x9E37_79B9) ^ b.wrapping_mul(0x85EB_CA6B) ^ c.wrapping_mul(0xC2B2_AE35);
    for _ in 0..3 {
        x = (x ^ (x >> 15)).wrapping_mul(0x2C1B_3C6D);
    }
    (x >> 8) as f32 / (1 << 24) as f32
}

impl Scene {
    fn at(self, time: f32) -> Rgb {
        let waves: Vec<[f32; 4]> = (0..6)
            .map(|i| {
                let r = |k| random(self.seed, i, k);
                [0.25 * (r(0) - 0.5), 0.25 * (r(1) - 0.5), std::f32::consts::TAU * r(2), 0.08 + 0.1 * r(3)]
            })
            .collect();
        let value = |x: f32, y: f32| -> f32 {
            let x = x + self.pan * time;
            waves
                .iter()
                .map(|[across, down, phase, height]| height * (across * x + down * y + phase).sin())
                .sum()
        };
        let mut picture = draw(|channel, x, y| self.tint[channel] + value(x as f32, y as f32));
        let left = (10.0 + self.block * time) as usize;
        for (at, v) in picture.data.iter_mut().enumerate() {
            let (x, y) = (at % WIDTH, at / WIDTH % HEIGHT);
            if (left..left + 12).contains(&x) && (20..36).contains(&y) {
                *v = [0.9, 0.4, 0.2][at / (WIDTH * HEIGHT)];
            }
        }
        picture
    }

    fn frames(self, numbers: std::ops::Range<u32>) -> Vec<Rgb> {
        numbers.map(|number| self.at(number as f32)).collect()
    }
}

fn draw(value: impl Fn(usize, usize, usize) -> f32) -> Rgb {
    let data = (0..3 * WIDTH * HEIGHT)
        .map(|i| value(i / (WIDTH * HEIGHT), i % WIDTH, i / WIDTH % HEIGHT).clamp(0.0, 1.0))
        .collect();
    Rgb { width: WIDTH, height: HEIGHT, data }
}

fn each(frames: Vec<Rgb>, change: impl Fn(usize, usize, f32) -> f32) -> Vec<Rgb> {
    let mut frames = frames;
    for (index, frame) in frames.iter_mut().enumerate() {
        for (at, v) in frame.data.iter_mut().enumerate() {
            *v = change(index, at, *v).clamp(0.0, 1.0);
        }
    }
    frames
}

/// Adds grain of this amplitude, different in every frame.
fn grain(frames: Vec<Rgb>, height: f32) -> Vec<Rgb> {
    each(frames, |index, at, v| v + height * (random(index as u32, at as u32, 7) - 0.5))
}

fn mix(one: &Rgb, other: &Rgb, share: f32) -> Rgb {
    let data = one.data.iter().zip(&other.data).map(|(a, b)| a + share * (b - a)).collect();
    Rgb { data, ..*one }
}

/// Numbers of the frames that start a shot.
fn found(frames: &[Rgb]) -> Vec<usize> {
    let glances: Vec<Glance> = frames.iter().map(Glance::new).collect();
    cuts(&glances).into_iter().map(|index| index + 1).collect()
}

fn join(shots: &[Vec<Rgb>]) -> Vec<Rgb> {
    shots.concat()
}

/// Two shots with a cross-fade of `mixed` frames between them.
fn dissolve(mixed: u32) -> Vec<Rgb> {
    let (from, to) = (FOREST.frames(0..20 + mixed), STREET.frames(0..20 + mixed));
    let mut frames = from[..20].to_vec();
    for i in 0..mixed as usize {
        frames.push(mix(&from[20 + i], &to[i], (i + 1) as f32 / (mixed + 1) as f32));
    }
    frames.extend_from_slice(&to[mixed as usize..]);
    frames
}

#[test]
fn hard_cuts_are_found() {
    assert_eq!(found(&join(&[FOREST.frames(0..24), STREET.frames(0..24)])), [25]);
    let three = join(&[FOREST.frames(0..10), STREET.frames(0..7), FOREST.frames(40..60)]);
    assert_eq!(found(&three), [11, 18]);
}

#[test]
fn cuts_between_moving_grainy_and_similar_pictures_are_found() {
    let pans = Scene { pan: 3.0, block: 3.0, ..FOREST };
    assert_eq!(found(&join(&[pans.frames(0..12), Scene { pan: -2.0, ..STREET }.frames(0..12)])), [13]);
    assert_eq!(found(&join(&[FOREST.frames(0..20), CLEARING.frames(0..20)])), [21]);
    assert_eq!(found(&grain(join(&[FOREST.frames(0..20), STREET.frames(0..20)]), 0.25)), [21]);
    assert_eq!(found(&grain(join(&[FOREST.frames(0..20), CLEARING.frames(0..20)]), 0.12)), [21]);
    // The same place at another time, after a pan.
    assert_eq!(found(&join(&[pans.frames(0..12), pans.frames(40..52)])), [13]);
}

#[test]
fn cuts_to_and_from_black_are_found() {
    let black = || vec![draw(|_, _, _| 0.0); 8];
    assert_eq!(found(&join(&[FOREST.frames(0..10), black(), STREET.frames(0..10)])), [11, 19]);
}

#[test]
fn shots_may_begin_or_end_beside_the_ends_of_the_clip() {
    assert_eq!(found(&join(&[FOREST.frames(0..1), STREET.frames(0..20)])), [2]);
    assert_eq!(found(&join(&[FOREST.frames(0..20), STREET.frames(0..1)])), [21]);
    assert_eq!(found(&join(&[FOREST.frames(0..1), STREET.frames(0..1)])), [2]);
    assert_eq!(found(&FOREST.frames(0..1)), [0; 0]);
    assert_eq!(found(&[]), [0; 0]);
}

#[test]
fn a_row_of_short_shots_is_told_apart() {
    let scene = |i: u32| Scene {
        seed: 20 + i,
        tint: [0.3 + 0.1 * (i % 4) as f32, 0.5, 0.6 - 0.1 * (i % 3) as f32],
        ..FOREST
    };
    let shots: Vec<Vec<Rgb>> = (0..8).map(|i| scene(i).frames(0..4)).collect();
    assert_eq!(found(&join(&shots)), [5, 9, 13, 17, 21, 25, 29]);
}

#[test]
fn motion_is_no_cut() {
    for pan in [0.0, 1.0, 3.0, 8.0] {
        let scene = Scene { pan, block: pan, ..FOREST };
        assert_eq!(found(&scene.frames(0..40)), [0; 0], "a pan of {pan} pixels a frame");
        assert_eq!(found(&grain(scene.frames(0..40), 0.15)), [0; 0], "a pan of {pan}, with grain");
    }
    // A whip pan: still, then fast, then still.
    let place = |i: u32| 9.0 * (i.clamp(15, 23) - 15) as f32;
    let whip: Vec<Rgb> = (0..40).map(|i| Scene { pan: 1.0, block: 0.0, ..FOREST }.at(place(i))).collect();
    assert_eq!(found(&whip), [0; 0]);
    // A large object jumps into the picture.
    let mut jump = FOREST.frames(0..30);
    for frame in &mut jump[15..] {
        for (at, v) in frame.data.iter_mut().enumerate() {
            if at % WIDTH > 64 {
                *v = [0.1, 0.1, 0.3][at / (WIDTH * HEIGHT)];
            }
        }
    }
    assert_eq!(found(&jump), [0; 0]);
}

#[test]
fn frames_shown_twice_or_more_are_no_cuts_and_hide_none() {
    for times in [2, 3, 4] {
        let moving = Scene { pan: 3.0, block: 3.0, ..FOREST };
        let held =
            |scene: Scene| -> Vec<Rgb> { (0..24).map(|i| scene.at((i / times * times) as f32)).collect() };
        assert_eq!(found(&held(moving)), [0; 0], "each frame {times} times");
        let two = join(&[held(moving), held(Scene { pan: 2.0, ..STREET })]);
        assert_eq!(found(&two), [25], "each frame {times} times");
    }
    let stills = join(&[vec![FOREST.at(0.0); 10], vec![STREET.at(0.0); 10], vec![CLEARING.at(0.0); 10]]);
    assert_eq!(found(&stills), [11, 21], "a slide show");
    for length in 5..=9 {
        let pictures = [FOREST, STREET, CLEARING, STREET, FOREST];
        let shown: Vec<Vec<Rgb>> = pictures.iter().map(|scene| vec![scene.at(0.0); length]).collect();
        let begin: Vec<usize> = (1..5).map(|i| i * length + 1).collect();
        assert_eq!(found(&join(&shown)), begin, "a slide show, {length} frames a picture");
    }
}

#[test]
fn a_flash_is_no_cut() {
    for length in 1..=3 {
        let lit = |index: usize| (20..20 + length).contains(&index);
        let white = each(FOREST.frames(0..40), |index, _, v| if lit(index) { 0.9 + 0.1 * v } else { v });
        assert_eq!(found(&white), [0; 0], "{length} white frames");
        let bright = each(FOREST.frames(0..40), |index, _, v| if lit(index) { 1.8 * v } else { v });
        assert_eq!(found(&bright), [0; 0], "{length} bright frames");
        let other = STREET.at(9.0);
        let insert: Vec<Rgb> = FOREST
            .frames(0..40)
            .into_iter()
            .enumerate()
            .map(|(i, f)| if lit(i) { other.clone() } else { f })
            .collect();
        assert_eq!(found(&insert), [0; 0], "{length} frames of another shot");
    }
}

#[test]
fn another_light_is_no_cut() {
    let switched = each(FOREST.frames(0..40), |index, _, v| if index < 20 { 0.45 * v } else { v });
    assert_eq!(found(&switched), [0; 0], "a lamp");
    let exposed = each(FOREST.frames(0..40), |index, _, v| if index < 20 { v } else { v * 0.8 + 0.15 });
    assert_eq!(found(&exposed), [0; 0], "exposure");
}

#[test]
fn fades_are_no_cuts() {
    for length in [8.0, 16.0] {
        let fade =
            each(FOREST.frames(0..48), |index, _, v| v * ((index as f32 - 10.0) / length).clamp(0.0, 1.0));
        assert_eq!(found(&fade), [0; 0], "a fade of {length} frames from black");
        let fade = each(FOREST.frames(0..48), |index, _, v| {
            v * (1.0 - (index as f32 - 10.0) / length).clamp(0.0, 1.0)
        });
        assert_eq!(found(&fade), [0; 0], "a fade of {length} frames to black");
    }
}

/// In fine texture every cell has a similar one next to it, but in black none has.
#[test]
fn fades_of_texture_are_no_cuts() {
    let texture =
        |at: usize| 0.9 * (random((at % WIDTH / 2) as u32, (at / WIDTH % HEIGHT / 2) as u32, 9) - 0.5);
    for length in [6.0, 12.0, 18.0] {
        let faded = |share: fn(f32) -> f32| {
            found(&each(STREET.frames(0..48), |index, at, v| {
                (v + texture(at)).clamp(0.0, 1.0) * share((index as f32 - 15.0) / length).clamp(0.0, 1.0)
            }))
        };
        assert_eq!(faded(|gone| gone), [0; 0], "{length} frames from black");
        assert_eq!(faded(|gone| 1.0 - gone), [0; 0], "{length} frames to black");
        assert_eq!(faded(|gone| gone.max(0.0).powf(0.45)), [0; 0], "{length} frames from black, by light");
        assert_eq!(faded(|gone| gone.clamp(0.0, 1.0).round()).len(), 1, "a cut");
    }
}

#[test]
fn a_long_dissolve_is_no_cut_and_a_mixed_frame_hides_none() {
    for mixed in [6, 12, 24] {
        assert_eq!(found(&dissolve(mixed)), [0; 0], "{mixed} mixed frames");
    }
    let one = found(&dissolve(1));
    assert!(one == [21] || one == [22], "one mixed frame: {one:?}");
}

#[test]
fn black_bars_change_nothing() {
    let bars = |frames: Vec<Rgb>, upright: bool| {
        each(frames, |_, at, v| {
            let (x, y) = (at % WIDTH, at / WIDTH % HEIGHT);
            let inside = if upright { (34..62).contains(&x) } else { (8..46).contains(&y) };
            if inside { v } else { 0.0 }
        })
    };
    for upright in [false, true] {
        assert_eq!(found(&bars(join(&[FOREST.frames(0..20), STREET.frames(0..20)]), upright)), [21]);
        assert_eq!(found(&bars(Scene { pan: 3.0, ..FOREST }.frames(0..40), upright)), [0; 0]);
    }
}

#[test]
fn a_decision_needs_no_frames_beyond_its_reach() {
    let frames = grain(
        join(&[
            FOREST.frames(0..14),
            STREET.frames(0..3),
            CLEARING.frames(0..9),
            dissolve(2),
            Scene { pan: 4.0, ..STREET }.frames(0..16),
        ]),
        0.1,
    );
    let whole = found(&frames);
    assert!(whole.len() >= 3, "{whole:?}");
    for frame in 1..=frames.len() {
        let from = frame.saturating_sub(1 + CUT_REACH);
        let part = &frames[from..(frame + CUT_REACH).min(frames.len())];
        let here = found(part).contains(&(frame - from));
        assert_eq!(here, whole.contains(&frame), "frame {frame}, cuts at {whole:?}");
    }
}

/// Prints the cuts of every folder of pictures in the folder that the variable CLIPS names.
#[test]
#[ignore = "prints the cuts of clips that are named by a variable"]
fn cuts_of_clips() {
    let Ok(folder) = std::env::var("CLIPS") else { return };
    let mut clips: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|clip| clip.path()).collect();
    clips.sort();
    for clip in clips {
        let mut files: Vec<_> = std::fs::read_dir(&clip).unwrap().flatten().map(|file| file.path()).collect();
        files.sort();
        let mut seconds = 0.0;
        let glances: Vec<Glance> = files
            .iter()
            .map(|file| {
                let rgb = image::open(file).unwrap().to_rgb32f();
                let (width, height) = (rgb.width() as usize, rgb.height() as usize);
                let data = (0..3 * width * height)
                    .map(|i| rgb.as_raw()[i % (width * height) * 3 + i / (width * height)]);
                let picture = Rgb { width, height, data: data.collect() };
                let started = std::time::Instant::now();
                let glance = Glance::new(&picture);
                seconds += started.elapsed().as_secs_f64();
                glance
            })
            .collect();
        let started = std::time::Instant::now();
        let list: Vec<usize> = cuts(&glances).into_iter().map(|index| index + 1).collect();
        seconds += started.elapsed().as_secs_f64();
        let each = 1000.0 * seconds / files.len() as f64;
        println!("{}: {} frames, cuts {list:?}, {each:.2} ms a frame", clip.display(), files.len());
    }
}
