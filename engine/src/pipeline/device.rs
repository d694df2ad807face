//! Chooses the device and the number format for a request's networks.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_core::{DType, Device, Tensor};
use once_cell::sync::OnceCell;
use parking_lot::RwLock;

use protocol::{DeviceChoice, Precision};

use super::PipelineError;

/// The device and number format of a request's networks.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The device that the networks are loaded to.
    pub device: Device,
    /// The number format of UNet, motion module and ControlNets. Text encoders, VAE and preprocessors always use f32:
    /// the VAE's activations overflow f16, and the others run only once.
    pub dtype: DType,
    /// Why a GPU that the user could expect to be used is not used.
    fallback: Option<String>,
}

impl Placement {
    /// The CPU, with f32.
    pub fn processor() -> Self {
        Self { device: Device::Cpu, dtype: DType::F32, fallback: None }
    }

    /// The device's name for cache keys: results of different devices differ in rounding.
    pub fn kind(&self) -> &'static str {
        if self.device.is_cuda() { "cuda" } else { "cpu" }
    }

    /// The same device with the number format to try after an overflow; `None` if there is none with a wider range. On
    /// a GPU bf16 comes first: it has the range of f32 and takes no more memory than f16.
    pub fn wider(&self) -> Option<Self> {
        let dtype = match (self.dtype, self.device.is_cuda()) {
            (DType::F16, true) => DType::BF16,
            (DType::F16, false) | (DType::BF16, _) => DType::F32,
            _ => return None,
        };
        Some(Self { dtype, ..self.clone() })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = if self.device.is_cuda() { "the graphics card" } else { "the processor" };
        write!(f, "on {device} in {}", self.dtype.as_str())?;
        match &self.fallback {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// Why the CUDA build next to this one is not used, as a clause; `None` if there is no such build.
static NOT_TAKEN: RwLock<Option<String>> = RwLock::new(None);

/// Sets the reason why the CUDA build next to this one is not used.
pub fn set_cuda_not_taken(reason: String) {
    *NOT_TAKEN.write() = Some(reason);
}

/// The GPU, or why there is none. Initialised once, so that a missing GPU is not searched for at every frame.
fn card() -> Result<Device, String> {
    static CARD: OnceCell<Result<Device, String>> = OnceCell::new();
    if !cfg!(feature = "cuda") {
        return Err(match NOT_TAKEN.read().as_ref() {
            Some(reason) => format!("the CUDA build was not taken: {reason}"),
            None => "this bundle has no CUDA build".to_owned(),
        });
    }
    CARD.get_or_init(|| {
        // A driver library may be present but broken in ways that the binding does not handle.
        let found = catch_unwind(AssertUnwindSafe(|| {
            let device = Device::new_cuda(0)?;
            // Kernels are compiled for a GPU generation; on a GPU that is too old this fails here instead of during a render.
            let sum = Tensor::ones(8, DType::F32, &device)?.affine(2.0, 1.0)?.sum_all()?;
            sum.to_device(&Device::Cpu)?;
            Ok::<_, candle_core::Error>(device)
        }));
        let found = match found {
            Ok(found) => found.map_err(|error| first_line(&error.to_string())),
            Err(_) => Err("the driver's library is broken".to_owned()),
        };
        found.map_err(|reason| format!("no usable NVIDIA card was found: {reason}"))
    })
    .clone()
}

/// The devices on which networks can run here, one per line.
pub fn describe_devices() -> String {
    let processor = format!("the processor can be used, with {} threads", rayon::current_num_threads());
    match card() {
        _ if !cfg!(feature = "cuda") => processor,
        Ok(_) => format!("{processor}\nan NVIDIA card can be used"),
        Err(reason) => format!("{processor}\n{reason}"),
    }
}

/// The first line of an error, without a backtrace.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Chooses the device and the number format.
///
/// # Errors
/// [`PipelineError::Device`] if an explicitly requested GPU or number format is unavailable.
pub fn place(choice: DeviceChoice, precision: Precision) -> Result<Placement, PipelineError> {
    let (device, fallback) = match choice {
        DeviceChoice::Cpu => (Device::Cpu, None),
        DeviceChoice::Cuda => match card() {
            Ok(device) => (device, None),
            Err(reason) => {
                let sentence = format!("{reason}; set device to auto or cpu to work on the processor");
                return Err(PipelineError::Device(sentence));
            }
        },
        DeviceChoice::Auto => match card() {
            Ok(device) => (device, None),
            // A build without GPU support has nothing to explain.
            Err(reason) => {
                let expected = cfg!(feature = "cuda") || NOT_TAKEN.read().is_some();
                (Device::Cpu, expected.then_some(reason))
            }
        },
    };
    let dtype = match (precision, device.is_cuda()) {
        (Precision::F32, _) | (Precision::Auto, false) => DType::F32,
        (Precision::F16, _) | (Precision::Auto, true) => DType::F16,
        (Precision::Bf16, true) => DType::BF16,
        (Precision::Bf16, false) => {
            let why = fallback.map(|reason| format!(" ({reason})")).unwrap_or_default();
            return Err(PipelineError::Device(format!(
                "the processor does not compute in bf16{why}; set precision to auto, f32 or f16"
            )));
        }
    };
    Ok(Placement { device, dtype, fallback })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_takes_f32_and_f16_and_refuses_bf16() {
        let cpu = |precision| place(DeviceChoice::Cpu, precision).map(|p| (p.dtype, p.kind(), p.to_string()));
        let f32 = (DType::F32, "cpu", "on the processor in f32".to_owned());
        assert_eq!(cpu(Precision::Auto).unwrap(), f32);
        assert_eq!(cpu(Precision::F32).unwrap(), f32);
        assert_eq!(cpu(Precision::F16).unwrap().0, DType::F16);
        let refused = cpu(Precision::Bf16).unwrap_err().to_string();
        assert!(refused.contains("bf16") && refused.contains("set precision"), "{refused}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_card_that_cannot_be_had_is_a_sentence_if_named_and_a_remark_if_expected() {
        let auto = || place(DeviceChoice::Auto, Precision::Auto).unwrap().to_string();
        let named = || place(DeviceChoice::Cuda, Precision::Auto).unwrap_err().to_string();
        assert_eq!(auto(), "on the processor in f32");
        assert!(named().contains("has no CUDA build; set device to auto or cpu"), "{}", named());
        set_cuda_not_taken("there is no driver".to_owned());
        assert!(auto().contains("(the CUDA build was not taken: there is no driver)"), "{}", auto());
        assert!(named().contains("there is no driver"), "{}", named());
        *NOT_TAKEN.write() = None;
    }
}
