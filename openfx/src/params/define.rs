//! Definitions of parameters.
//!
//! A definition is a plain value, so that an effect can keep its parameters in a table. Numbers always need a
//! range and a display range: without them, one popular host clamps the values to almost nothing.

use std::ffi::CStr;
use std::ops::RangeInclusive;
use std::ptr;

use openfx_sys::*;

use crate::error::{Error, Result};
use crate::host::Hosted;
use crate::props::Props;
use crate::suites::call;
use crate::text;

/// Definition of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamDef<'a> {
    /// Name used by scripts and projects; must never change.
    pub name: &'a str,
    /// Name shown to users.
    pub label: &'a str,
    /// Help text, such as a tooltip.
    pub hint: &'a str,
    /// Name of the group that contains it; `None` at the top level.
    pub parent: Option<&'a str>,
    /// Type, default and range.
    pub kind: ParamKind<'a>,
    /// Whether it can be animated. Ignored if the host cannot animate parameters of its type.
    pub animates: bool,
    /// Whether it is hidden from the user.
    pub secret: bool,
    /// Whether the user can edit it.
    pub enabled: bool,
    /// Whether a change requires a new render.
    pub evaluates: bool,
    /// Whether it is saved with the project.
    pub persistent: bool,
    /// Where the next parameter is placed.
    pub layout: ParamLayout,
}

/// Type of a parameter, with its default and range.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind<'a> {
    /// An integer.
    Int {
        /// Value in a new instance.
        default: i32,
        /// Permitted values, both ends included.
        range: RangeInclusive<i32>,
        /// Range of the slider.
        display: RangeInclusive<i32>,
    },
    /// A floating-point number.
    Double {
        /// Value in a new instance.
        default: f64,
        /// Permitted values, both ends included.
        range: RangeInclusive<f64>,
        /// Range of the slider.
        display: RangeInclusive<f64>,
        /// Step of the spin buttons.
        increment: f64,
        /// Digits shown after the decimal point.
        digits: i32,
        /// Quantity, such as an angle.
        meaning: DoubleMeaning,
    },
    /// A boolean, shown as a check box.
    Bool {
        /// Value in a new instance.
        default: bool,
    },
    /// One of several options, by index.
    Choice {
        /// Index of the option in a new instance.
        default: usize,
        /// Labels of the options. Some hosts save the label instead of the index: the labels must be unique
        /// and ASCII, and must never change.
        options: &'a [&'a str],
    },
    /// A string, such as a text or a path.
    String {
        /// Value in a new instance.
        default: &'a str,
        /// Which kind of text it is and how it is edited.
        mode: StringMode,
    },
    /// A group of parameters.
    Group {
        /// Whether the group is initially open.
        open: bool,
    },
    /// A page of a control panel.
    Page {
        /// Names of the parameters on it, in order.
        children: &'a [&'a str],
    },
    /// A push button; it has no value.
    PushButton,
}

/// The quantity of a double parameter; hosts choose the widget by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubleMeaning {
    /// A number without further meaning.
    Plain,
    /// A factor; 1 changes nothing.
    Scale,
    /// An angle in degrees.
    Angle,
    /// A time in frames.
    Time,
}

/// How a string parameter is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringMode {
    /// A single line of text.
    SingleLine,
    /// Several lines of text.
    MultiLine,
    /// Path of an input file. Only for paths: hosts expand such values.
    ReadFile,
    /// Path of an output file.
    WriteFile,
    /// Path of a folder.
    Directory,
    /// Text that is shown and cannot be edited.
    Label,
}

/// Placement of the next parameter, in hosts that support it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParamLayout {
    /// On the next line.
    #[default]
    Below,
    /// On the next line, after a divider.
    Divider,
    /// On the same line.
    SameLine,
}

impl<'a> ParamDef<'a> {
    /// A definition with defaults: numbers are animated, parameters with a value cause a render when changed,
    /// and all are saved, visible and enabled.
    pub fn new(name: &'a str, label: &'a str, kind: ParamKind<'a>) -> Self {
        let number = matches!(kind, ParamKind::Int { .. } | ParamKind::Double { .. });
        Self {
            name,
            label,
            hint: "",
            parent: None,
            animates: number,
            secret: false,
            enabled: true,
            evaluates: true,
            persistent: true,
            layout: ParamLayout::Below,
            kind,
        }
    }

