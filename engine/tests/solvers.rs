//! Solvers against reference vectors for two toy denoisers, and unsampling as a round trip.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests convert small numbers"
)]

use testing as support;

use candle_core::{DType, Device, Tensor};
use engine::diffusion::{
    Betas, Denoiser, DiffusionError, NoNoise, NoiseSchedule, Sampler, SeededNoise, Step, flip, sample, sigmas,
};
use support::{assert_close, golden_rows, numbers, reference_vectors};

type Result<T> = std::result::Result<T, DiffusionError>;

/// A denoiser that is defined by a formula.
struct Toy<F>(F);

impl<F: FnMut(&Tensor, f64) -> candle_core::Result<Tensor>> Denoiser for Toy<F> {
    fn denoised(&mut self, x: &Tensor, sigma: f32, _: usize) -> Result<Tensor> {
        Ok(self.0(x, f64::from(sigma))?)
    }
}

/// The exact denoiser for unit Gaussian data.
fn ideal(x: &Tensor, sigma: f64) -> candle_core::Result<Tensor> {
    let sigma = sigma as f32;
    x.broadcast_div(&Tensor::new(sigma * sigma + 1.0, x.device())?)
}

/// A bounded, nonlinear noise prediction, like a network's.
fn tanh(x: &Tensor, sigma: f64) -> candle_core::Result<Tensor> {
    tanh_with(x, sigma, (sigma as f32 * sigma as f32 + 1.0).sqrt())
}

/// The same, given the square root of `sigma^2 + 1`. tanh is rounded once from f64, so that it does not depend on the platform.
fn tanh_with(x: &Tensor, sigma: f64, root: f32) -> candle_core::Result<Tensor> {
    let scaled = (x * 0.7)?.broadcast_div(&Tensor::new(root, x.device())?)?;
    let noise = scaled.to_dtype(DType::F64)?.tanh()?.to_dtype(DType::F32)?;
    x - (noise * sigma)?
}

fn denoiser(name: &str) -> Box<dyn Denoiser> {
    match name {
        "ideal" => Box::new(Toy(ideal)),
        "tanh" => Box::new(Toy(tanh)),
        other => panic!("{other}"),
    }
}

fn schedule(scheduler: &str, steps: usize) -> Vec<f32> {
    let noise = NoiseSchedule::new(Betas::Linear);
    sigmas(&noise, scheduler.parse().unwrap(), steps, 1.0).unwrap()
}

fn run(sampler: Sampler, denoiser: &mut dyn Denoiser, x: &[f32], list: &[f32]) -> Vec<f32> {
    // Two frames with one row each.
    let x = Tensor::from_slice(x, (1, 1, 2, 1, x.len() / 2), &Device::Cpu).unwrap();
    let end = sample(sampler, denoiser, x, list, &mut NoNoise, &mut |_| Ok(())).unwrap();
    end.flatten_all().unwrap().to_vec1().unwrap()
}

fn round_trip(sampler: Sampler, toy: &str, scheduler: &str, steps: usize, x: &[f32]) -> [Vec<f32>; 2] {
    let falling = schedule(scheduler, steps);
    let up = run(sampler, &mut *denoiser(toy), x, &flip(&falling));
    let down = run(sampler, &mut *denoiser(toy), &up, &falling);
    [up, down]
}

fn floats(words: &[String]) -> Vec<f32> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

/// The `tanh` denoiser with the reference's square roots, which are not always correctly rounded.
fn reference_tanh(scheduler: &str) -> Box<dyn Denoiser> {
    let rows = golden_rows("solvers/functions.txt");
    let of = |what: &str| floats(&rows.iter().find(|(key, _)| key[..] == [scheduler, what]).unwrap().1);
    let (levels, roots) = (of("level"), of("root"));
    Box::new(Toy(move |x: &Tensor, sigma: f64| {
        let at =
            levels.iter().position(|level| f64::from(*level) == sigma).expect("a level of the reference's");
        tanh_with(x, sigma, roots[at])
    }))
}

/// Exact to the last digit. For dpmpp_2m the expected values come from the same arithmetic with correctly rounded
/// functions, and the reference's own values are matched as closely as that allows; see tests/golden/solvers/README.md.
#[test]
fn toy_runs_agree_with_the_reference() {
    let rows = golden_rows("solvers/toy.txt");
    let rounded = golden_rows("solvers/functions.txt");
    let x0 = floats(&rows[0].1);
    for (key, values) in &rows[1..] {
        let [scheduler, name, toy, direction] = &key[..] else { panic!("{key:?}") };
        let sampler: Sampler = name.parse().unwrap();
        let falling = schedule(scheduler, 16);
        let denoiser = || if toy == "tanh" { reference_tanh(scheduler) } else { denoiser(toy) };
        let up = run(sampler, &mut *denoiser(), &x0, &flip(&falling));
        let got = match direction.as_str() {
            "unsample" => up,
            _ => run(sampler, &mut *denoiser(), &up, &falling),
        };
        if sampler == Sampler::Dpmpp2m {
            let (_, exact) = rounded.iter().find(|(other, _)| other == key).unwrap();
            assert_eq!(got, floats(exact), "{key:?}");
            assert_close(&key.join(" "), &got, &numbers(values), 7e-7, 0.0);
        } else {
            assert_eq!(got, floats(values), "{key:?}");
        }
    }
}

