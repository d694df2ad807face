//! Noise that depends only on the seed, the step and the frame's absolute index.
//!
//! If the noise of the whole segment came from one random stream, frame t would get different noise whenever the
//! segment starts elsewhere or is longer. Instead, every frame of every draw has a stream of its own.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "rounds to f32 where the reference does"
)]

use std::f64::consts::TAU;

use candle_core::{DType, Device, Tensor};

use super::DiffusionError;
use super::latents::{HEIGHT, WIDTH};

/// A source of unit Gaussian noise for stochastic samplers.
pub trait Noise {
    /// Independent unit Gaussian noise, f32, with the shape (`[batch, channels, time, height, width]`) and on the
    /// device of `like`, for the step from `sigma_from` to `sigma_to`. Called once per step, in the order of the steps.
    ///
    /// # Errors
    /// If the tensor cannot be created, or the source has no noise for this shape.
    fn draw(&mut self, like: &Tensor, sigma_from: f32, sigma_to: f32) -> Result<Tensor, DiffusionError>;
}

/// The noise source for deterministic samplers: drawing from it is an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNoise;

impl Noise for NoNoise {
    fn draw(&mut self, _: &Tensor, _: f32, _: f32) -> Result<Tensor, DiffusionError> {
        Err(DiffusionError::invalid("this run was set up without noise, and its sampler draws some"))
    }
}

/// Noise from a seed; a frame gets the same noise in whichever segment it is rendered.
///
/// The Brownian path from which k-diffusion draws for its SDE solvers has independent increments; in a run that visits
/// each level once, one independent draw per step has the same distribution.
#[derive(Debug, Clone)]
pub struct SeededNoise {
    seed: u64,
    frames: Vec<i64>,
    draws: u64,
}

impl SeededNoise {
    /// Noise for the frames with these absolute indices, in the order of the latents' time axis.
    pub fn new(seed: u64, frames: impl Into<Vec<i64>>) -> Self {
        Self { seed, frames: frames.into(), draws: 0 }
    }
}

impl Noise for SeededNoise {
    fn draw(&mut self, like: &Tensor, _: f32, _: f32) -> Result<Tensor, DiffusionError> {
        let (batch, channels, frames, height, width) = like.dims5()?;
        if frames != self.frames.len() {
            return Err(DiffusionError::invalid(format!(
                "noise was set up for {} frames, and {frames} are sampled",
                self.frames.len()
            )));
        }
        let each = like.elem_count() / frames.max(1);
        let mut values = Vec::with_capacity(like.elem_count());
        for &frame in &self.frames {
            // Seed, step and frame are mixed one after the other, so that (seed 1, step 0) differs from (seed 0, step 1).
            let key = mix(mix(mix(self.seed) ^ self.draws) ^ frame.cast_unsigned());
            values.extend(Gaussian::new(key).take(each));
        }
        self.draws += 1;
        // A frame's stream fills its channels, rows and columns, for one video of the batch after the other.
        let noise = Tensor::from_vec(values, (frames, batch, channels, height, width), &Device::Cpu)?;
        let noise = noise.permute([1, 2, 0, HEIGHT, WIDTH])?.contiguous()?;
        Ok(noise.to_dtype(DType::F32)?.to_device(like.device())?)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection in which every input bit affects all output bits.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Generates Gaussian values in pairs from pairs of uniform ones (Box and Muller 1958), computed in f64.
struct Gaussian {
    state: u64,
    spare: Option<f32>,
}

impl Gaussian {
    fn new(key: u64) -> Self {
        Self { state: key, spare: None }
    }

    /// Uniform in (0, 1]: never 0, since ln(0) is infinite.
    fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        let bits = mix(self.state) >> 11;
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (bits + 1) as f64 * UNIT
    }
}

impl Iterator for Gaussian {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if let Some(spare) = self.spare.take() {
            return Some(spare);
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sine, cosine) = (TAU * self.uniform()).sin_cos();
        self.spare = Some((radius * sine) as f32);
        Some((radius * cosine) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::super::latents::to_frames;
    use super::*;

    /// The noise of each frame, `[channels, height, width]` flattened.
    fn draw(noise: &mut SeededNoise, frames: usize) -> Vec<Vec<f32>> {
        let like = Tensor::zeros((1, 4, frames, 9, 7), DType::F32, &Device::Cpu).unwrap();
        let drawn = to_frames(&noise.draw(&like, 1.0, 0.5).unwrap()).unwrap();
        drawn.flatten_from(1).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn a_frame_s_noise_is_its_stream_in_the_order_of_channels_rows_and_columns() {
        let key = mix(mix(mix(7) ^ 1) ^ 12);
        let want: Vec<f32> = Gaussian::new(key).take(4 * 9 * 7).collect();
        let mut noise = SeededNoise::new(7, [11, 12]);
        draw(&mut noise, 2);
        assert_eq!(draw(&mut noise, 2)[1], want);
        // The first of two videos gets the noise that it gets alone.
        let like = Tensor::zeros((2, 4, 1, 9, 7), DType::F32, &Device::Cpu).unwrap();
        let two = SeededNoise::new(7, [12]).draw(&like, 1.0, 0.5).unwrap().get(0).unwrap();
        let alone = draw(&mut SeededNoise::new(7, [12]), 1);
        assert_eq!(two.flatten_all().unwrap().to_vec1::<f32>().unwrap(), alone[0]);
    }

    #[test]
    fn a_frame_has_the_same_noise_in_every_segment() {
        let whole = draw(&mut SeededNoise::new(7, [10, 11, 12, 13]), 4);
        let part = draw(&mut SeededNoise::new(7, [12, 10]), 2);
        assert_eq!(part[0], whole[2]);
        assert_eq!(part[1], whole[0]);
    }

    #[test]
    fn seed_step_and_frame_each_change_it() {
        let mut noise = SeededNoise::new(7, [10, -10]);
        let first = draw(&mut noise, 2);
        let second = draw(&mut noise, 2);
        let other = draw(&mut SeededNoise::new(8, [10, -10]), 2);
        assert_ne!(first[0], first[1]);
        assert_ne!(first, second);
        assert_ne!(first, other);
        assert_ne!(second, other);
    }

    #[test]
    fn it_is_gaussian_with_unit_variance() {
        let values: Vec<f64> = Gaussian::new(3).take(200_000).map(f64::from).collect();
        let count = values.len() as f64;
        let moment = |power| values.iter().map(|v: &f64| v.powi(power)).sum::<f64>() / count;
        assert!(moment(1).abs() < 0.01);
        assert!((moment(2) - 1.0).abs() < 0.01);
        assert!(moment(3).abs() < 0.05);
        assert!((moment(4) - 3.0).abs() < 0.1);
        let lag: f64 = values.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / count;
        assert!(lag.abs() < 0.01);
    }

    #[test]
    fn a_different_number_of_frames_is_refused() {
        let like = Tensor::zeros((1, 4, 3, 1, 1), DType::F32, &Device::Cpu).unwrap();
        assert!(SeededNoise::new(1, [1]).draw(&like, 1.0, 0.5).is_err());
        assert!(NoNoise.draw(&like, 1.0, 0.5).is_err());
    }
}
