//! The closed sets of words that hosts and effects exchange as strings.

use std::ffi::CStr;

use openfx_sys::*;

/// An enum whose variants are OpenFX strings.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:expr,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        // Some sets are only ever read, some only written.
        #[allow(dead_code)]
        impl $name {
            /// The word for it.
            pub(super) fn word(self) -> &'static CStr {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What a host's word means, if it is one of ours.
            pub(super) fn from_word(word: &str) -> Option<Self> {
                $(if $word.to_bytes() == word.as_bytes() { return Some(Self::$variant); })+
                None
            }
        }
    };
}

words! {
    /// The role in which a host uses an effect.
    Context {
        /// No input.
        Generator = kOfxImageEffectContextGenerator,
        /// One input, `Source`.
        Filter = kOfxImageEffectContextFilter,
        /// From one input to another.
        Transition = kOfxImageEffectContextTransition,
        /// An input and a mask to paint with.
        Paint = kOfxImageEffectContextPaint,
        /// Any inputs.
        General = kOfxImageEffectContextGeneral,
        /// One input at another time.
        Retimer = kOfxImageEffectContextRetimer,
    }
}

words! {
    /// How one component of a pixel is stored.
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
    /// Bytes of one component.
    pub fn bytes(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Short | Self::Half => 2,
            Self::Float => 4,
        }
    }
}

words! {
    /// What a pixel is made of.
    Components {
        /// Red, green, blue, alpha.
        Rgba = kOfxImageComponentRGBA,
        /// Red, green, blue.
        Rgb = kOfxImageComponentRGB,
        /// A mask.
        Alpha = kOfxImageComponentAlpha,
    }
}

impl Components {
    /// Components of one pixel.
    pub fn count(self) -> usize {
        match self {
            Self::Rgba => 4,
            Self::Rgb => 3,
            Self::Alpha => 1,
        }
    }
}

words! {
    /// What alpha means for the colours beside it.
    Premultiplication {
        /// Alpha is 1 or to be taken as 1.
        Opaque = kOfxImageOpaque,
        /// Colours were multiplied by alpha.
        Premultiplied = kOfxImagePreMultiplied,
        /// Colours were not.
        Unpremultiplied = kOfxImageUnPreMultiplied,
    }
}

words! {
    /// Which lines of interlaced footage.
    Field {
        /// Progressive.
        None = kOfxImageFieldNone,
        /// Lines 0, 2, 4...
        Lower = kOfxImageFieldLower,
        /// Lines 1, 3, 5...
        Upper = kOfxImageFieldUpper,
        /// Both.
        Both = kOfxImageFieldBoth,
        /// One field, half height.
        Single = kOfxImageFieldSingle,
        /// One field, each line twice.
        Doubled = kOfxImageFieldDoubled,
    }
}

words! {
    /// How many renders the effect can stand at once.
    ThreadSafety {
        /// One at all.
        Unsafe = kOfxImageEffectRenderUnsafe,
        /// One for each instance.
        InstanceSafe = kOfxImageEffectRenderInstanceSafe,
        /// Any number.
        FullySafe = kOfxImageEffectRenderFullySafe,
    }
}

words! {
    /// Why something changed.
    ChangeReason {
        /// By the user's hand.
        User = kOfxChangeUserEdited,
        /// By the effect itself.
        Plugin = kOfxChangePluginEdited,
        /// Because time went on.
        Time = kOfxChangeTime,
    }
}

words! {
    /// Where a host puts the origin of its pictures.
    NativeOrigin {
        /// Bottom left, as OpenFX itself.
        BottomLeft = kOfxHostNativeOriginBottomLeft,
        /// Top left.
        TopLeft = kOfxHostNativeOriginTopLeft,
        /// In the middle.
        Center = kOfxHostNativeOriginCenter,
    }
}

words! {
    /// Kinds of message.
    MessageKind {
        /// The effect cannot go on.
        Fatal = kOfxMessageFatal,
        /// Something failed.
        Error = kOfxMessageError,
        /// Something is not as it should be.
        Warning = kOfxMessageWarning,
        /// Something to know.
        Message = kOfxMessageMessage,
        /// For the log only.
        Log = kOfxMessageLog,
        /// To be answered with yes or no.
        Question = kOfxMessageQuestion,
    }
}
