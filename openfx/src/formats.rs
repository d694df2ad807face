//! Enumerations that hosts and effects exchange as strings.

use std::ffi::CStr;

use openfx_sys::*;

/// Defines an enum whose variants are OpenFX strings.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:expr,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        // Some enums are only read, some only written.
        #[allow(dead_code)]
        impl $name {
            /// The OpenFX string of this variant.
            pub(super) fn word(self) -> &'static CStr {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The variant of a host's string; `None` if it is unknown.
            pub(super) fn from_word(word: &str) -> Option<Self> {
                $(if $word.to_bytes() == word.as_bytes() { return Some(Self::$variant); })+
                None
            }
        }
    };
}

words! {
    /// Context: the role in which a host uses an effect.
    Context {
        /// Generator: no input.
        Generator = kOfxImageEffectContextGenerator,
        /// Filter: one input, `Source`.
        Filter = kOfxImageEffectContextFilter,
        /// Transition between two inputs.
        Transition = kOfxImageEffectContextTransition,
        /// Paint: an input and a mask to paint on.
        Paint = kOfxImageEffectContextPaint,
        /// General: any inputs.
        General = kOfxImageEffectContextGeneral,
        /// Retimer: one input at another time.
        Retimer = kOfxImageEffectContextRetimer,
    }
}

words! {
    /// Bit depth of one component of a pixel.
    Depth {
        /// 8 bits, 255 is white.
        Byte = kOfxBitDepthByte,
        /// 16 bits, 65535 is white.
        Short = kOfxBitDepthShort,
        /// 16-bit float, 1.0 is white.
        Half = kOfxBitDepthHalf,
        /// 32-bit float, 1.0 is white.
        Float = kOfxBitDepthFloat,
    }
}

impl Depth {
    /// Size of one component in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Short | Self::Half => 2,
            Self::Float => 4,
        }
    }
}

words! {
    /// Components of a pixel, in their order in memory.
    Components {
        /// Red, green, blue, alpha.
        Rgba = kOfxImageComponentRGBA,
        /// Red, green, blue.
        Rgb = kOfxImageComponentRGB,
        /// A single channel, such as a mask.
        Alpha = kOfxImageComponentAlpha,
    }
}

impl Components {
    /// Number of components per pixel.
    pub fn count(self) -> usize {
        match self {
            Self::Rgba => 4,
            Self::Rgb => 3,
            Self::Alpha => 1,
        }
    }
}

words! {
    /// How colours relate to alpha.
    Premultiplication {
        /// Alpha is 1, or is to be ignored.
        Opaque = kOfxImageOpaque,
        /// Colours are multiplied by alpha.
        Premultiplied = kOfxImagePreMultiplied,
        /// Colours are not multiplied by alpha.
        Unpremultiplied = kOfxImageUnPreMultiplied,
    }
}

words! {
    /// How many renders may run at once.
    ThreadSafety {
        /// One in the whole process.
        Unsafe = kOfxImageEffectRenderUnsafe,
        /// One per instance.
        InstanceSafe = kOfxImageEffectRenderInstanceSafe,
        /// Any number, also for the same instance.
        FullySafe = kOfxImageEffectRenderFullySafe,
    }
}

words! {
    /// Reason of a change.
    ChangeReason {
        /// The user changed it.
        User = kOfxChangeUserEdited,
        /// The effect changed it.
        Plugin = kOfxChangePluginEdited,
        /// The time changed.
        Time = kOfxChangeTime,
    }
}

words! {
    /// Kind of a message.
    MessageKind {
        /// A fatal error: the effect cannot continue.
        Fatal = kOfxMessageFatal,
        /// An error: an operation failed.
        Error = kOfxMessageError,
        /// A warning: the result may not be as expected.
        Warning = kOfxMessageWarning,
        /// Information for the user.
        Message = kOfxMessageMessage,
        /// Only for the host's log.
        Log = kOfxMessageLog,
        /// A question with the answers yes and no.
        Question = kOfxMessageQuestion,
    }
}
