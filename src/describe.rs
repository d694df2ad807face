//! Describes the parameters and clips to a host.

use std::path::Path;

use openfx::{
    ClipDef, Components, Context, ContextDescriptor, Depth, DoubleMeaning, EffectDescriptor, ParamDef,
    ParamKind, PluginId, Result, StringMode, ThreadSafety, library_path,
};

use super::client::Client;
use super::table::{Group, Param, ParamType, TABLE, TextMode};

/// Accepted colour spaces of the clips, preferred ones first: the model's own, then those that can be
/// converted to it. A host whose clip has another one, such as a camera's, converts it to one of these.
pub const COLOURSPACES: &[&str] = &[
    "srgb_display",
    "rec1886_rec709_display",
    "srgb_tx",
    "displayp3_display",
    "p3d65_display",
    "rec1886_rec2020_display",
    "rec2100_hlg_display",
    "rec2100_pq_display",
    "st2084_p3d65_display",
    "lin_rec709_srgb",
    "lin_p3d65",
    "lin_rec2020",
    "ACEScct",
    "ACEScg",
    "ACES2065-1",
    "g22_rec709_tx",
    "g24_rec709_tx",
    "ofx_display_sdr",
    "ofx_scene_linear",
];

const DESCRIPTION: &str = "Restyles a shot from a prompt. The shot is turned into noise that keeps its motion and \
composition, and the noise into the same shot in another style.";

/// Identifier and version. The major version changes only if projects could no longer be opened.
pub fn identity() -> PluginId {
    PluginId { identifier: c"io.github.unsample.Unsample", major: 1, minor: 0 }
}

/// Describes the effect and its capabilities.
///
/// # Errors
/// The host refuses a required property.
pub fn effect(effect: &mut EffectDescriptor<'_>) -> Result<()> {
    // <bundle>/Contents/<platform>/Unsample.ofx is next to <bundle>/Contents/Resources.
    let resources = effect
        .bundle_path()
        .map(|bundle| Path::new(&bundle).join("Contents").join("Resources"))
        .filter(|folder| folder.is_dir())
        .or_else(|| Some(library_path()?.parent()?.parent()?.join("Resources")));
    if let Some(resources) = resources {
        Client::global().set_resources(resources);
    }
    effect.label("Unsample");
    effect.grouping("AI");
    effect.description(DESCRIPTION, env!("CARGO_PKG_VERSION"));
    effect.contexts(&[Context::Filter, Context::General])?;
    effect.depths(&[Depth::Float, Depth::Half, Depth::Short, Depth::Byte])?;
    // Renders of one instance may overlap: shared state is protected by locks, and the engine processes one
    // request at a time.
    effect.thread_safety(ThreadSafety::FullySafe);
    effect.host_frame_threading(false);
    effect.temporal_access(true);
    effect.tiles(false);
    effect.multi_resolution(true);
    effect.multiple_clip_depths(false);
    effect.multiple_clip_pars(false);
    effect.field_render_twice(false);
    effect.colour_management();
    Ok(())
}

/// Describes clips and parameters, which are the same in every context.
///
/// # Errors
/// The host refuses a required clip.
pub fn context(effect: &mut ContextDescriptor<'_>) -> Result<()> {
    for (name, optional, temporal_access) in
        [("Source", false, true), ("Hint", true, true), ("Output", false, false)]
    {
        effect.clip(&ClipDef {
            name,
            label: name,
            components: &[Components::Rgba, Components::Rgb],
            optional,
            mask: false,
            temporal_access,
            tiles: false,
        })?;
    }
    for group in Group::ALL {
        let open = matches!(group, Group::Style | Group::Unsampling);
        effect.param(&ParamDef::new(group.name(), group.label(), ParamKind::Group { open }))?;
        for param in TABLE.iter().filter(|p| p.group == group) {
            effect.param(&definition(param))?;
        }
    }
    Ok(())
}

/// The definition of a table row for the host.
pub fn definition(param: &Param) -> ParamDef<'static> {
    let kind = match param.kind {
        ParamType::Int { default, range, display } => {
            ParamKind::Int { default, range: range.0..=range.1, display: display.0..=display.1 }
        }
        ParamType::Double { default, range, display } => ParamKind::Double {
            default,
            range: range.0..=range.1,
            display: display.0..=display.1,
            increment: 0.05,
            digits: 2,
            meaning: DoubleMeaning::Plain,
        },
        ParamType::Bool { default } => ParamKind::Bool { default },
        ParamType::Choice { default, options } => ParamKind::Choice { default, options },
        ParamType::Text { default, mode } => ParamKind::String {
            default,
            mode: match mode {
                TextMode::SingleLine => StringMode::SingleLine,
                TextMode::MultiLine => StringMode::MultiLine,
                TextMode::OpenFile => StringMode::ReadFile,
                TextMode::SaveFile => StringMode::WriteFile,
                TextMode::Folder => StringMode::Directory,
                TextMode::ReadOut => StringMode::Label,
            },
        },
        ParamType::Button => ParamKind::PushButton,
    };
    let read_out = matches!(param.kind, ParamType::Text { mode: TextMode::ReadOut, .. });
    ParamDef {
        hint: param.hint,
        parent: Some(param.group.name()),
        animates: param.animates,
        // A status parameter that caused renders would cause them forever.
        evaluates: param.stage != super::table::Stage::Nothing,
        persistent: !read_out,
        ..ParamDef::new(param.name, param.label, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_space_that_is_asked_for_is_known() {
        use frame::{HostColour, InputColour, InputPrimaries};
        for name in COLOURSPACES {
            let host = HostColour { colourspace: Some((*name).to_owned()), ..HostColour::default() };
            assert_eq!(host.resolve(InputColour::Auto, InputPrimaries::Auto).1, None, "{name}");
        }
    }

    #[test]
    fn every_definition_is_sound() {
        for param in TABLE {
            definition(param).check().unwrap();
        }
    }
}
