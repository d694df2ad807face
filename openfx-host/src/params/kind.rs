//! The types of parameter and their properties.

use std::ffi::CStr;

use openfx_sys::*;

use crate::props::{Access, PropertySet};

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One to three integers.
    Integer(usize),
    /// One to three doubles.
    Double(usize),
    /// A boolean, shown as a check box.
    Boolean,
    /// One of several options, by index.
    Choice,
    /// One of several options, by name.
    StrChoice,
    /// A colour: three (RGB) or four (RGBA) doubles.
    Colour(usize),
    /// A string, such as a text or a path.
    String,
    /// A string in a format of the plugin's.
    Custom,
    /// Bytes in a format of the plugin's.
    Bytes,
    /// A group of parameters.
    Group,
    /// A page of a control panel.
    Page,
    /// A push button; it has no value.
    PushButton,
    /// One or more curves.
    Parametric,
}

/// All types with their OpenFX names.
pub const KINDS: &[(Kind, &CStr)] = &[
    (Kind::Integer(1), kOfxParamTypeInteger),
    (Kind::Integer(2), kOfxParamTypeInteger2D),
    (Kind::Integer(3), kOfxParamTypeInteger3D),
    (Kind::Double(1), kOfxParamTypeDouble),
    (Kind::Double(2), kOfxParamTypeDouble2D),
    (Kind::Double(3), kOfxParamTypeDouble3D),
    (Kind::Boolean, kOfxParamTypeBoolean),
    (Kind::Choice, kOfxParamTypeChoice),
    (Kind::StrChoice, kOfxParamTypeStrChoice),
    (Kind::Colour(3), kOfxParamTypeRGB),
    (Kind::Colour(4), kOfxParamTypeRGBA),
    (Kind::String, kOfxParamTypeString),
    (Kind::Custom, kOfxParamTypeCustom),
    (Kind::Bytes, kOfxParamTypeBytes),
    (Kind::Group, kOfxParamTypeGroup),
    (Kind::Page, kOfxParamTypePage),
    (Kind::PushButton, kOfxParamTypePushButton),
    (Kind::Parametric, kOfxParamTypeParametric),
];

impl Kind {
    /// The type with this OpenFX name.
    pub fn named(name: &CStr) -> Option<Self> {
        KINDS.iter().find(|(_, text)| *text == name).map(|(kind, _)| *kind)
    }

