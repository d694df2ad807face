//! The host's identity and capabilities, and corrections for known hosts.

use std::fmt;

use openfx_sys::*;

use super::error::Result;
use super::formats::Context;
use super::props::Props;
use super::suites::{MessageSuite, ProgressSuite, RawHost, Suites};

/// A host and its suites.
pub(super) struct Hosted {
    pub(super) suites: Suites,
    pub(super) record: HostRecord,
}

impl Hosted {
    /// # Errors
    /// As [`Suites::fetch`].
    pub(super) fn meet(raw: &RawHost) -> Result<Self> {
        let mut suites = Suites::fetch(raw)?;
        // SAFETY: the host's own property set, usable as long as the host is there.
        let props = unsafe { Props::new(&suites, raw.properties()) };
        let mut record = HostRecord::read(props);
        if record.kind.is_resolve() {
            // Some versions fill the version 2 suite with an invalid pointer.
            suites.distrust_message_2(raw);
        }
        record.persistent_messages = matches!(suites.message, MessageSuite::V2(_));
        record.suites = offered(&suites);
        Ok(Self { suites, record })
    }
}

fn offered(suites: &Suites) -> Vec<&'static str> {
    let mut names = suites.others.clone();
    match suites.message {
        MessageSuite::None => {}
        MessageSuite::V1(_) => names.push("message 1"),
        MessageSuite::V2(_) => names.push("message 2"),
    }
    match suites.progress {
        ProgressSuite::None => {}
        ProgressSuite::V1(_) => names.push("progress 1"),
        ProgressSuite::V2(_) => names.push("progress 2"),
    }
    if suites.time_line.is_some() {
        names.push("time line 1");
    }
    names
}

/// Known hosts whose behaviour differs from the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// DaVinci Resolve, free or Studio.
    Resolve,
    /// Blackmagic Fusion, standalone.
    Fusion,
    /// MLT: melt, Shotcut, Kdenlive.
    Mlt,
    /// Natron, also under the names of its forks.
    Natron,
    /// Nuke by Foundry.
    Nuke,
    /// Vegas Pro by MAGIX.
    Vegas,
    /// Any other host; no corrections apply.
    Other,
}

impl HostKind {
    fn of(name: &str, is_natron: bool) -> Self {
        if is_natron || name.starts_with("fr.inria.Natron") {
            Self::Natron
        } else if name.starts_with("DaVinciResolve") {
            Self::Resolve
        } else if name.starts_with("com.blackmagicdesign.Fusion") {
            Self::Fusion
        } else if name == "MLT" {
            Self::Mlt
        } else if name.starts_with("uk.co.thefoundry.nuke") {
            Self::Nuke
        } else if name.starts_with("com.sonycreativesoftware.vegas") || name.starts_with("com.sony.Vegas") {
            Self::Vegas
        } else {
            Self::Other
        }
    }

    fn is_resolve(self) -> bool {
        self == Self::Resolve
    }
}

/// The colour management styles that a host may report.
const COLOUR_STYLES: [&std::ffi::CStr; 4] = [
    kOfxImageEffectColourManagementBasic,
    kOfxImageEffectColourManagementCore,
    kOfxImageEffectColourManagementFull,
    kOfxImageEffectColourManagementOCIO,
];

/// What a host reports about itself; plain data that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct HostRecord {
    /// Identifier, such as `DaVinciResolve`. Empty if the host does not say.
    pub name: String,
    /// Name shown to users.
    pub label: String,
    /// Version numbers, most significant first. May be empty.
    pub version: Vec<i32>,
    /// Version as text; may be empty.
    pub version_label: String,
    /// OpenFX version, `(1, 0)` if the host does not say.
    pub api: (i32, i32),
    /// Which known host it is.
    pub kind: HostKind,
    /// Whether it renders without a user interface.
    pub background: bool,
    /// Whether string parameters can be animated.
    pub string_animation: bool,
    /// Whether choice parameters can be animated.
    pub choice_animation: bool,
    /// Whether boolean parameters can be animated.
    pub boolean_animation: bool,
    /// Whether frames other than the current one can be fetched. If not, the host returns the current frame
    /// for every time.
    pub temporal_access: bool,
    /// Whether it renders partial images.
    pub tiles: bool,
    /// Supported contexts. Empty if the host does not say.
    pub contexts: Vec<Context>,
    /// Whether it reports the clips' colour spaces (OpenFX 1.5).
    pub colour_management: bool,
    /// Whether persistent messages are supported.
    pub persistent_messages: bool,
    /// Optional suites with their versions.
    pub suites: Vec<&'static str>,
}

