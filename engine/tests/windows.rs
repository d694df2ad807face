//! Context windows and guidance: the reference's lists, invariants, and the calls of the network.

#![allow(clippy::cast_precision_loss, reason = "tests convert small numbers")]

use testing as support;

use candle_core::{Device, Tensor};
use engine::diffusion::latents::{from_frames, to_frames};
use engine::diffusion::{
    Betas, Branch, Call, ContextOptions, ContextSchedule, Denoiser, DiffusionError, DiffusionModel, Fuse,
    Guided, NoiseSchedule, windows,
};
use proptest::prelude::*;
use support::{assert_close, golden_rows, reference_vectors};

fn options(schedule: &str, length: usize, overlap: usize, stride: usize, closed: bool) -> ContextOptions {
    let schedule = schedule.parse().unwrap();
    ContextOptions { length, overlap, stride, schedule, fuse: Fuse::Pyramid, closed }
}

/// `0-3,7` as indices.
fn runs(text: &str) -> Vec<usize> {
    text.split(',')
        .flat_map(|run| {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            first.parse::<usize>().unwrap()..=last.parse().unwrap()
        })
        .collect()
}

#[test]
fn windows_are_the_reference_s_in_every_step() {
    let rows = golden_rows("windows/lists.txt");
    assert_eq!(rows.len(), 500);
    for (key, lists) in rows {
        let number = |at: usize| key[at].parse::<usize>().unwrap();
        let options = options(&key[0], number(3), number(4), number(5), key[1] == "closed");
        let want: Vec<_> = lists.iter().map(|list| runs(list)).collect();
        let steps = if key[6] == "all" { 0..16 } else { number(6)..number(6) + 1 };
        for step in steps {
            assert_eq!(windows(&options, number(2), step), want, "{} step {step}", key.join(" "));
        }
    }
}

#[test]
fn windows_are_those_of_the_full_vectors() {
    let vectors = reference_vectors("windows.json");
    for (key, steps) in vectors.as_object().unwrap() {
        let words: Vec<_> = key.split([' ', '=']).collect();
        let [name, _, frames, _, length, _, overlap, _, stride] = words[..] else { panic!("{key}") };
        let (name, closed) = match name.strip_suffix("(closed)") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let number = |word: &str| word.parse::<usize>().unwrap();
        let options = options(name, number(length), number(overlap), number(stride), closed);
        let want: Vec<Vec<Vec<usize>>> = serde_json::from_value(steps.clone()).unwrap();
        for (step, want) in want.iter().enumerate() {
            assert_eq!(&windows(&options, number(frames), step), want, "{key} step {step}");
        }
    }
}

#[test]
fn relative_weights_are_the_reference_s() {
    let window: Vec<usize> = (0..16).collect();
    let half = [0.01, 0.133911, 0.267155, 0.4004, 0.533644, 0.666889, 0.800133, 0.933378];
    let want: Vec<f64> = half.iter().chain(half.iter().rev()).copied().collect();
    assert_close(
        "relative",
        &engine::diffusion::fuse::weights(Fuse::Relative, &window, 32, 4),
        &want,
        1e-6,
        5e-7,
    );
}

fn any_schedule() -> impl Strategy<Value = ContextSchedule> {
    prop::sample::select(ContextSchedule::ALL)
}

proptest! {
    #[test]
    fn every_frame_is_covered_and_every_index_exists(
        schedule in any_schedule(), frames in 0usize..140, length in 0usize..40, overlap in 0usize..45,
        stride in 0usize..5, closed: bool, step in 0usize..70,
    ) {
        let options = ContextOptions { length, overlap, stride, schedule, fuse: Fuse::Flat, closed };
        let list = windows(&options, frames, step);
        let mut covered = vec![false; frames];
        for window in &list {
            prop_assert!(!window.is_empty());
            prop_assert!(window.len() <= length.max(1).max(frames.min(length)));
            for &index in window {
                prop_assert!(index < frames, "{index} of {frames}");
                covered[index] = true;
            }
        }
        prop_assert!(covered.iter().all(|&c| c), "{list:?}");
        if stride <= 1 {
            for window in &list {
                let mut sorted = window.clone();
                sorted.sort_unstable();
                sorted.dedup();
                prop_assert_eq!(sorted.len(), window.len(), "a frame twice in {:?}", window);
            }
        }
        if schedule != ContextSchedule::LoopedUniform && stride <= 1 {
            for window in &list {
                prop_assert!(window.windows(2).all(|pair| pair[1] == pair[0] + 1), "{window:?}");
            }
        }
    }

    #[test]
    fn a_network_that_ignores_its_window_is_merged_to_itself(
        schedule in any_schedule(), fuse in prop::sample::select(Fuse::ALL), frames in 1usize..40,
        length in 1usize..17, overlap in 0usize..9, step in 0usize..9,
    ) {
        let mut network = Recording::default();
        let context = ContextOptions { length, overlap, stride: 1, schedule, fuse, closed: false };
        let noise = NoiseSchedule::new(Betas::SqrtLinear);
        let x = latents(frames);
        let mut one = |context| {
            Guided { network: &mut network, schedule: &noise, cfg: vec![3.0], context }
                .denoised(&x, 2.0, step)
                .map(|tensor| by_frame(&tensor))
                .unwrap()
        };
        assert_close("windowed", &one(Some(context)), &one(None), 1e-5, 1e-5);
    }
}