    /// The OpenFX name of the type.
    pub fn name(self) -> &'static CStr {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or(c"", |(_, name)| *name)
    }

    /// Whether parameters of this type have a value.
    pub fn has_value(self) -> bool {
        !matches!(self, Self::Group | Self::Page | Self::PushButton | Self::Parametric)
    }

    /// Whether values between keys are interpolated.
    pub fn is_smooth(self) -> bool {
        matches!(self, Self::Integer(_) | Self::Double(_) | Self::Colour(_))
    }

    /// The initial properties of a parameter of this type in a descriptor.
    pub fn properties(self, name: &CStr, animates: bool) -> PropertySet {
        use Access::{List, Read, Write};
        let set = PropertySet::new();
        set.define_text(kOfxPropType, Read, &[kOfxTypeParameter])
            .define_text(kOfxPropName, Read, &[name])
            .define_text(kOfxPropLabel, Write, &[name])
            .define_text(kOfxPropShortLabel, Write, &[name])
            .define_text(kOfxPropLongLabel, Write, &[name])
            .define_text(kOfxParamPropType, Read, &[self.name()])
            .define(kOfxParamPropSecret, Write, [0])
            .define_text(kOfxParamPropHint, Write, &[c""])
            .define_text(kOfxParamPropScriptName, Write, &[name])
            .define_text(kOfxParamPropParent, Write, &[c""])
            .define(kOfxParamPropEnabled, Write, [1])
            .define(kOfxParamPropDataPtr, Write, [0usize])
            .define_text(kOfxPropIcon, Write, &[c"", c""]);
        if self == Self::Group {
            set.define(kOfxParamPropGroupOpen, Write, [1]);
        }
        if self == Self::Page {
            set.define_text(kOfxParamPropPageChild, List, &[]);
        }
        if self == Self::PushButton {
            interact(&set);
        }
        if self.has_value() || self == Self::Parametric {
            value_properties(&set, animates);
            interact(&set);
        }
        self.own_properties(&set);
        set
    }

    fn own_properties(self, set: &PropertySet) {
        use Access::{List, Write};
        match self {
            Self::Integer(n) => {
                set.define(kOfxParamPropDefault, Write, vec![0; n])
                    .define(kOfxParamPropMin, Write, vec![i32::MIN; n])
                    .define(kOfxParamPropMax, Write, vec![i32::MAX; n])
                    .define(kOfxParamPropDisplayMin, Write, vec![i32::MIN; n])
                    .define(kOfxParamPropDisplayMax, Write, vec![i32::MAX; n]);
                dimension_labels(set, n);
            }
            Self::Double(n) => {
                set.define(kOfxParamPropDefault, Write, vec![0.0; n])
                    .define(kOfxParamPropMin, Write, vec![f64::MIN; n])
                    .define(kOfxParamPropMax, Write, vec![f64::MAX; n])
                    .define(kOfxParamPropDisplayMin, Write, vec![f64::MIN; n])
                    .define(kOfxParamPropDisplayMax, Write, vec![f64::MAX; n])
                    .define(kOfxParamPropIncrement, Write, [1.0])
                    .define(kOfxParamPropDigits, Write, [2])
                    .define_text(kOfxParamPropDoubleType, Write, &[kOfxParamDoubleTypePlain])
                    .define_text(
                        kOfxParamPropDefaultCoordinateSystem,
                        Write,
                        &[kOfxParamCoordinatesCanonical],
                    );
                if n == 1 {
                    set.define(kOfxParamPropShowTimeMarker, Write, [0]);
                }
                if n == 2 {
                    set.define(kOfxParamPropHasHostOverlayHandle, Access::Read, [0]).define(
                        kOfxParamPropUseHostOverlayHandle,
                        Write,
                        [0],
                    );
                }
                dimension_labels(set, n);
            }
            Self::Colour(n) => {
                // Colours have no range properties; 0 to 1 is the range of a colour picker.
                set.define(kOfxParamPropDefault, Write, vec![0.0; n])
                    .define(kOfxParamPropMin, Write, vec![f64::MIN; n])
                    .define(kOfxParamPropMax, Write, vec![f64::MAX; n])
                    .define(kOfxParamPropDisplayMin, Write, vec![0.0; n])
                    .define(kOfxParamPropDisplayMax, Write, vec![1.0; n]);
                let labels = [c"r", c"g", c"b", c"a"];
                set.define_text(kOfxParamPropDimensionLabel, Write, &labels[..n]);
            }
            Self::Boolean => {
                set.define(kOfxParamPropDefault, Write, [0]);
            }
            Self::Choice => {
                set.define(kOfxParamPropDefault, Write, [0])
                    .define_text(kOfxParamPropChoiceOption, List, &[])
                    .define_text(kOfxParamPropChoiceEnum, List, &[])
                    .define::<i32>(kOfxParamPropChoiceOrder, List, []);
            }
            Self::StrChoice => {
                set.define_text(kOfxParamPropDefault, Write, &[c""])
                    .define_text(kOfxParamPropChoiceOption, List, &[])
                    .define_text(kOfxParamPropChoiceEnum, List, &[])
                    .define::<i32>(kOfxParamPropChoiceOrder, List, []);
            }
            Self::String => {
                set.define_text(kOfxParamPropDefault, Write, &[c""])
                    .define_text(kOfxParamPropStringMode, Write, &[kOfxParamStringIsSingleLine])
                    .define(kOfxParamPropStringFilePathExists, Write, [1]);
            }
            Self::Custom => {
                set.define_text(kOfxParamPropDefault, Write, &[c""]).define(
                    kOfxParamPropCustomInterpCallbackV1,
                    Write,
                    [0usize],
                );
            }
            Self::Parametric => {
                set.define(kOfxParamPropParametricDimension, Write, [1])
                    .define::<f64>(kOfxParamPropParametricUIColour, List, [])
                    .define(kOfxParamPropParametricInteractBackground, Write, [0usize])
                    .define(kOfxParamPropParametricRange, Write, [0.0, 1.0]);
            }
            Self::Bytes | Self::Group | Self::Page | Self::PushButton => {}
        }
    }
}

fn value_properties(set: &PropertySet, animates: bool) {
    use Access::{Read, Write};
    set.define(kOfxParamPropAnimates, Write, [i32::from(animates)])
        .define(kOfxParamPropIsAnimating, Read, [0])
        .define(kOfxParamPropIsAutoKeying, Read, [0])
        .define(kOfxParamPropPersistant, Write, [1])
        .define(kOfxParamPropEvaluateOnChange, Write, [1])
        .define(kOfxParamPropPluginMayWrite, Write, [1])
        .define(kOfxParamPropCanUndo, Write, [1])
        .define_text(kOfxParamPropCacheInvalidation, Write, &[kOfxParamInvalidateValueChange]);
}

/// Properties of custom interacts, which this host never shows.
fn interact(set: &PropertySet) {
    use Access::{Read, Write};
    set.define(kOfxParamPropInteractV1, Write, [0usize])
        .define(kOfxParamPropInteractSize, Read, [0.0, 0.0])
        .define(kOfxParamPropInteractSizeAspect, Write, [1.0])
        .define(kOfxParamPropInteractMinimumSize, Write, [10.0, 10.0])
        .define(kOfxParamPropInteractPreferedSize, Write, [10, 10]);
}

fn dimension_labels(set: &PropertySet, n: usize) {
    if n > 1 {
        set.define_text(kOfxParamPropDimensionLabel, Access::Write, &[c"x", c"y", c"z"][..n]);
    }
}
