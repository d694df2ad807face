//! An instance of the plugin, from creation to destruction.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;

use openfx_sys::*;

use super::actions::{Arguments, clip_property};
use super::clip::{AlphaMode, Clip, Feed, Format};
use super::effect::Effect;
use super::error::HostError;
use super::params::{Kind, Param, Value, near_names};
use super::plugin::{Plugin, check};
use super::props::Access::{List, Read, Write};
use super::props::PropertySet;
use super::session::{Components, Depth};
use super::sets::{Project, tells_colour};

/// What to create an instance with.
#[derive(Clone, Default)]
pub struct Recipe {
    /// Footage of the connected clips, by clip name.
    pub feeds: BTreeMap<String, Arc<dyn Feed>>,
    /// Values and keys to set, in this order.
    pub edits: Vec<Edit>,
    /// Buttons to press after all values are set.
    pub presses: Vec<String>,
}

/// A value or key to set.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Name of the parameter.
    pub name: String,
    /// Time of a key in frames; `None` for a constant.
    pub time: Option<f64>,
    /// The value in text form.
    pub text: String,
}

/// An instance; destroyed on drop.
pub struct Instance {
    /// The effect behind the instance.
    pub effect: Arc<Effect>,
    created: bool,
}

impl Instance {
    /// Creates an instance: connects the clips, sets the values and settles the image formats.
    ///
    /// # Errors
    /// An edit is invalid, or the plugin returns an error.
    pub fn create(plugin: &Plugin, recipe: &Recipe) -> Result<Self, HostError> {
        for name in recipe.feeds.keys() {
            if !plugin.inputs().contains(name) {
                return Err(HostError::NoClip { name: name.clone(), clips: plugin.inputs().join(", ") });
            }
        }
        let edits = resolve(&plugin.description, &recipe.edits)?;
        let presses = recipe.presses.iter().map(|name| button(&plugin.description, name));
        let presses = presses.collect::<Result<Vec<_>, _>>()?;
        let effect =
            Effect::instance(&plugin.description, &plugin.context, &project(plugin, recipe), &recipe.feeds);
        let mut instance = Self { effect: effect.clone(), created: false };
        let reply = effect.entry.call(kOfxActionCreateInstance, &effect, Arguments::default());
        check(&effect.session, "create instance", reply.status)?;
        instance.created = true;
        instance.edit(&edits)?;
        instance.agree_on_formats()?;
        for name in presses {
            instance.press(&name)?;
        }
        Ok(instance)
    }

    /// Sets values as user changes, and notifies the plugin of each.
    fn edit(&self, edits: &[(CString, Option<f64>, Value)]) -> Result<(), HostError> {
        if edits.is_empty() {
            return Ok(());
        }
        self.changed(kOfxActionBeginInstanceChanged, None)?;
        for (name, time, value) in edits {
            if let Some(param) = self.effect.params.find(name) {
                let text = param.show(value);
                param.set(*time, value.clone()).map_err(|status| set_error(&param, &text, status))?;
            }
            self.changed(kOfxActionInstanceChanged, Some((kOfxTypeParameter, name)))?;
        }
        self.changed(kOfxActionEndInstanceChanged, None)
    }

    /// Presses a push button.
    fn press(&self, name: &CStr) -> Result<(), HostError> {
        self.changed(kOfxActionBeginInstanceChanged, None)?;
        self.changed(kOfxActionInstanceChanged, Some((kOfxTypeParameter, name)))?;
        self.changed(kOfxActionEndInstanceChanged, None)
    }

    fn changed(&self, action: &'static CStr, what: Option<(&CStr, &CStr)>) -> Result<(), HostError> {
        let status = notify(&self.effect, action, kOfxChangeUserEdited, what);
        check(&self.effect.session, "instance changed", status)
    }

    /// Proposes a format for every clip, lets the plugin change it, and sets the result.
    fn agree_on_formats(&self) -> Result<(), HostError> {
        let effect = &self.effect;
        let alpha = self.alpha_mode();
        let output = PropertySet::new();
        let mut proposals = Vec::new();
        let tells_colour = tells_colour(&effect.props, &effect.session.settings);
        for clip in effect.clips() {
            let format = propose(effect, &clip, alpha)?;
            let name = clip.name();
            output
                .define_text(
                    &clip_property(c"OfxImageClipPropComponents_", &name),
                    Write,
                    &[format.components.name()],
                )
                .define_text(&clip_property(c"OfxImageClipPropDepth_", &name), Write, &[format.depth.name()])
                .define(&clip_property(c"OfxImageClipPropPAR_", &name), Write, [effect.pixel_aspect()]);
            if tells_colour && !clip.is_output() {
                output.define_text(
                    &clip_property(c"OfxImageClipPropPreferredColourspaces_", &name),
                    List,
                    &[],
                );
            }
            proposals.push((clip, format));
        }
        output
            .define(
                kOfxImageEffectPropFrameRate,
                Write,
                [effect.main_facts().map_or(25.0, |facts| facts.fps)],
            )
            .define_text(kOfxImageEffectPropPreMultiplication, Write, &[alpha.name()])
            .define_text(kOfxImageClipPropFieldOrder, Write, &[kOfxImageFieldNone])
            .define(kOfxImageClipPropContinuousSamples, Write, [0])
            .define(kOfxImageEffectFrameVarying, Write, [0]);
        let arguments = Arguments { output: Some(output), ..Arguments::default() };
        let reply = effect.entry.call(kOfxImageEffectActionGetClipPreferences, effect, arguments);
        check(&effect.session, "get clip preferences", reply.status)?;
        for (clip, mut format) in proposals {
            let wish = |prefix: &CStr| reply.output.string(&clip_property(prefix, &clip.name()));
            if let Some(components) = components_named(&wish(c"OfxImageClipPropComponents_")) {
                format.components = components;
            }
            if let Some(depth) = depth_named(&wish(c"OfxImageClipPropDepth_")) {
                format.depth = depth;
            }
            if clip.is_output() {
                format.alpha =
                    alpha_named(&reply.output.string(kOfxImageEffectPropPreMultiplication), format.alpha);
            }
            clip.set_format(format);
        }
        if tells_colour { self.agree_on_colour() } else { Ok(()) }
    }

