//! The control type embedding of union ControlNets.

use candle_core::Tensor;

use crate::nn::encoder::sinusoids;
use crate::nn::kernels::silu;
use crate::nn::layers::Linear;
use crate::nn::source::{ModelError, Scope};

/// Width of the sinusoidal embedding of one control type's switch.
const SWITCH: usize = 256;

/// What a union ControlNet (xinsir's, for SDXL) adds to the time embedding: one on/off switch per control type, each
/// embedded as 256 sinusoids, through two linear layers. All switches are off here, and the layers that merge several
/// hints by type are not used, as in the reference workflow when no type is chosen ("auto").
pub(super) fn embedding(scope: &Scope<'_>, width: usize) -> Result<Option<Tensor>, ModelError> {
    let scope = scope.at("control_add_embedding");
    if !scope.has("linear_1.weight") {
        return Ok(None);
    }
    let [_, inputs] = scope.expect("linear_1.weight", [width, 0])?;
    if inputs % SWITCH != 0 {
        return Err(
            scope.topology(format!("{inputs} inputs for the kinds of hints, expected {SWITCH} for each"))
        );
    }
    let first = Linear::load(&scope.at("linear_1"), [width, inputs], true)?;
    let second = Linear::load(&scope.at("linear_2"), [width, width], true)?;
    let off = sinusoids(0.0, SWITCH).repeat(inputs / SWITCH);
    let off = Tensor::from_vec(off, (1, inputs), scope.device)?.to_dtype(scope.dtype)?;
    Ok(Some(second.forward(&silu(&first.forward(&off)?)?)?))
}
