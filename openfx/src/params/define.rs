//! Describing parameters.
//!
//! A definition is a plain value, so that an effect can keep its parameters in a table.
//! Numbers cannot be defined without range and display range: one popular host clamps
//! them to almost nothing otherwise.

use std::ffi::CStr;
use std::ops::RangeInclusive;
use std::ptr;

use openfx_sys::*;

use crate::error::{Error, Result};
use crate::host::Hosted;
use crate::props::Props;
use crate::suites::call;
use crate::text;

/// A parameter as a host is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamDef<'a> {
    /// Its name for scripts and projects: a promise, never changed again.
    pub name: &'a str,
    /// Its name for people.
    pub label: &'a str,
    /// A sentence of help.
    pub hint: &'a str,
    /// The group that it is shown in.
    pub parent: Option<&'a str>,
    /// What it holds.
    pub kind: ParamKind<'a>,
    /// Whether it takes keyframes. Where the host has none for its kind, it gets none.
    pub animates: bool,
    /// Whether it is hidden.
    pub secret: bool,
    /// Whether it can be changed.
    pub enabled: bool,
    /// Whether a change makes the picture stale.
    pub evaluates: bool,
    /// Whether it is saved with the project.
    pub persistent: bool,
    /// How the next parameter follows.
    pub layout: Layout,
}

/// What a parameter holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind<'a> {
    /// A whole number.
    Int {
        /// Its value in a new instance.
        default: i32,
        /// What it can be.
        range: RangeInclusive<i32>,
        /// What its slider covers.
        display: RangeInclusive<i32>,
    },
    /// A number.
    Double {
        /// Its value in a new instance.
        default: f64,
        /// What it can be.
        range: RangeInclusive<f64>,
        /// What its slider covers.
        display: RangeInclusive<f64>,
        /// Step of its arrows.
        increment: f64,
        /// Digits after the point.
        digits: i32,
        /// What it measures.
        meaning: DoubleMeaning,
    },
    /// A check box.
    Bool {
        /// Its value in a new instance.
        default: bool,
    },
    /// One of several options, known by its index.
    Choice {
        /// Its value in a new instance.
        default: usize,
        /// The options. Some hosts save the label and not the index: they must differ
        /// from each other, be ASCII, and never change.
        options: &'a [&'a str],
    },
    /// Text.
    String {
        /// Its value in a new instance.
        default: &'a str,
        /// How it is edited.
        mode: StringMode,
    },
    /// Holds other parameters.
    Group {
        /// Whether it starts unfolded.
        open: bool,
    },
    /// A page of a control panel.
    Page {
        /// What is on it, in order.
        children: &'a [&'a str],
    },
    /// A button.
    PushButton,
}

/// What a double measures, by which hosts choose its widget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubleMeaning {
    /// Nothing in particular.
    Plain,
    /// A factor; 1 changes nothing.
    Scale,
    /// Degrees.
    Angle,
    /// Frames.
    Time,
}

/// How a text is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringMode {
    /// A line.
    SingleLine,
    /// Several.
    MultiLine,
    /// A file that is read. Only for what is a file: hosts expand such values.
    ReadFile,
    /// A file that is written.
    WriteFile,
    /// A folder.
    Directory,
    /// Shown, not edited.
    Label,
}

/// How the next parameter follows, where the host can lay out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Below.
    #[default]
    Below,
    /// Below a line.
    Divider,
    /// Beside.
    SameLine,
}

impl<'a> ParamDef<'a> {
    /// A parameter that animates if it is a number, evaluates if it has a value, is
    /// saved, shown and enabled.
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
            layout: Layout::Below,
            kind,
        }
    }

    /// What is wrong with the definition itself, whatever the host.
    ///
    /// # Errors
    /// [`Error::Definition`]; a test over the effect's table should call this.
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

    /// Whether the host can animate such a parameter.
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

/// Defines one parameter. A host that refuses it keeps its place: the effect will read
/// the default. `Ok(false)` says that this was so.
///
/// # Errors
/// [`Error::Definition`], see [`ParamDef::check`].
///
/// # Safety
/// `set` is NULL or the parameter set of the descriptor of the action that goes on.
pub(crate) unsafe fn define(hosted: &Hosted, set: OfxParamSetHandle, def: &ParamDef<'_>) -> Result<bool> {
    def.check()?;
    let name = text::to_c(def.name);
    let mut props: OfxPropertySetHandle = ptr::null_mut();
    if set.is_null() {
        return Ok(false);
    }
    // SAFETY: the caller vouches for the set, the strings end with NUL, the variable
    // outlives the call. Only types that every host knows are ever defined.
    let status = unsafe {
        call!(hosted.suites.param, paramDefine(set, def.kind.word().as_ptr(), name.as_ptr(), &mut props))
    };
    // SAFETY: NULL or the set that the host just made for this parameter.
    let props = unsafe { Props::new(&hosted.suites, props) };
    let (kOfxStatOK, Some(props)) = (status, props) else {
        log::debug!("the host does not define {} (status {status})", def.name);
        return Ok(false);
    };
    describe(hosted, &props, def);
    Ok(true)
}

/// Everything about it is an offer: hosts lack the strangest properties.
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
        Layout::Below => {}
        Layout::Divider => {
            props.offer_int(kOfxParamPropLayoutHint, kOfxParamPropLayoutHintDivider);
        }
        Layout::SameLine => {
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
            // After the options, because some hosts check it against them.
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