impl HostRecord {
    fn read(props: Option<Props<'_>>) -> Self {
        let string = |name| props.and_then(|props| props.string(name)).unwrap_or_default();
        let strings = |name| props.map(|props| props.strings(name)).unwrap_or_default();
        let flag = |name, otherwise| props.and_then(|props| props.flag(name)).unwrap_or(otherwise);
        let int = |name, index| props.and_then(|props| props.int_at(name, index));
        let name = string(kOfxPropName);
        let kind = HostKind::of(&name, flag(kNatronOfxHostIsNatron, false));
        let api = (int(kOfxPropAPIVersion, 0).unwrap_or(1), int(kOfxPropAPIVersion, 1).unwrap_or(0));
        let style = string(kOfxImageEffectPropColourManagementStyle);
        let manages = COLOUR_STYLES.iter().any(|known| known.to_bytes() == style.as_bytes());
        Self {
            kind,
            // Nuke hides effects that declare colour management, or crashes on them.
            colour_management: manages && api >= (1, 5) && kind != HostKind::Nuke,
            label: string(kOfxPropLabel),
            version: (0..4).map_while(|index| int(kOfxPropVersion, index)).collect(),
            version_label: string(kOfxPropVersionLabel),
            api,
            background: flag(kOfxImageEffectHostPropIsBackground, false),
            string_animation: flag(kOfxParamHostPropSupportsStringAnimation, false),
            choice_animation: flag(kOfxParamHostPropSupportsChoiceAnimation, false),
            boolean_animation: flag(kOfxParamHostPropSupportsBooleanAnimation, false),
            // MLT lacks temporal access and does not say so. For other silent hosts assume that they have it:
            // the effect notices from the images if they do not.
            temporal_access: flag(kOfxImageEffectPropTemporalClipAccess, kind != HostKind::Mlt),
            tiles: flag(kOfxImageEffectPropSupportsTiles, false),
            contexts: known(&strings(kOfxImageEffectPropSupportedContexts), Context::from_word),
            persistent_messages: false,
            suites: Vec::new(),
            name,
        }
    }

    /// Whether an instance may exist for a single frame only, so that state must be kept elsewhere. (MLT does
    /// this; other hosts copy instances.)
    pub fn instances_are_short_lived(&self) -> bool {
        self.kind == HostKind::Mlt
    }
}

impl fmt::Display for HostRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.label.as_str(), self.name.as_str()) {
            ("", "") => "an unnamed host",
            ("", name) => name,
            (label, _) => label,
        };
        f.write_str(name)?;
        if !self.version_label.is_empty() {
            write!(f, " {}", self.version_label)?;
        } else if !self.version.is_empty() {
            let version: Vec<String> = self.version.iter().map(ToString::to_string).collect();
            write!(f, " {}", version.join("."))?;
        }
        write!(f, " (OpenFX {}.{}", self.api.0, self.api.1)?;
        if !self.temporal_access {
            f.write_str(", one frame at a time")?;
        }
        if !self.suites.is_empty() {
            write!(f, "; {}", self.suites.join(", "))?;
        }
        f.write_str(")")
    }
}

fn known<T>(words: &[String], meaning: impl Fn(&str) -> Option<T>) -> Vec<T> {
    words.iter().filter_map(|word| meaning(word)).collect()
}