    /// Reports the colour space of every clip to the plugin and asks for that of the output. The plugin's
    /// preferred colour spaces have no effect, because this host does not convert.
    fn agree_on_colour(&self) -> Result<(), HostError> {
        let effect = &self.effect;
        let settings = &effect.session.settings;
        for clip in effect.clips() {
            if let Some(name) = clip.own_colourspace(settings) {
                clip.set_colourspace(name);
            }
        }
        let Some(main) = effect.main_clip().and_then(|clip| clip.own_colourspace(settings)) else {
            return Ok(());
        };
        let (input, output) = (PropertySet::new(), PropertySet::new());
        input.define_text(kOfxImageClipPropPreferredColourspaces, Read, &[&main]);
        output.define_text(kOfxImageClipPropColourspace, Write, &[c""]);
        let arguments = Arguments { input: Some(input), output: Some(output), time: None };
        let reply = effect.entry.call(kOfxImageEffectActionGetOutputColourspace, effect, arguments);
        check(&effect.session, "get output colourspace", reply.status)?;
        // By default the output has the colour space of the first input.
        let named = reply.output.string(kOfxImageClipPropColourspace);
        let named = if reply.is_ok() && !named.is_empty() { CString::new(named).ok() } else { None };
        if let Some(clip) = effect.clips().into_iter().find(|clip| clip.is_output()) {
            clip.set_colourspace(named.unwrap_or(main));
        }
        Ok(())
    }

    /// How colours relate to alpha in the images of this session.
    fn alpha_mode(&self) -> AlphaMode {
        let has_alpha = self.effect.main_facts().is_some_and(|facts| facts.alpha);
        match (self.effect.session.settings.premultiplied, has_alpha) {
            (true, _) => AlphaMode::Premultiplied,
            (false, true) => AlphaMode::Straight,
            (false, false) => AlphaMode::Opaque,
        }
    }

    /// Calls the actions sent before saving (SyncPrivateData) and on low memory (PurgeCaches).
    pub fn sync_and_purge(&self) -> Result<(), HostError> {
        for (action, name) in
            [(kOfxActionSyncPrivateData, "sync private data"), (kOfxActionPurgeCaches, "purge caches")]
        {
            let reply = self.effect.entry.call(action, &self.effect, Arguments::default());
            check(&self.effect.session, name, reply.status)?;
        }
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.created {
            let reply = self.effect.entry.call(kOfxActionDestroyInstance, &self.effect, Arguments::default());
            if !reply.is_fine() {
                self.effect.session.complain("it failed in destroy instance");
            }
        }
        self.effect.retire();
    }
}

fn project(plugin: &Plugin, recipe: &Recipe) -> Project {
    let main =
        recipe.feeds.get("Source").or_else(|| plugin.inputs().iter().find_map(|name| recipe.feeds.get(name)));
    let origin = plugin.session.settings.origin;
    let facts = main.map(|feed| feed.facts());
    let aspect = facts.map_or(1.0, |facts| facts.pixel_aspect);
    Project {
        size: facts.map_or((0.0, 0.0), |facts| (f64::from(facts.width) * aspect, f64::from(facts.height))),
        offset: (f64::from(origin.0) * aspect, f64::from(origin.1)),
        pixel_aspect: aspect,
        fps: facts.map_or(25.0, |facts| facts.fps),
        duration: facts.map_or(0.0, |facts| f64::from(facts.frames)),
    }
}

/// The parameter with this name.
///
/// # Errors
/// [`HostError::NoParam`] with similar names.
pub fn find_param(description: &Effect, name: &str) -> Result<Arc<Param>, HostError> {
    let found = CString::new(name).ok().and_then(|name| description.params.find(&name));
    found.ok_or_else(|| {
        let names: Vec<String> = description
            .params
            .all()
            .iter()
            .filter(|param| param.kind.has_value())
            .map(|param| param.name())
            .collect();
        let near = near_names(name, &names);
        let hint = match near.as_slice() {
            [] => "; `unsample params` lists them".to_owned(),
            near => format!("; did you mean {}?", near.join(" or ")),
        };
        HostError::NoParam { name: name.to_owned(), hint }
    })
}

