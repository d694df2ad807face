//! The initial property sets of the host, an effect, an instance and a clip.

use std::ffi::{CStr, CString};

use openfx_sys::*;

use super::props::Access::{List, Read, Write};
use super::props::PropertySet;
use super::session::{ColourManagement, Settings};

/// The contexts that the host supports, the preferred one first.
pub const CONTEXTS: &[&CStr] = &[kOfxImageEffectContextGeneral, kOfxImageEffectContextFilter];

/// The host's own properties.
pub fn host(settings: &Settings) -> PropertySet {
    let set = PropertySet::new();
    let name = CString::new(settings.name.as_str()).unwrap_or_default();
    let animates = i32::from(settings.animate_strings);
    set.define_text(kOfxPropType, Read, &[kOfxTypeImageEffectHost])
        .define_text(kOfxPropName, Read, &[&name])
        .define_text(kOfxPropLabel, Read, &[c"Unsample"])
        .define(kOfxPropAPIVersion, Read, [1, 5])
        .define(kOfxPropVersion, Read, version())
        .define_text(kOfxPropVersionLabel, Read, &[&version_label()])
        .define(kOfxPropHostOSHandle, Read, [0usize])
        .define(kOfxImageEffectHostPropIsBackground, Read, [1])
        .define(kOfxImageEffectPropSupportsOverlays, Read, [0])
        .define(kOfxImageEffectPropSupportsMultiResolution, Read, [1])
        .define(kOfxImageEffectPropSupportsTiles, Read, [0])
        .define(
            kOfxImageEffectPropTemporalClipAccess,
            Read,
            [i32::from(settings.temporal || settings.pretends_temporal)],
        )
        .define(kOfxImageEffectPropSupportsMultipleClipDepths, Read, [0])
        .define(kOfxImageEffectPropSupportsMultipleClipPARs, Read, [0])
        .define(kOfxImageEffectPropSetableFrameRate, Read, [0])
        .define(kOfxImageEffectPropSetableFielding, Read, [0])
        .define(kOfxImageEffectInstancePropSequentialRender, Read, [0])
        .define_text(kOfxImageEffectHostPropNativeOrigin, Read, &[kOfxHostNativeOriginBottomLeft])
        .define_text(kOfxImageEffectPropSupportedContexts, Read, CONTEXTS)
        .define_text(
            kOfxImageEffectPropSupportedComponents,
            Read,
            &[kOfxImageComponentRGBA, kOfxImageComponentRGB],
        )
        .define_text(
            kOfxImageEffectPropSupportedPixelDepths,
            Read,
            &[kOfxBitDepthFloat, kOfxBitDepthHalf, kOfxBitDepthShort, kOfxBitDepthByte],
        )
        .define(kOfxParamHostPropSupportsStringAnimation, Read, [animates])
        .define(kOfxParamHostPropSupportsChoiceAnimation, Read, [1])
        .define(kOfxParamHostPropSupportsBooleanAnimation, Read, [1])
        .define(kOfxParamHostPropSupportsCustomAnimation, Read, [0])
        .define(kOfxParamHostPropSupportsStrChoice, Read, [1])
        .define(kOfxParamHostPropSupportsStrChoiceAnimation, Read, [1])
        .define(kOfxParamHostPropSupportsParametricAnimation, Read, [0])
        .define(kOfxParamHostPropSupportsCustomInteract, Read, [0])
        .define(kOfxParamHostPropMaxParameters, Read, [-1])
        .define(kOfxParamHostPropMaxPages, Read, [0])
        .define(kOfxParamHostPropPageRowColumnCount, Read, [0, 0]);
    for gpu in GPU {
        set.define_text(gpu, Read, &[c"false"]);
    }
    let style = if settings.colour == ColourManagement::Off {
        kOfxImageEffectColourManagementNone
    } else {
        set.define_text(kOfxImageEffectPropColourManagementAvailableConfigs, Read, &[kOfxConfigIdentifier]);
        kOfxImageEffectColourManagementCore
    };
    set.define_text(kOfxImageEffectPropColourManagementStyle, Read, &[style]);
    set
}

/// GPU rendering properties; this host supports none of them.
const GPU: &[&CStr] = &[
    kOfxImageEffectPropOpenGLRenderSupported,
    kOfxImageEffectPropCudaRenderSupported,
    kOfxImageEffectPropCudaStreamSupported,
    kOfxImageEffectPropMetalRenderSupported,
    kOfxImageEffectPropOpenCLRenderSupported,
    kOfxImageEffectPropOpenCLSupported,
];

fn version() -> Vec<i32> {
    env!("CARGO_PKG_VERSION").split('.').filter_map(|part| part.parse().ok()).collect()
}

fn version_label() -> CString {
    CString::new(env!("CARGO_PKG_VERSION")).unwrap_or_default()
}

