//! Rectified flows: noise levels, the conversion of a predicted flow, and the solvers on the straight path, with data
//! whose flow is known in closed form.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "tests convert small numbers"
)]

use testing as support;

use candle_core::{DType, Device, Tensor};
use engine::diffusion::latents::{from_frames, to_frames};
use engine::diffusion::{
    Betas, Call, Denoiser, DiffusionError, DiffusionModel, Guided, NoNoise, Noise, NoiseSchedule, Prediction,
    ProbabilityPath, Sampler, Scheduler, SeededNoise, flip, pass_sigmas, sample, sigmas,
};
use support::assert_close;

type Result<T> = std::result::Result<T, DiffusionError>;

const MEAN: f64 = 0.3;
const SHIFTS: [f64; 3] = [0.5, 1.0, 3.0];

/// The optimal denoiser for Gaussian data with mean [`MEAN`] and a given variance; a variance of 0 is a single point.
#[derive(Clone, Copy)]
struct GaussianData {
    variance: f64,
}

impl GaussianData {
    /// The expectation of x0 given `x = (1 - sigma) x0 + sigma eps`.
    fn clean(self, x: f64, sigma: f64) -> f64 {
        let alpha = 1.0 - sigma;
        let spread = alpha * alpha * self.variance + sigma * sigma;
        MEAN + alpha * self.variance / spread * (x - alpha * MEAN)
    }

    /// The value at `sigma` of the flow through the data `x0`: the number of standard deviations from the mean is constant.
    fn at(self, x0: f64, sigma: f64) -> f64 {
        let alpha = 1.0 - sigma;
        let deviation = (alpha * alpha + sigma * sigma / self.variance).sqrt();
        alpha * MEAN + (x0 - MEAN) * deviation
    }
}

impl Denoiser for GaussianData {
    fn path(&self) -> ProbabilityPath {
        ProbabilityPath::Straight
    }

    fn denoised(&mut self, x: &Tensor, sigma: f32, _: usize) -> Result<Tensor> {
        let clean = |x: f32| self.clean(f64::from(x), f64::from(sigma)) as f32;
        let values: Vec<f32> = list(x).into_iter().map(clean).collect();
        Ok(Tensor::from_vec(values, x.dims(), &Device::Cpu)?)
    }
}

/// The same as a network, which predicts the expectation of eps - x0.
struct Velocity {
    data: GaussianData,
    seen: Vec<(f32, f32)>,
}

impl DiffusionModel for Velocity {
    fn prediction(&self) -> Prediction {
        Prediction::Flow
    }

    fn predict(&mut self, call: &Call) -> Result<Vec<Tensor>> {
        self.seen.push((call.sigma, call.timestep));
        let sigma = f64::from(call.sigma);
        let velocity = |x: f32| {
            let x = f64::from(x);
            let clean = self.data.clean(x, sigma);
            ((x - (1.0 - sigma) * clean) / sigma - clean) as f32
        };
        let input = self.prediction().input(call.x, call.sigma)?;
        let values: Vec<f32> = list(&input).into_iter().map(velocity).collect();
        Ok(vec![Tensor::from_vec(values, call.x.dims(), &Device::Cpu)?; call.branches.len()])
    }
}

