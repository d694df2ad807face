//! Solvers of the probability-flow equation: pure functions of a denoiser, latents and sigmas.
//!
//! The formulas are those of k-diffusion (Karras et al. 2022 for euler, heun and ancestral steps;
//! Lu et al. 2022, "DPM-Solver++", for 2m and its SDE form). Scalars are f32 and operations come in
//! the reference's order, because the first unsampling step, from sigma 0.0001, multiplies every
//! rounding error by about a thousand.

use candle_core::Tensor;

use super::schedule::rounded;
use super::{DiffusionError, Noise};
pub use protocol::Sampler;

type Result<T> = std::result::Result<T, DiffusionError>;

/// A model that looks at noisy latents and says what they would be without the noise.
pub trait Denoiser {
    /// The denoised estimate of latents `x` (f32, `[frames, c, h, w]`) at noise level `sigma`, in the
    /// shape of `x`. `step` counts finished steps; heun's second look already counts the next one.
    ///
    /// # Errors
    /// Whatever the network reports, or [`DiffusionError::Cancelled`].
    fn denoised(&mut self, x: &Tensor, sigma: f32, step: usize) -> Result<Tensor>;
}

/// A finished step, as the callback of [`sample`] is told of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Which step, from 0.
    pub index: usize,
    /// How many there are.
    pub steps: usize,
    /// The noise level that the step left.
    pub sigma: f32,
    /// The noise level that it reached.
    pub sigma_next: f32,
}

/// Walks latents `x` along `sigmas`, downwards (sampling) or upwards (unsampling), and returns them at the last one.
///
/// An empty list, or a single level, is no step at all: `x` comes back as it went in. `on_step` is
/// called after every step; its error ends the run.
///
/// # Errors
/// [`DiffusionError::Invalid`] if the levels are not finite and strictly falling or rising, if the
/// run would start from 0, or if it rises with a sampler that draws noise; else what denoiser, noise
/// or callback report.
pub fn sample(
    sampler: Sampler,
    denoiser: &mut dyn Denoiser,
    x: Tensor,
    sigmas: &[f32],
    noise: &mut dyn Noise,
    on_step: &mut dyn FnMut(Step) -> Result<()>,
) -> Result<Tensor> {
    check(sampler, sigmas)?;
    let mut walk = Walk { denoiser, noise, before: None };
    let mut x = x;
    for (index, pair) in sigmas.windows(2).enumerate() {
        let at = Step { index, steps: sigmas.len() - 1, sigma: pair[0], sigma_next: pair[1] };
        x = match sampler {
            Sampler::Euler => walk.euler(&x, at)?,
            Sampler::Heun => walk.heun(&x, at)?,
            Sampler::Dpmpp2m => walk.dpmpp_2m(&x, at)?,
            Sampler::Dpmpp2mSde => walk.dpmpp_2m_sde(&x, at)?,
            Sampler::EulerAncestral => walk.euler_ancestral(&x, at)?,
        };
        on_step(at)?;
    }
    Ok(x)
}

fn check(sampler: Sampler, sigmas: &[f32]) -> Result<()> {
    let Some((&first, rest)) = sigmas.split_first() else {
        return Ok(());
    };
    if let Some(strange) = sigmas.iter().find(|sigma| !sigma.is_finite() || **sigma < 0.0) {
        return Err(DiffusionError::invalid(format!("{strange} is not a noise level")));
    }
    if rest.is_empty() {
        return Ok(());
    }
    if first == 0.0 {
        return Err(DiffusionError::invalid(
            "a run cannot start from a noise level of 0; flip the schedule to get a small one instead",
        ));
    }
    let rising = sigmas.windows(2).all(|pair| pair[0] < pair[1]);
    let falling = sigmas.windows(2).all(|pair| pair[0] > pair[1]);
    if !rising && !falling {
        return Err(DiffusionError::invalid("the noise levels neither rise nor fall all the way"));
    }
    if rising && !sampler.is_deterministic() {
        return Err(DiffusionError::invalid(format!(
            "{sampler} draws noise and cannot unsample; euler, heun and dpmpp_2m can"
        )));
    }
    Ok(())
}

/// What a solver keeps from one step to the next.
struct Walk<'a> {
    denoiser: &'a mut dyn Denoiser,
    noise: &'a mut dyn Noise,
    /// The estimate of the step before, and the level it was made at.
    before: Option<(Tensor, f32)>,
}