#[test]
fn the_golden_runs_are_all_of_the_full_vectors_runs() {
    let vectors = reference_vectors("vectors.json");
    let full = vectors.as_object().unwrap().keys().filter(|key| key.starts_with("toy|")).count();
    assert_eq!(golden_rows("solvers/toy.txt").len(), full + 1);
}

/// The error of a round trip, relative to its start.
fn error(sampler: Sampler, steps: usize) -> f32 {
    let x: Vec<f32> = (0..64).map(|k| (k as f32 * 0.7).sin() * 1.5).collect();
    let [_, down] = round_trip(sampler, "tanh", "ays-sd1", steps, &x);
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    square(&mut down.iter().zip(&x).map(|(a, b)| a - b)) / square(&mut x.iter().copied())
}

#[test]
fn unsampling_and_resampling_is_a_round_trip_and_second_order_is_closer() {
    for steps in [12, 16, 30] {
        let [euler, multistep, heun] =
            [Sampler::Euler, Sampler::Dpmpp2m, Sampler::Heun].map(|sampler| error(sampler, steps));
        assert!(euler < 0.4, "euler, {steps} steps: {euler}");
        assert!(multistep < 0.5 * euler, "dpmpp_2m {multistep}, euler {euler}, {steps} steps");
        assert!(heun < 0.5 * euler, "heun {heun}, euler {euler}, {steps} steps");
    }
    for sampler in [Sampler::Euler, Sampler::Dpmpp2m, Sampler::Heun] {
        assert!(error(sampler, 100) < 0.5 * error(sampler, 20), "{sampler} does not converge");
    }
    assert!(error(Sampler::Dpmpp2m, 200) < 0.01);
}

#[test]
fn samplers_that_draw_noise_reach_the_data_s_distribution() {
    // For unit Gaussian data the result must be unit Gaussian on any path.
    let frames: Vec<i64> = (0..4).collect();
    for sampler in [Sampler::EulerAncestral, Sampler::Dpmpp2mSde] {
        let list = schedule("karras", 400);
        let start = run_noise(&frames, list[0]);
        let mut noise = SeededNoise::new(5, frames.clone());
        let end = sample(sampler, &mut Toy(ideal), start, &list, &mut noise, &mut |_| Ok(())).unwrap();
        let values: Vec<f32> = end.flatten_all().unwrap().to_vec1().unwrap();
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!((variance - 1.0).abs() < 0.1, "{sampler}: variance {variance}");
    }
}

fn run_noise(frames: &[i64], sigma: f32) -> Tensor {
    use engine::diffusion::Noise;
    let like = Tensor::zeros((1, 1, frames.len(), 1, 2048), DType::F32, &Device::Cpu).unwrap();
    let unit = SeededNoise::new(1, frames).draw(&like, 0.0, 0.0).unwrap();
    (unit * f64::from(sigma * sigma + 1.0).sqrt()).unwrap()
}

#[test]
fn the_callback_sees_every_step_and_stops_the_run() {
    let x = || Tensor::zeros((1, 4, 1, 1, 1), DType::F32, &Device::Cpu).unwrap();
    let list = [4.0, 2.0, 1.0, 0.0];
    let mut seen = Vec::new();
    let mut note = |step: Step| {
        seen.push(step);
        Ok(())
    };
    sample(Sampler::Heun, &mut Toy(ideal), x(), &list, &mut NoNoise, &mut note).unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2], Step { index: 2, steps: 3, sigma: 1.0, sigma_next: 0.0 });

    let mut evaluations = 0;
    let mut counting = Toy(|x: &Tensor, sigma: f64| {
        evaluations += 1;
        ideal(x, sigma)
    });
    let mut stop = |step: Step| {
        if step.index == 1 { Err(DiffusionError::Cancelled) } else { Ok(()) }
    };
    let end = sample(Sampler::Euler, &mut counting, x(), &list, &mut NoNoise, &mut stop);
    assert!(matches!(end, Err(DiffusionError::Cancelled)));
    assert_eq!(evaluations, 2);
}

#[test]
fn heun_s_second_look_counts_as_the_next_step() {
    struct Steps(Vec<usize>);
    impl Denoiser for Steps {
        fn denoised(&mut self, x: &Tensor, _: f32, step: usize) -> Result<Tensor> {
            self.0.push(step);
            Ok(x.clone())
        }
    }
    let mut steps = Steps(Vec::new());
    run(Sampler::Heun, &mut steps, &[1.0, 2.0], &[3.0, 2.0, 1.0, 0.0]);
    assert_eq!(steps.0, [0, 1, 1, 2, 2]);
}

#[test]
fn no_levels_are_no_steps() {
    let x = [0.5, -0.25];
    for list in [&[][..], &[0.0], &[3.0]] {
        assert_eq!(run(Sampler::Dpmpp2m, &mut Toy(ideal), &x, list), x);
    }
}

#[test]
fn the_number_of_evaluations_is_as_announced() {
    for &sampler in Sampler::ALL {
        let list = schedule("normal", 7);
        let mut evaluations = 0;
        let mut counting = Toy(|x: &Tensor, sigma: f64| {
            evaluations += 1;
            ideal(x, sigma)
        });
        let x = Tensor::zeros((1, 4, 1, 1, 1), DType::F32, &Device::Cpu).unwrap();
        let mut noise = SeededNoise::new(0, [0]);
        sample(sampler, &mut counting, x, &list, &mut noise, &mut |_| Ok(())).unwrap();
        assert_eq!(evaluations, sampler.evaluations(&list), "{sampler}");
    }
}