fn list(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// Three frames with values between -1.2 and 1.8.
fn clip() -> Tensor {
    let values: Vec<f32> = (0..3 * 16).map(|k| 0.3 + 1.5 * (k as f32 * 0.7).sin()).collect();
    from_frames(&Tensor::from_vec(values, (3, 4, 2, 2), &Device::Cpu).unwrap()).unwrap()
}

fn levels(shift: f64, scheduler: Scheduler, steps: usize) -> Vec<f32> {
    sigmas(&NoiseSchedule::flow(shift).unwrap(), scheduler, steps, 1.0).unwrap()
}

fn run(sampler: Sampler, denoiser: &mut dyn Denoiser, x: &Tensor, list: &[f32]) -> Tensor {
    let frames: Vec<i64> = (0..x.dims()[2] as i64).collect();
    let mut seeded = SeededNoise::new(5, frames);
    let noise: &mut dyn Noise = if sampler.is_deterministic() { &mut NoNoise } else { &mut seeded };
    sample(sampler, denoiser, x.clone(), list, noise, &mut |_| Ok(())).unwrap()
}

#[test]
fn every_scheduler_but_the_absolute_tables_falls_from_noise_to_nothing() {
    for shift in [0.01, 0.5, 1.0, 3.0, 8.0, 17.0, 100.0] {
        let schedule = NoiseSchedule::flow(shift).unwrap();
        for &scheduler in Scheduler::ALL {
            for steps in [1, 2, 3, 10, 16, 33, 100] {
                for denoise in [1.0, 0.7, 0.25] {
                    let list = sigmas(&schedule, scheduler, steps, denoise);
                    let name = format!("{scheduler} {shift} {steps} {denoise}");
                    if scheduler.as_str().starts_with("ays") {
                        let sentence = list.unwrap_err().to_string();
                        assert!(sentence.contains("those of a flow end at 1"), "{name}: {sentence}");
                        continue;
                    }
                    let list = list.unwrap();
                    assert_eq!(list.last(), Some(&0.0), "{name}");
                    assert!(list.windows(2).all(|pair| pair[0] > pair[1]), "{name}: {list:?}");
                    assert!(list[0] <= 1.0, "{name}: {list:?}");
                    // ddim_uniform counts from the bottom of the table and may miss its top.
                    if denoise == 1.0 && scheduler != Scheduler::DdimUniform {
                        assert_eq!(list[0], 1.0, "{name}: {list:?}");
                    }
                    let pass = pass_sigmas(&schedule, scheduler, steps, denoise).unwrap();
                    assert!(pass.len() <= steps + 1 && list.ends_with(&pass), "{name}");
                }
            }
        }
    }
}

#[test]
fn equal_steps_in_timesteps_are_equal_before_the_shift() {
    let schedule = NoiseSchedule::flow(3.0).unwrap();
    let want = [1000.0, 750.25, 500.5, 250.75].map(|t| schedule.sigma(t));
    assert_eq!(levels(3.0, Scheduler::SgmUniform, 4), [&want[..], &[0.0]].concat());
}

#[test]
fn a_network_that_predicts_a_flow_sees_the_latents_as_they_are_and_the_level_as_its_timestep() {
    let schedule = NoiseSchedule::flow(3.0).unwrap();
    let data = GaussianData { variance: 0.25 };
    for sigma in [1e-4f32, 0.03, 0.5, 0.999, 1.0] {
        let mut network = Velocity { data, seen: Vec::new() };
        let mut guided =
            Guided { network: &mut network, schedule: &schedule, cfg: vec![1.0, 2.0, 3.0], context: None };
        assert_eq!(guided.path(), ProbabilityPath::Straight);
        let got = guided.denoised(&clip(), sigma, 0).unwrap();
        let want: Vec<f64> =
            list(&clip()).iter().map(|x| data.clean(f64::from(*x), f64::from(sigma))).collect();
        assert_close("denoised", &list(&got), &want, 2e-6, 1e-6);
        assert_eq!(network.seen, [(sigma, sigma * 1000.0)]);
    }
    let x = Tensor::new(&[1.5f32, -0.25], &Device::Cpu).unwrap();
    assert_eq!(list(&Prediction::Flow.input(&x, 0.75).unwrap()), [1.5, -0.25]);
    // 1.5 - 3/4 * 1/2, -1/4 - 3/4 * 2.
    let v = Tensor::new(&[0.5f32, 2.0], &Device::Cpu).unwrap();
    assert_eq!(list(&Prediction::Flow.denoised(&x, &v, 0.75).unwrap()), [1.125, -1.75]);
}

#[test]
fn a_network_and_a_schedule_of_different_paths_are_refused() {
    let mut network = Velocity { data: GaussianData { variance: 0.25 }, seen: Vec::new() };
    let schedule = NoiseSchedule::new(Betas::Linear);
    let mut guided = Guided { network: &mut network, schedule: &schedule, cfg: vec![1.0], context: None };
    assert!(matches!(guided.denoised(&clip(), 0.5, 0), Err(DiffusionError::Invalid(_))));
    assert!(network.seen.is_empty());
}

/// The largest deviations from the exact flow: after unsampling at pure noise, and after resampling at the data.
fn errors(sampler: Sampler, shift: f64, scheduler: Scheduler, steps: usize) -> [f64; 2] {
    let mut data = GaussianData { variance: 0.25 };
    let falling = levels(shift, scheduler, steps);
    let rising = flip(&falling);
    let up = run(sampler, &mut data, &clip(), &rising);
    let down = run(sampler, &mut data, &up, &falling);
    let start = list(&clip());
    // The clip is used as the latents at the first level of a flipped schedule.
    let first = f64::from(rising[0]);
    let x0 = |x: f32| {
        let scale = data.at(1.0, first) - data.at(0.0, first);
        (f64::from(x) - data.at(0.0, first)) / scale
    };
    let distance = |got: &Tensor, want: &dyn Fn(f32) -> f64| {
        let pairs = list(got).into_iter().zip(&start);
        pairs.map(|(got, x)| (f64::from(got) - want(*x)).abs()).fold(0.0, f64::max)
    };
    [distance(&up, &|x| data.at(x0(x), 1.0)), distance(&down, &|x| x0(x))]
}

#[test]
fn unsampling_and_resampling_a_flow_is_a_round_trip_and_second_order_is_closer() {
    for shift in SHIFTS {
        for scheduler in [Scheduler::SgmUniform, Scheduler::Normal, Scheduler::Simple, Scheduler::Beta] {
            let at = |steps| {
                [Sampler::Euler, Sampler::Dpmpp2m, Sampler::Heun]
                    .map(|sampler| errors(sampler, shift, scheduler, steps))
            };
            let (coarse, fine) = (at(30), at(300));
            let name = format!("shift {shift}, {scheduler}: {coarse:.5?} with 30 steps, {fine:.5?} with 300");
            // Unsampling, then resampling.
            for way in [0, 1] {
                let [[euler, multistep, heun], fine] = [coarse, fine].map(|of| of.map(|errors| errors[way]));
                assert!(euler < 0.3 && heun < 0.15 * euler && multistep < 0.9 * euler, "{name}");
                // Ten times the steps: a tenth of the error for first order, and less for second order.
                let [fine, multistep, heun] = fine;
                assert!(fine < 0.12 * euler && multistep < 0.15 * fine && heun < 0.03 * fine, "{name}");
            }
        }
    }
}

/// Noise for `frames` frames with `count` values each.
fn noise(frames: usize, count: usize) -> Tensor {
    let like = Tensor::zeros((1, 1, frames, 1, count), DType::F32, &Device::Cpu).unwrap();
    SeededNoise::new(1, (0..frames as i64).collect::<Vec<_>>()).draw(&like, 0.0, 0.0).unwrap()
}

fn moments(x: &Tensor) -> [f64; 2] {
    let values: Vec<f64> = list(&to_frames(x).unwrap()).into_iter().map(f64::from).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    [mean, variance]
}

#[test]
fn every_sampler_ends_at_the_data_s_distribution() {
    for shift in SHIFTS {
        for &sampler in Sampler::ALL {
            // With 200 steps the first-order error alone reduces the variance by 3 % to 7 %.
            let steps = if let Sampler::Euler | Sampler::EulerAncestral = sampler { 800 } else { 200 };
            let list = levels(shift, Scheduler::SgmUniform, steps);
            let mut data = GaussianData { variance: 0.25 };
            let [mean, variance] = moments(&run(sampler, &mut data, &noise(4, 4096), &list));
            assert!((mean - MEAN).abs() < 0.02, "{sampler}, shift {shift}: mean {mean}");
            assert!((variance - 0.25).abs() < 0.0125, "{sampler}, shift {shift}: variance {variance}");
        }
    }
}

#[test]
fn every_sampler_has_the_path_s_distribution_on_the_way() {
    // From pure noise to an intermediate level: (1 - s) x0 + s eps.
    let whole = levels(1.0, Scheduler::SgmUniform, 200);
    for end in [20, 100, 180] {
        let list = &whole[..=end];
        let sigma = f64::from(whole[end]);
        let want = (1.0 - sigma).powi(2) * 0.25 + sigma * sigma;
        for &sampler in Sampler::ALL {
            let mut data = GaussianData { variance: 0.25 };
            let [mean, variance] = moments(&run(sampler, &mut data, &noise(4, 4096), list));
            assert!((mean - (1.0 - sigma) * MEAN).abs() < 0.02, "{sampler} at {sigma}: mean {mean}");
            assert!((variance / want - 1.0).abs() < 0.05, "{sampler} at {sigma}: {variance}, not {want}");
        }
    }
}

#[test]
fn every_sampler_ends_at_a_point_whatever_the_steps() {
    for &sampler in Sampler::ALL {
        for &scheduler in Scheduler::ALL {
            if scheduler.as_str().starts_with("ays") {
                continue;
            }
            for steps in [1, 2, 3, 16] {
                let list = levels(3.0, scheduler, steps);
                let end = run(sampler, &mut GaussianData { variance: 0.0 }, &noise(2, 64), &list);
                for value in self::list(&end) {
                    let name = format!("{sampler} {scheduler} {steps}");
                    assert!((f64::from(value) - MEAN).abs() < 1e-5, "{name}: {value}");
                }
            }
        }
    }
}
