//! Names of the parameters of each LoRA and ControlNet.

use super::double;
use super::kinds::ParamType;

/// Names of the parameters of one LoRA.
pub struct LoraNames {
    /// Path of the file; empty for none.
    pub file: &'static str,
    /// Strength of the LoRA.
    pub weight: &'static str,
}

/// Parameter names of all LoRAs.
pub const LORAS: [LoraNames; 4] = [
    LoraNames { file: "lora1File", weight: "lora1Weight" },
    LoraNames { file: "lora2File", weight: "lora2Weight" },
    LoraNames { file: "lora3File", weight: "lora3Weight" },
    LoraNames { file: "lora4File", weight: "lora4Weight" },
];

pub(super) const LORA_FILE: &str = "LoRA for the checkpoint, or motion LoRA for its motion module: a file, or its name in the models folder. Empty: none.";
pub(super) const LORA_WEIGHT: &str = "Strength of the LoRA. 1: as it was trained, 0: off. A keyframed weight is read at the first frame of each segment.";
pub(super) const LORA_RANGE: ParamType = double(1.0, (-10.0, 10.0), (-1.0, 2.0));

/// Names of the parameters of one ControlNet.
pub struct ControlNames {
    /// Path of the file; empty disables the ControlNet.
    pub model: &'static str,
    /// Preprocessor that makes its hint.
    pub preprocessor: &'static str,
    /// List of frames at which it is applied.
    pub frames: &'static str,
    /// Strength of the ControlNet.
    pub weight: &'static str,
    /// Share of the timesteps after which it is applied.
    pub start: &'static str,
    /// Share of the timesteps after which it is no longer applied.
    pub end: &'static str,
    /// Passes to which it is applied.
    pub apply: &'static str,
}

/// Parameter names of all ControlNets.
pub const CONTROLS: [ControlNames; 3] = [
    ControlNames {
        model: "controlNet1Model",
        preprocessor: "controlNet1Preprocessor",
        frames: "controlNet1Frames",
        weight: "controlNet1Weight",
        start: "controlNet1Start",
        end: "controlNet1End",
        apply: "controlNet1Apply",
    },
    ControlNames {
        model: "controlNet2Model",
        preprocessor: "controlNet2Preprocessor",
        frames: "controlNet2Frames",
        weight: "controlNet2Weight",
        start: "controlNet2Start",
        end: "controlNet2End",
        apply: "controlNet2Apply",
    },
    ControlNames {
        model: "controlNet3Model",
        preprocessor: "controlNet3Preprocessor",
        frames: "controlNet3Frames",
        weight: "controlNet3Weight",
        start: "controlNet3Start",
        end: "controlNet3End",
        apply: "controlNet3Apply",
    },
];

pub(super) const CONTROL_MODEL: &str = "ControlNet or SparseCtrl for the checkpoint: a file, or its name in the models folder. pocket_lines is the built-in model's own, for lines. Empty: none.";
pub(super) const CONTROL_PREPROCESSOR: &str = "How the hint is made from the clip Hint or, if that is not connected, from the source. none: the picture is the hint. lineart, softedge and depth need a network in the models folder.";
pub(super) const CONTROL_FRAMES: &str = "Frames at which the hint is used, such as 1, 9-12, 24-48/4 (every 4th from 24 to 48). The clip's first frame is 1. Empty: all frames. At other frames a SparseCtrl fills in what lies between the hints; a ControlNet has no effect there.";
pub(super) const CONTROL_WEIGHT: &str = "Strength of the ControlNet. 1: as it was trained, 0: off.";
pub(super) const CONTROL_START: &str = "Point in the noise schedule at which the ControlNet starts to act, from 0 (most noise) to 1 (no noise). The unsampling pass goes from low to high noise, so there it stops at this point.";
pub(super) const CONTROL_END: &str = "Point in the noise schedule at which the ControlNet stops acting, from 0 (most noise) to 1 (no noise). In the unsampling pass it starts at this point.";
pub(super) const CONTROL_APPLY: &str = "Passes in which the ControlNet acts.";
