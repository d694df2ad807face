//! Who the host is, what it can do, and where it departs from what it says.

use std::fmt;

use openfx_sys::*;

use super::error::Result;
use super::formats::{Components, Context, Depth, NativeOrigin};
use super::props::Props;
use super::suites::{MessageSuite, ProgressSuite, RawHost, Suites};

/// A host, once its suites are fetched.
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
            // Some versions offer version 2 with a wild pointer in it.
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

/// Hosts that behave in a way of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// DaVinci Resolve, free or Studio.
    Resolve,
    /// Blackmagic Fusion as a program of its own.
    Fusion,
    /// MLT: melt, Shotcut, Kdenlive.
    Mlt,
    /// Natron, whatever name it goes by.
    Natron,
    /// Nuke.
    Nuke,
    /// Vegas.
    Vegas,
    /// Any other.
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

/// The ways of telling colour spaces that a host may have.
const COLOUR_STYLES: [&std::ffi::CStr; 4] = [
    kOfxImageEffectColourManagementBasic,
    kOfxImageEffectColourManagementCore,
    kOfxImageEffectColourManagementFull,
    kOfxImageEffectColourManagementOCIO,
];

/// What a host says about itself; plain data, to keep and to pass on.
#[derive(Clone, Debug, PartialEq)]
pub struct HostRecord {
    /// Identifier, such as `DaVinciResolve`. Empty if the host does not say.
    pub name: String,
    /// The name that users know.
    pub label: String,
    /// Version numbers, most significant first. May be empty.
    pub version: Vec<i32>,
    /// The version as text.
    pub version_label: String,
    /// OpenFX version, `(1, 0)` if the host does not say.
    pub api: (i32, i32),
    /// Which of the known hosts it is.
    pub kind: HostKind,
    /// Whether it renders without a user in front of it.
    pub background: bool,
    /// Whether string parameters can have keyframes.
    pub string_animation: bool,
    /// Whether choices can have keyframes.
    pub choice_animation: bool,
    /// Whether check boxes can have keyframes.
    pub boolean_animation: bool,
    /// Whether other frames than the current one can be had. Where this is false, the
    /// host answers every time with the current frame.
    pub temporal_access: bool,
    /// Whether a picture can be asked for in pieces.
    pub tiles: bool,
    /// Whether inputs and output may differ in size.
    pub multi_resolution: bool,
    /// Whether clips may differ in depth.
    pub multiple_clip_depths: bool,
    /// Whether options of a choice may change on an instance.
    pub dynamic_choices: bool,
    /// How many pages of parameters; 0: it shows the groups instead, or does not say.
    pub max_pages: i32,
    /// Contexts. Empty if the host does not say.
    pub contexts: Vec<Context>,
    /// Depths that it says it has.
    pub depths: Vec<Depth>,
    /// Layouts that it says it has.
    pub components: Vec<Components>,
    /// Where the origin of its pictures is, if it says so.
    pub native_origin: Option<NativeOrigin>,
    /// Whether it says in which colour space clips are (OpenFX 1.5).
    pub colour_management: bool,
    /// Whether a message can stay on the effect until it is cleared.
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
            // Nuke hides effects that ask for it, or falls over them.
            colour_management: manages && api >= (1, 5) && kind != HostKind::Nuke,
            label: string(kOfxPropLabel),
            version: (0..4).map_while(|index| int(kOfxPropVersion, index)).collect(),
            version_label: string(kOfxPropVersionLabel),
            api,
            background: flag(kOfxImageEffectHostPropIsBackground, false),
            string_animation: flag(kOfxParamHostPropSupportsStringAnimation, false),
            choice_animation: flag(kOfxParamHostPropSupportsChoiceAnimation, false),
            boolean_animation: flag(kOfxParamHostPropSupportsBooleanAnimation, false),
            // Every host that cannot says so; of silence the better assumption is that
            // it can, since the effect sees from the pictures when that was wrong.
            temporal_access: flag(kOfxImageEffectPropTemporalClipAccess, kind != HostKind::Mlt),
            tiles: flag(kOfxImageEffectPropSupportsTiles, false),
            multi_resolution: flag(kOfxImageEffectPropSupportsMultiResolution, false),
            multiple_clip_depths: flag(kOfxImageEffectPropSupportsMultipleClipDepths, false),
            dynamic_choices: flag(kNatronOfxParamHostPropSupportsDynamicChoices, false),
            max_pages: int(kOfxParamHostPropMaxPages, 0).unwrap_or(0),
            contexts: known(&strings(kOfxImageEffectPropSupportedContexts), Context::from_word),
            depths: known(&strings(kOfxImageEffectPropSupportedPixelDepths), Depth::from_word),
            components: known(&strings(kOfxImageEffectPropSupportedComponents), Components::from_word),
            native_origin: NativeOrigin::from_word(&string(kOfxImageEffectHostPropNativeOrigin)),
            persistent_messages: false,
            suites: Vec::new(),
            name,
        }
    }

    /// Whether an instance may live for one frame only, so that what is to be remembered
    /// belongs elsewhere. (MLT does so, and others clone.)
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
