//! Solvers of the probability-flow ODE: pure functions of a denoiser, latents and sigmas.
//!
//! The formulas are those of k-diffusion (Karras et al. 2022 for euler, heun and ancestral steps; Lu et al. 2022,
//! "DPM-Solver++", for 2m and its SDE form). Scalars are f32 and operations have the reference's order, because the
//! first unsampling step, from sigma 0.0001, amplifies every rounding error by about a thousand.
//!
//! The denoiser determines the space of the latents ([`Denoiser::path`]). What differs between the two spaces, `alpha`, the time
//! variable of DPM-Solver++ and the split of ancestral steps, is in [`ProbabilityPath`]; the solvers work in both.

use candle_core::Tensor;

use super::path::Ancestral;
use super::schedule::rounded;
use super::{DiffusionError, Noise, ProbabilityPath};
pub use protocol::Sampler;

type Result<T> = std::result::Result<T, DiffusionError>;

/// A model that estimates the denoised latents from noisy ones.
pub trait Denoiser {
    /// The space of the latents.
    fn path(&self) -> ProbabilityPath {
        ProbabilityPath::VarianceExploding
    }

    /// The denoised estimate of latents `x` (f32, `[batch, c, time, h, w]`) at noise level `sigma`, in the shape of
    /// `x`. `step` is the number of finished steps; the second evaluation of a heun step already counts that step.
    ///
    /// # Errors
    /// Any error of the network, or [`DiffusionError::Cancelled`].
    fn denoised(&mut self, x: &Tensor, sigma: f32, step: usize) -> Result<Tensor>;
}

/// A finished step, passed to the callback of [`sample`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The index of the step, from 0.
    pub index: usize,
    /// The number of steps of the run.
    pub steps: usize,
    /// The noise level at which the step started.
    pub sigma: f32,
    /// The noise level at which it ended.
    pub sigma_next: f32,
}