/// Predicts a tenth of the latents for the prompt and a fifth for the negative prompt, and records the calls.
#[derive(Default)]
struct Recording {
    asked: Vec<(Vec<usize>, Vec<Branch>, f32, usize)>,
}

impl DiffusionModel for Recording {
    fn predict(&mut self, call: &Call) -> Result<Vec<Tensor>, DiffusionError> {
        assert_eq!(call.x.dims(), [1, 2, call.frames.len(), 2, 2]);
        self.asked.push((call.frames.to_vec(), call.branches.to_vec(), call.timestep, call.step));
        let factor = |branch: &Branch| if *branch == Branch::Cond { 0.1 } else { 0.02 };
        call.branches.iter().map(|branch| Ok((call.x * factor(branch))?)).collect()
    }
}

fn latents(frames: usize) -> Tensor {
    let values: Vec<f32> = (0..frames * 8).map(|k| (k as f32 * 0.37).cos()).collect();
    from_frames(&Tensor::from_vec(values, (frames, 2, 2, 2), &Device::Cpu).unwrap()).unwrap()
}

/// The values in the order of the frames.
fn by_frame(latents: &Tensor) -> Vec<f32> {
    to_frames(latents).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn guided(network: &mut Recording, cfg: Vec<f32>, frames: usize) -> Vec<f32> {
    let noise = NoiseSchedule::new(Betas::Linear);
    let context = Some(ContextOptions { length: 8, overlap: 2, ..ContextOptions::default() });
    let mut guided = Guided { network, schedule: &noise, cfg, context };
    by_frame(&guided.denoised(&latents(frames), 1.0, 4).unwrap())
}

#[test]
fn a_scale_of_one_never_evaluates_the_negative_prompt() {
    for cfg in [vec![1.0], vec![1.0; 6]] {
        let mut network = Recording::default();
        guided(&mut network, cfg, 6);
        assert_eq!(network.asked, [((0..6).collect(), vec![Branch::Cond], 354.0, 4)]);
    }
    let mut network = Recording::default();
    guided(&mut network, vec![1.0, 1.0, 1.0, 1.0, 1.0, 2.0], 6);
    assert_eq!(network.asked[0].1, [Branch::Cond, Branch::Uncond]);
}

#[test]
fn windows_are_laid_only_over_more_frames_than_one_holds() {
    let mut network = Recording::default();
    guided(&mut network, vec![1.0], 8);
    assert_eq!(network.asked.len(), 1);
    let mut network = Recording::default();
    guided(&mut network, vec![1.0], 14);
    let asked: Vec<_> = network.asked.iter().map(|asked| (asked.0[0], asked.0[7])).collect();
    assert_eq!(asked, [(0, 7), (6, 13)]);
}

#[test]
fn guidance_is_per_frame_and_on_denoised_predictions() {
    let x = by_frame(&latents(3));
    let cfg = [1.0, 4.0, 7.5];
    let got = guided(&mut Recording::default(), cfg.to_vec(), 3);
    // At sigma 1: cond = 0.9 x, uncond = 0.98 x.
    let want: Vec<f32> = x.iter().enumerate().map(|(at, x)| x * (0.98 - 0.08 * cfg[at / 8])).collect();
    assert_close("per-frame cfg", &got, &want, 1e-5, 1e-6);
    for (frame, &scale) in cfg.iter().enumerate() {
        let alone = guided(&mut Recording::default(), vec![scale], 3);
        let rows = frame * 8..frame * 8 + 8;
        assert_close("the same scale for all", &got[rows.clone()], &alone[rows], 1e-6, 1e-7);
    }
}

#[test]
fn a_scale_for_the_wrong_number_of_frames_is_refused() {
    let noise = NoiseSchedule::new(Betas::Linear);
    let mut network = Recording::default();
    let mut guided = Guided { network: &mut network, schedule: &noise, cfg: vec![2.0; 4], context: None };
    assert!(matches!(guided.denoised(&latents(5), 1.0, 0), Err(DiffusionError::Invalid(_))));
}