    /// Checks that the definition is consistent, independently of the host.
    ///
    /// # Errors
    /// [`Error::Definition`]. An effect's tests should call this for its whole table.
    pub fn check(&self) -> Result<()> {
        let wrong = |reason| Err(Error::Definition { name: self.name.to_owned(), reason });
        let plain = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        };
        if !plain(self.name) {
            return wrong("a name is an ASCII identifier");
        }
        match &self.kind {
            ParamKind::Int { default, range, display } => {
                if !range.contains(default) {
                    return wrong("the default is outside of the range");
                }
                if display.is_empty() || !range.contains(display.start()) || !range.contains(display.end()) {
                    return wrong("the display range is not inside of the range");
                }
            }
            ParamKind::Double { default, range, display, .. } => {
                if !range.contains(default) {
                    return wrong("the default is outside of the range");
                }
                if display.is_empty() || !range.contains(display.start()) || !range.contains(display.end()) {
                    return wrong("the display range is not inside of the range");
                }
            }
            ParamKind::Choice { default, options } => {
                if *default >= options.len() {
                    return wrong("the default is not an option");
                }
                let distinct = |(index, option): (usize, &&str)| {
                    option.is_ascii() && !option.is_empty() && !options[..index].contains(option)
                };
                if !options.iter().enumerate().all(distinct) {
                    return wrong("options are distinct ASCII labels");
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl ParamKind<'_> {
    fn word(&self) -> &'static CStr {
        match self {
            Self::Int { .. } => kOfxParamTypeInteger,
            Self::Double { .. } => kOfxParamTypeDouble,
            Self::Bool { .. } => kOfxParamTypeBoolean,
            Self::Choice { .. } => kOfxParamTypeChoice,
            Self::String { .. } => kOfxParamTypeString,
            Self::Group { .. } => kOfxParamTypeGroup,
            Self::Page { .. } => kOfxParamTypePage,
            Self::PushButton => kOfxParamTypePushButton,
        }
    }

    /// Whether the host can animate parameters of this type.
    fn can_animate(&self, hosted: &Hosted) -> bool {
        match self {
            Self::Int { .. } | Self::Double { .. } => true,
            Self::Bool { .. } => hosted.record.boolean_animation,
            Self::Choice { .. } => hosted.record.choice_animation,
            Self::String { .. } => hosted.record.string_animation,
            Self::Group { .. } | Self::Page { .. } | Self::PushButton => false,
        }
    }

    fn has_value(&self) -> bool {
        !matches!(self, Self::Group { .. } | Self::Page { .. } | Self::PushButton)
    }
}

/// Defines one parameter. Returns `Ok(false)` if the host refuses it; the effect then reads the default.
///
/// # Errors
/// [`Error::Definition`], see [`ParamDef::check`].
///
/// # Safety
/// `set` is NULL or the parameter set of the descriptor of the current action.
pub(crate) unsafe fn define(hosted: &Hosted, set: OfxParamSetHandle, def: &ParamDef<'_>) -> Result<bool> {
    def.check()?;
    let name = text::to_c(def.name);
    let mut props: OfxPropertySetHandle = ptr::null_mut();
    if set.is_null() {
        return Ok(false);
    }
    // SAFETY: the caller guarantees a valid set, the strings end with NUL, the variable
    // outlives the call. Only types that every host knows are ever defined.
    let status = unsafe {
        call!(hosted.suites.param, paramDefine(set, def.kind.word().as_ptr(), name.as_ptr(), &mut props))
    };
    // SAFETY: NULL or the set that the host just created for this parameter.
    let props = unsafe { Props::new(&hosted.suites, props) };
    let (kOfxStatOK, Some(props)) = (status, props) else {
        log::debug!("the host does not define {} (status {status})", def.name);
        return Ok(false);
    };
    describe(hosted, &props, def);
    Ok(true)
}

/// Sets the properties. Any of them may be refused.
fn describe(hosted: &Hosted, props: &Props<'_>, def: &ParamDef<'_>) {
    props.offer_string(kOfxPropLabel, def.label);
    props.offer_string(kOfxParamPropScriptName, def.name);
    if !def.hint.is_empty() {
        props.offer_string(kOfxParamPropHint, def.hint);
    }
    if let Some(parent) = def.parent {
        props.offer_string(kOfxParamPropParent, parent);
    }
    props.offer_flag(kOfxParamPropSecret, def.secret);
    props.offer_flag(kOfxParamPropEnabled, def.enabled);
    match def.layout {
        ParamLayout::Below => {}
        ParamLayout::Divider => {
            props.offer_int(kOfxParamPropLayoutHint, kOfxParamPropLayoutHintDivider);
        }
        ParamLayout::SameLine => {
            props.offer_int(kOfxParamPropLayoutHint, kOfxParamPropLayoutHintNoNewLine);
        }
    }
    if def.kind.has_value() {
        props.offer_flag(kOfxParamPropEvaluateOnChange, def.evaluates);
        props.offer_flag(kOfxParamPropPersistant, def.persistent);
        let animates = def.animates && def.kind.can_animate(hosted);
        props.offer_flag(kOfxParamPropAnimates, animates);
    }
    match &def.kind {
        ParamKind::Int { default, range, display } => {
            props.offer_int(kOfxParamPropMin, *range.start());
            props.offer_int(kOfxParamPropMax, *range.end());
            props.offer_int(kOfxParamPropDisplayMin, *display.start());
            props.offer_int(kOfxParamPropDisplayMax, *display.end());
            props.offer_int(kOfxParamPropDefault, *default);
        }
        ParamKind::Double { default, range, display, increment, digits, meaning } => {
            props.offer_double(kOfxParamPropMin, *range.start());
            props.offer_double(kOfxParamPropMax, *range.end());
            props.offer_double(kOfxParamPropDisplayMin, *display.start());
            props.offer_double(kOfxParamPropDisplayMax, *display.end());
            props.offer_double(kOfxParamPropIncrement, *increment);
            props.offer_int(kOfxParamPropDigits, *digits);
            props.offer_word(kOfxParamPropDoubleType, meaning.word());
            props.offer_double(kOfxParamPropDefault, *default);
        }
        ParamKind::Bool { default } => {
            props.offer_flag(kOfxParamPropDefault, *default);
        }
        ParamKind::Choice { default, options } => {
            for (index, option) in (0..).zip(*options) {
                let option = text::to_c(option);
                if let Err(error) = props.set_word_at(kOfxParamPropChoiceOption, index, &option) {
                    log::debug!("{}: {error}", def.name);
                }
            }
            // After the options, because some hosts check the default against them.
            let default = i32::try_from(*default).unwrap_or(0);
            props.offer_int(kOfxParamPropDefault, default);
        }
        ParamKind::String { default, mode } => {
            props.offer_word(kOfxParamPropStringMode, mode.word());
            if matches!(mode, StringMode::ReadFile | StringMode::WriteFile) {
                let exists = *mode == StringMode::ReadFile;
                props.offer_flag(kOfxParamPropStringFilePathExists, exists);
            }
            props.offer_string(kOfxParamPropDefault, default);
        }
        ParamKind::Group { open } => {
            props.offer_flag(kOfxParamPropGroupOpen, *open);
        }
        ParamKind::Page { children } => {
            for (index, child) in (0..).zip(*children) {
                let child = text::to_c(child);
                let _ = props.set_word_at(kOfxParamPropPageChild, index, &child);
            }
        }
        ParamKind::PushButton => {}
    }
}

impl DoubleMeaning {
    fn word(self) -> &'static CStr {
        match self {
            Self::Plain => kOfxParamDoubleTypePlain,
            Self::Scale => kOfxParamDoubleTypeScale,
            Self::Angle => kOfxParamDoubleTypeAngle,
            Self::Time => kOfxParamDoubleTypeTime,
        }
    }
}

impl StringMode {
    fn word(self) -> &'static CStr {
        match self {
            Self::SingleLine => kOfxParamStringIsSingleLine,
            Self::MultiLine => kOfxParamStringIsMultiLine,
            Self::ReadFile | Self::WriteFile => kOfxParamStringIsFilePath,
            Self::Directory => kOfxParamStringIsDirectoryPath,
            Self::Label => kOfxParamStringIsLabel,
        }
    }
}