/// Integrates latents `x` along `sigmas`, downwards (sampling) or upwards (unsampling), and returns them at the last one.
///
/// With an empty list or a single level there are no steps, and `x` is returned unchanged. `on_step` is called after
/// every step; an error from it aborts the run.
///
/// # Errors
/// [`DiffusionError::Invalid`] if the levels are not finite and strictly ascending or descending, if one is above the
/// path's [`ProbabilityPath::sigma_max`], if the run would start from 0, or if it ascends with a stochastic sampler;
/// otherwise any error of the denoiser, the noise source or the callback.
pub fn sample(
    sampler: Sampler,
    denoiser: &mut dyn Denoiser,
    x: Tensor,
    sigmas: &[f32],
    noise: &mut dyn Noise,
    on_step: &mut dyn FnMut(Step) -> Result<()>,
) -> Result<Tensor> {
    let path = denoiser.path();
    check(sampler, path, sigmas)?;
    let mut walk = Walk { path, denoiser, noise, before: None };
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

fn check(sampler: Sampler, path: ProbabilityPath, sigmas: &[f32]) -> Result<()> {
    let Some((&first, rest)) = sigmas.split_first() else {
        return Ok(());
    };
    if let Some(strange) = sigmas.iter().find(|sigma| !sigma.is_finite() || **sigma < 0.0) {
        return Err(DiffusionError::invalid(format!("{strange} is not a noise level")));
    }
    let most = path.sigma_max();
    if let Some(strange) = sigmas.iter().find(|sigma| **sigma > most) {
        return Err(DiffusionError::invalid(format!(
            "{strange} is above {most}, where there is noise alone"
        )));
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

/// The state that a solver keeps between steps.
struct Walk<'a> {
    path: ProbabilityPath,
    denoiser: &'a mut dyn Denoiser,
    noise: &'a mut dyn Noise,
    /// The denoised estimate of the previous step, and its noise level.
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
        // The reference counts a step as finished after its first evaluation; the context windows of the second one
        // depend on this count.
        let denoised = self.denoiser.denoised(&guess, at.sigma_next, at.index + 1)?;
        let there = slope(&guess, &denoised, at.sigma_next)?;
        let mean = times(&(here + there)?, 0.5)?;
        plus(x, &mean, way)
    }

    fn dpmpp_2m(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        let (t, t_next) = (self.path.time(at.sigma), self.path.time(at.sigma_next));
        let h = t_next - t;
        let target = match &self.before {
            // A step to 0, or up to pure noise, is first order, since its h is infinite. So is the step after one that
            // started from pure noise, whose r is infinite.
            Some((before, sigma_before)) if t_next.is_finite() => {
                let r = (t - self.path.time(*sigma_before)) / h;
                let share = 1.0 / (2.0 * r);
                (times(&denoised, 1.0 + share)? - times(before, share)?)?
            }
            _ => denoised.clone(),
        };
        let (ratio, change) = self.path.first_order(at.sigma, at.sigma_next, h);
        let next = (times(x, ratio)? - times(&target, change)?)?;
        self.before = Some((denoised, at.sigma));
        Ok(next)
    }

    fn dpmpp_2m_sde(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        if at.sigma_next == 0.0 {
            return Ok(denoised);
        }
        let (t, t_next) = (self.path.time(at.sigma), self.path.time(at.sigma_next));
        let h = t_next - t;
        // With eta = 1 as much noise is removed as in a step twice as long, and the difference is drawn anew. The
        // resulting factor of the data is alpha / sigma * kept + pull = alpha_next, and the variance of the noise is
        // kept^2 + sigma_next^2 * gain = sigma_next^2. From pure noise, where h is infinite, nothing of x is kept.
        let gain = -rounded(-2.0 * h, f64::exp_m1);
        let pull = self.path.alpha(at.sigma_next) * gain;
        let kept = at.sigma_next / at.sigma * rounded(-h, f64::exp);
        let mut next = (times(x, kept)? + times(&denoised, pull)?)?;
        if let Some((before, sigma_before)) = &self.before {
            let r = (t - self.path.time(*sigma_before)) / h;
            let change = (&denoised - before)?;
            next = (next + times(&change, 0.5 * pull * (1.0 / r))?)?;
        }
        let drawn = self.noise.draw(x, at.sigma, at.sigma_next)?;
        self.before = Some((denoised, at.sigma));
        plus(&next, &drawn, at.sigma_next * gain.sqrt())
    }

    fn euler_ancestral(&mut self, x: &Tensor, at: Step) -> Result<Tensor> {
        let denoised = self.denoiser.denoised(x, at.sigma, at.index)?;
        let Ancestral { down, kept, fresh } = self.path.ancestral(at.sigma, at.sigma_next);
        if down == 0.0 {
            return Ok(denoised);
        }
        let slope = slope(x, &denoised, at.sigma)?;
        let mut next = plus(x, &slope, down - at.sigma)?;
        if kept != 1.0 {
            next = times(&next, kept)?;
        }
        let drawn = self.noise.draw(x, at.sigma, at.sigma_next)?;
        plus(&next, &drawn, fresh)
    }
}

/// dx/dsigma of the probability-flow ODE, in either space: with x = x0 + sigma eps it is the expected eps, which is
/// `(x - denoised) / sigma`; on the straight path it is the expected eps - x0, so
/// `(x - (1 - sigma) denoised) / sigma - denoised`, which is the same expression.
///
/// Divides by a tensor: candle's own `/ f64` multiplies by the reciprocal.
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
            for path in [ProbabilityPath::VarianceExploding, ProbabilityPath::Straight] {
                assert!(check(sampler, path, sigmas).is_err(), "{sampler} {sigmas:?}");
            }
        }
        for path in [ProbabilityPath::VarianceExploding, ProbabilityPath::Straight] {
            assert!(check(Sampler::EulerAncestral, path, &[1.0, 0.5, 0.0]).is_ok());
            assert!(check(Sampler::Dpmpp2m, path, &[0.0001, 0.5]).is_ok());
        }
        for sigmas in [&[1.01, 0.5, 0.0][..], &[0.5, 1.5], &[2.0]] {
            assert!(check(Sampler::Euler, ProbabilityPath::VarianceExploding, sigmas).is_ok());
            assert!(check(Sampler::Euler, ProbabilityPath::Straight, sigmas).is_err(), "{sigmas:?}");
        }
    }

    #[test]
    fn heun_looks_twice_except_on_the_way_to_zero() {
        assert_eq!(Sampler::Heun.evaluations(&[3.0, 2.0, 1.0, 0.0]), 5);
        assert_eq!(Sampler::Heun.evaluations(&[0.1, 1.0, 2.0]), 4);
        assert_eq!(Sampler::Euler.evaluations(&[3.0, 2.0, 0.0]), 2);
        assert_eq!(Sampler::Euler.evaluations(&[]), 0);
    }
}