impl Walk<'_> {
    fn euler(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        let slope = slope(x, &denoised, at.sigma)?;
        plus(x, &slope, at.sigma_next - at.sigma)
    }

    fn heun(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        let here = slope(x, &denoised, at.sigma)?;
        let way = at.sigma_next - at.sigma;
        let guess = plus(x, &here, way)?;
        if at.sigma_next == 0.0 {
            return Ok(guess);
        }
        // The reference counts a step as finished after its first evaluation, which the context windows of this
        // second one depend on.
        let denoised = self.denoiser.denoised(&guess, at.sigma_next, at.index + 1)?;
        let there = slope(&guess, &denoised, at.sigma_next)?;
        let mean = times(&(here + there)?, 0.5)?;
        plus(x, &mean, way)
    }

    fn dpmpp_2m(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        let (t, t_next) = (time(at.sigma), time(at.sigma_next));
        let h = t_next - t;
        let target = match &self.before {
            // A step to 0 is first order: its h is infinite.
            Some((before, sigma_before)) if at.sigma_next != 0.0 => {
                let r = (t - time(*sigma_before)) / h;
                let share = 1.0 / (2.0 * r);
                (times(&denoised, 1.0 + share)? - times(before, share)?)?
            }
            _ => denoised.clone(),
        };
        // The sigmas by way of their logarithms and back, as the reference does it.
        let ratio = rounded(-t_next, f64::exp) / rounded(-t, f64::exp);
        let next = (times(x, ratio)? - times(&target, rounded(-h, f64::exp_m1))?)?;
        self.before = Some((denoised, at.sigma));
        Ok(next)
    }

    fn dpmpp_2m_sde(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        if at.sigma_next == 0.0 {
            return Ok(denoised);
        }
        let (t, t_next) = (time(at.sigma), time(at.sigma_next));
        let h = t_next - t;
        // With eta = 1 the noise removed is that of a step twice as long, and the difference is drawn anew.
        let gain = -rounded(-2.0 * h, f64::exp_m1);
        let kept = at.sigma_next / at.sigma * rounded(-h, f64::exp);
        let mut next = (times(x, kept)? + times(&denoised, gain)?)?;
        if let Some((before, sigma_before)) = &self.before {
            let r = (t - time(*sigma_before)) / h;
            let change = (&denoised - before)?;
            next = (next + times(&change, 0.5 * gain * (1.0 / r))?)?;
        }
        let drawn = self.noise.draw(x, at.sigma, at.sigma_next)?;
        self.before = Some((denoised, at.sigma));
        plus(&next, &drawn, at.sigma_next * gain.sqrt())
    }

    fn euler_ancestral(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        let (down, up) = ancestral(at.sigma, at.sigma_next);
        if down == 0.0 {
            return Ok(denoised);
        }
        let slope = slope(x, &denoised, at.sigma)?;
        let next = plus(x, &slope, down - at.sigma)?;
        let drawn = self.noise.draw(x, at.sigma, at.sigma_next)?;
        plus(&next, &drawn, up)
    }
}

/// Splits a step from `from` to `to` into a deterministic part down to the first number returned and
/// fresh noise of the second, so that the variances add up to `to` squared.
fn ancestral(from: f32, to: f32) -> (f32, f32) {
    let (from2, to2) = (from * from, to * to);
    let up = (to2 * (from2 - to2) / from2).sqrt().min(to);
    ((to2 - up * up).max(0.0).sqrt(), up)
}

/// The time of DPM-Solver++, minus the logarithm of sigma; infinite at sigma 0.
fn time(sigma: f32) -> f32 {
    -rounded(sigma, f64::ln)
}

/// dx/dsigma of the probability-flow equation. A true division: candle's own `/ f64` multiplies by the reciprocal.
fn slope(x: &Tensor, denoised: &Tensor, sigma: f32) -> Result<Tensor> {
    let sigma = Tensor::new(sigma, x.device())?;
    Ok((x - denoised)?.broadcast_div(&sigma)?)
}

fn times(x: &Tensor, factor: f32) -> Result<Tensor> {
    Ok((x * f64::from(factor))?)
}

fn plus(x: &Tensor, direction: &Tensor, length: f32) -> Result<Tensor> {
    Ok((x + times(direction, length)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ancestral_step_keeps_the_variance() {
        for (from, to) in [(14.6, 8.8), (1.0, 0.999), (0.2, 0.01)] {
            let (down, up) = ancestral(from, to);
            assert!((down * down + up * up - to * to).abs() < 1e-5 * to * to);
            assert!(down < to && up <= to);
        }
        assert_eq!(ancestral(0.1, 0.0), (0.0, 0.0));
    }

    #[test]
    fn levels_that_no_solver_can_walk_are_refused() {
        for (sampler, sigmas) in [
            (Sampler::Euler, &[0.0, 1.0][..]),
            (Sampler::Euler, &[1.0, 2.0, 1.5]),
            (Sampler::Euler, &[1.0, 1.0]),
            (Sampler::Euler, &[1.0, f32::NAN]),
            (Sampler::Euler, &[1.0, -1.0]),
            (Sampler::EulerAncestral, &[0.1, 1.0]),
            (Sampler::Dpmpp2mSde, &[0.1, 1.0]),
        ] {
            assert!(check(sampler, sigmas).is_err(), "{sampler} {sigmas:?}");
        }
        assert!(check(Sampler::EulerAncestral, &[1.0, 0.5, 0.0]).is_ok());
        assert!(check(Sampler::Dpmpp2m, &[0.0001, 0.5]).is_ok());
    }

    #[test]
    fn heun_looks_twice_except_on_the_way_to_zero() {
        assert_eq!(Sampler::Heun.evaluations(&[3.0, 2.0, 1.0, 0.0]), 5);
        assert_eq!(Sampler::Heun.evaluations(&[0.1, 1.0, 2.0]), 4);
        assert_eq!(Sampler::Euler.evaluations(&[3.0, 2.0, 0.0]), 2);
        assert_eq!(Sampler::Euler.evaluations(&[]), 0);
    }
}