fn resolve(description: &Effect, edits: &[Edit]) -> Result<Vec<(CString, Option<f64>, Value)>, HostError> {
    let resolve = |edit: &Edit| {
        let param = find_param(description, &edit.name)?;
        if edit.time.is_some() && param.props.first(kOfxParamPropAnimates) != Some(1) {
            return Err(HostError::NoKeys(edit.name.clone()));
        }
        Ok((param.name.clone(), edit.time, param.parse(&edit.text)?))
    };
    edits.iter().map(resolve).collect()
}

fn button(description: &Effect, name: &str) -> Result<CString, HostError> {
    let param = find_param(description, name)?;
    if param.kind == Kind::PushButton {
        return Ok(param.name.clone());
    }
    Err(HostError::Unsupported { what: format!("a press of {name}, which is no button") })
}

fn set_error(param: &Param, text: &str, status: OfxStatus) -> HostError {
    if status == kOfxStatErrUnsupported {
        return HostError::NoKeys(param.name());
    }
    HostError::Unsupported { what: format!("\"{text}\" for {}", param.name()) }
}

fn notify(
    effect: &Arc<Effect>,
    action: &'static CStr,
    reason: &CStr,
    what: Option<(&CStr, &CStr)>,
) -> OfxStatus {
    let set = PropertySet::new();
    let (time, ..) = effect.session.timeline();
    let scale = effect.session.settings.scale;
    set.define_text(kOfxPropChangeReason, Read, &[reason]);
    if let Some((kind, name)) = what {
        set.define_text(kOfxPropType, Read, &[kind])
            .define_text(kOfxPropName, Read, &[name])
            .define(kOfxPropTime, Read, [time])
            .define(kOfxImageEffectPropRenderScale, Read, [scale, scale]);
    }
    let arguments = Arguments { input: Some(set), output: None, time: Some(time) };
    effect.entry.call(action, effect, arguments).status
}

/// Notifies the plugin of a value that it set itself.
pub fn changed_by_plugin(effect: &Arc<Effect>, name: &CStr) {
    notify(effect, kOfxActionBeginInstanceChanged, kOfxChangePluginEdited, None);
    notify(effect, kOfxActionInstanceChanged, kOfxChangePluginEdited, Some((kOfxTypeParameter, name)));
    notify(effect, kOfxActionEndInstanceChanged, kOfxChangePluginEdited, None);
}

const DEPTHS: [Depth; 4] = [Depth::Float, Depth::Short, Depth::Half, Depth::Byte];
const COMPONENTS: [Components; 2] = [Components::Rgba, Components::Rgb];

fn depth_named(name: &str) -> Option<Depth> {
    DEPTHS.into_iter().find(|depth| depth.name().to_bytes() == name.as_bytes())
}

fn components_named(name: &str) -> Option<Components> {
    COMPONENTS.into_iter().find(|components| components.name().to_bytes() == name.as_bytes())
}

fn alpha_named(name: &str, otherwise: AlphaMode) -> AlphaMode {
    let all = [AlphaMode::Opaque, AlphaMode::Premultiplied, AlphaMode::Straight];
    all.into_iter().find(|mode| mode.name().to_bytes() == name.as_bytes()).unwrap_or(otherwise)
}

/// The format proposed for a clip: that of the settings, or else the best one that the plugin supports.
fn propose(effect: &Effect, clip: &Clip, alpha: AlphaMode) -> Result<Format, HostError> {
    let settings = &effect.session.settings;
    let takes_depth = effect.props.strings(kOfxImageEffectPropSupportedPixelDepths);
    let takes_components = clip.props.strings(kOfxImageEffectPropSupportedComponents);
    let depths: Vec<Depth> = DEPTHS
        .into_iter()
        .filter(|depth| takes_depth.iter().any(|name| depth_named(name) == Some(*depth)))
        .collect();
    let components: Vec<Components> = COMPONENTS
        .into_iter()
        .filter(|components| takes_components.iter().any(|name| components_named(name) == Some(*components)))
        .collect();
    let depth = pick(settings.depth, &depths).ok_or_else(|| HostError::Unsupported {
        what: settings.depth.map_or("any depth that this host has".into(), |depth| {
            format!("images of {}", depth.name().to_string_lossy())
        }),
    })?;
    // Optional clips that only support alpha, such as masks, are not connected.
    let components = pick(settings.components, &components)
        .or(clip.is_optional().then_some(Components::Rgba))
        .ok_or_else(|| HostError::Unsupported {
            what: settings.components.map_or("RGBA or RGB".into(), |components| {
                format!("images of {}", components.name().to_string_lossy())
            }),
        })?;
    Ok(Format { depth, components, alpha })
}

fn pick<T: Copy + PartialEq>(wanted: Option<T>, taken: &[T]) -> Option<T> {
    match wanted {
        Some(wanted) => taken.contains(&wanted).then_some(wanted),
        None => taken.first().copied(),
    }
}