/// The properties of a descriptor, which the plugin fills in.
pub fn effect(path: &CStr) -> PropertySet {
    let set = PropertySet::new();
    set.define_text(kOfxPropType, Read, &[kOfxTypeImageEffect])
        .define_text(kOfxPropLabel, Write, &[c""])
        .define_text(kOfxPropShortLabel, Write, &[c""])
        .define_text(kOfxPropLongLabel, Write, &[c""])
        .define_text(kOfxPropIcon, Write, &[c"", c""])
        .define(kOfxPropVersion, List, [0])
        .define_text(kOfxPropVersionLabel, Write, &[c""])
        .define_text(kOfxPropPluginDescription, Write, &[c""])
        .define_text(kOfxPluginPropFilePath, Read, &[path])
        .define_text(kOfxImageEffectPluginPropGrouping, Write, &[c""])
        .define_text(kOfxImageEffectPropSupportedContexts, List, &[])
        .define_text(kOfxImageEffectPropSupportedPixelDepths, List, &[])
        .define(kOfxImageEffectPluginPropObsolete, Write, [0])
        .define(kOfxImageEffectPluginPropSingleInstance, Write, [0])
        .define(kOfxImageEffectPluginPropHostFrameThreading, Write, [0])
        .define(kOfxImageEffectPluginPropFieldRenderTwiceAlways, Write, [1])
        .define_text(kOfxImageEffectPluginRenderThreadSafety, Write, &[kOfxImageEffectRenderInstanceSafe])
        .define(kOfxImageEffectPropSupportsMultiResolution, Write, [1])
        .define(kOfxImageEffectPropSupportsTiles, Write, [1])
        .define(kOfxImageEffectPropTemporalClipAccess, Write, [0])
        .define(kOfxImageEffectPropSupportsMultipleClipDepths, Write, [0])
        .define(kOfxImageEffectPropSupportsMultipleClipPARs, Write, [0])
        .define(kOfxImageEffectInstancePropSequentialRender, Write, [0])
        .define_text(kOfxImageEffectPropClipPreferencesSlaveParam, List, &[])
        .define(kOfxImageEffectPluginPropOverlayInteractV1, Write, [0usize])
        .define(kOfxImageEffectPluginPropOverlayInteractV2, Write, [0usize])
        .define_text(kOfxImageEffectPropNoSpatialAwareness, Write, &[c"false"])
        .define_text(kOfxImageEffectPropCPURenderSupported, Write, &[c"true"])
        .define_text(kOfxOpenGLPropPixelDepth, List, &[])
        .define_text(kOfxImageEffectPropColourManagementStyle, Write, &[kOfxImageEffectColourManagementNone])
        .define_text(kOfxImageEffectPropColourManagementAvailableConfigs, List, &[]);
    for gpu in GPU {
        set.define_text(gpu, Write, &[c"false"]);
    }
    set
}

/// Project properties of an instance.
pub struct Project {
    /// Width and height in canonical coordinates.
    pub size: (f64, f64),
    /// The lower left corner in canonical coordinates.
    pub offset: (f64, f64),
    /// Pixel aspect ratio, width over height.
    pub pixel_aspect: f64,
    /// Frame rate in frames per second.
    pub fps: f64,
    /// Length of the project in frames.
    pub duration: f64,
}

/// Whether colour spaces are reported: the host manages colour and the plugin asked for it.
pub fn tells_colour(description: &PropertySet, settings: &Settings) -> bool {
    let style = description.string(kOfxImageEffectPropColourManagementStyle);
    let wants = !style.is_empty() && style.as_bytes() != kOfxImageEffectColourManagementNone.to_bytes();
    let configs = description.strings(kOfxImageEffectPropColourManagementAvailableConfigs);
    let known = configs.iter().any(|config| config.as_bytes() == kOfxConfigIdentifier.to_bytes());
    settings.colour != ColourManagement::Off && wants && known
}

/// The properties of an instance, from those of its descriptor.
pub fn instance(
    description: &PropertySet,
    context: &CStr,
    project: &Project,
    settings: &Settings,
) -> PropertySet {
    let set = description.duplicate();
    if tells_colour(description, settings) {
        let style = kOfxImageEffectColourManagementCore;
        set.define_text(kOfxImageEffectPropColourManagementStyle, Read, &[style]).define_text(
            kOfxImageEffectPropColourManagementConfig,
            Read,
            &[kOfxConfigIdentifier],
        );
    } else {
        let style = kOfxImageEffectColourManagementNone;
        set.define_text(kOfxImageEffectPropColourManagementStyle, Read, &[style]);
    }
    set.define_text(kOfxPropType, Read, &[kOfxTypeImageEffectInstance])
        .define_text(kOfxImageEffectPropContext, Read, &[context])
        .define(kOfxPropInstanceData, Write, [0usize])
        .define(kOfxImageEffectPropPluginHandle, Read, [0usize])
        .define(kOfxPropIsInteractive, Read, [0])
        .define(kOfxImageEffectPropProjectSize, Read, [project.size.0, project.size.1])
        .define(kOfxImageEffectPropProjectExtent, Read, [project.size.0, project.size.1])
        .define(kOfxImageEffectPropProjectOffset, Read, [project.offset.0, project.offset.1])
        .define(kOfxImageEffectPropProjectPixelAspectRatio, Read, [project.pixel_aspect])
        .define(kOfxImageEffectInstancePropEffectDuration, Read, [project.duration])
        .define(kOfxImageEffectPropFrameRate, Read, [project.fps]);
    set
}

/// The properties of a clip descriptor, which the plugin fills in.
pub fn clip(name: &CStr) -> PropertySet {
    let set = PropertySet::new();
    set.define_text(kOfxPropType, Read, &[kOfxTypeClip])
        .define_text(kOfxPropName, Read, &[name])
        .define_text(kOfxPropLabel, Write, &[name])
        .define_text(kOfxPropShortLabel, Write, &[name])
        .define_text(kOfxPropLongLabel, Write, &[name])
        .define_text(kOfxPropPluginDescription, Write, &[c""])
        .define_text(kOfxParamPropHint, Write, &[c""])
        .define_text(kOfxImageEffectPropSupportedComponents, List, &[])
        .define(kOfxImageEffectPropTemporalClipAccess, Write, [0])
        .define(kOfxImageClipPropOptional, Write, [0])
        .define(kOfxImageClipPropIsMask, Write, [0])
        .define(kOfxImageEffectPropSupportsTiles, Write, [1])
        .define_text(kOfxImageClipPropFieldExtraction, Write, &[kOfxImageFieldDoubled])
        .define_text(kOfxImageClipPropPreferredColourspaces, List, &[]);
    set
}
