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

pub(super) const LORA_FILE: &str =
    "LoRA made for the checkpoint, or a motion LoRA for its motion module. Empty: none.";
pub(super) const LORA_WEIGHT: &str = "How strongly it is added; 1 is what it was trained with, 0 is off. Keyframes are read at the first frame of each segment.";
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

pub(super) const CONTROL_MODEL: &str = "ControlNet or SparseCtrl made for the checkpoint: a file, or its name in the models folder. The built-in model's own, for lines, is called pocket_lines. Empty: off.";
pub(super) const CONTROL_PREPROCESSOR: &str = "How its hint is made from the clip Hint where that is connected, else from the source. none takes the pictures as they are; lineart, softedge and depth need a file in the models folder.";
pub(super) const CONTROL_FRAMES: &str = "Frames of the clip at which its hint counts, such as 1, 9-12, 24-48/4, counted from its first frame as 1. Empty: all. A SparseCtrl makes up the frames between them; another ControlNet has no effect there.";
pub(super) const CONTROL_WEIGHT: &str = "How strongly it steers; 1 is what it was trained with, 0 is off.";
pub(super) const CONTROL_START: &str =
    "It acts after this share of the noise levels, counted from the noisiest, whichever way a pass goes.";
pub(super) const CONTROL_END: &str = "It no longer acts after this share of the noise levels.";
pub(super) const CONTROL_APPLY: &str = "On which passes it acts.";
