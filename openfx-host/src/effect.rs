//! Effects as the suites see them: descriptors and instances.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CStr;
use std::sync::{Arc, Weak};

use openfx_sys::*;
use parking_lot::{Mutex, RwLock};

use super::actions::Entry;
use super::canvas::Canvas;
use super::clip::{Clip, Facts, Feed};
use super::params::ParamSet;
use super::props::PropertySet;
use super::registry::{self, Object, Slot};
use super::session::Session;
use super::sets::{self, Project};
use super::status::SuiteResult;

/// A descriptor or an instance of the plugin.
pub struct Effect {
    /// Handle of the effect.
    pub slot: Slot,
    /// Properties of the effect.
    pub props: Arc<PropertySet>,
    props_slot: Slot,
    /// Parameters of the effect.
    pub params: Arc<ParamSet>,
    clips: RwLock<Vec<Arc<Clip>>>,
    /// The session that the effect belongs to.
    pub session: Arc<Session>,
    /// The plugin's `mainEntry`.
    pub entry: Entry,
    describing: bool,
    /// Output images of the renders in progress, by time.
    outputs: Mutex<HashMap<u64, Arc<Canvas>>>,
    /// Number of unreleased images, by clip.
    images: Mutex<BTreeMap<String, i64>>,
    handles: Mutex<Vec<usize>>,
    /// Why an input could not be read; the plugin only sees that there is no image.
    failure: Mutex<Option<String>>,
}

impl Effect {
    /// A descriptor for the describe action.
    pub fn describing(session: &Arc<Session>, entry: Entry, path: &CStr) -> Arc<Self> {
        let props = Arc::new(sets::effect(path));
        Self::build(session, entry, props, ParamSet::describing(), Vec::new(), true)
    }

    /// A copy of a descriptor, for DescribeInContext.
    pub fn in_context(description: &Self, context: &CStr) -> Arc<Self> {
        let props = description.props.duplicate();
        props.define_text(kOfxImageEffectPropContext, super::props::Access::Read, &[context]);
        let clips = description.clips.read();
        let clips = clips.iter().map(|clip| Clip::copy(clip, None)).collect();
        let params = ParamSet::further(&description.params);
        Self::build(&description.session, description.entry, Arc::new(props), params, clips, true)
    }

    /// An instance with its clips connected; `CreateInstance` is yet to be called.
    pub fn instance(
        description: &Self,
        context: &CStr,
        project: &Project,
        feeds: &BTreeMap<String, Arc<dyn Feed>>,
    ) -> Arc<Self> {
        let settings = &description.session.settings;
        let props = Arc::new(sets::instance(&description.props, context, project, settings));
        let clips: Vec<Arc<Clip>> = description
            .clips
            .read()
            .iter()
            .map(|clip| Clip::copy(clip, feeds.get(&clip.name()).cloned()))
            .collect();
        let effect = Arc::new_cyclic(|weak: &Weak<Self>| {
            let params = ParamSet::instance(&description.params, weak);
            Self::unregistered(&description.session, description.entry, props, params, clips, false)
        });
        effect.register();
        let main = effect.main_facts();
        for clip in effect.clips() {
            *clip.effect.write() = Arc::downgrade(&effect);
            let own = clip.feed.read().as_ref().map(|feed| feed.facts());
            let facts = if clip.is_output() { main } else { own };
            clip.connect(facts, effect.session.settings.first_frame);
        }
        let handle = effect.slot.pointer::<OfxImageEffectStruct>().addr();
        effect.props.assign(kOfxImageEffectPropPluginHandle, [handle]);
        effect
    }

    fn build(
        session: &Arc<Session>,
        entry: Entry,
        props: Arc<PropertySet>,
        params: Arc<ParamSet>,
        clips: Vec<Arc<Clip>>,
        describing: bool,
    ) -> Arc<Self> {
        let effect = Arc::new(Self::unregistered(session, entry, props, params, clips, describing));
        effect.register();
        effect
    }

    fn unregistered(
        session: &Arc<Session>,
        entry: Entry,
        props: Arc<PropertySet>,
        params: Arc<ParamSet>,
        clips: Vec<Arc<Clip>>,
        describing: bool,
    ) -> Self {
        Self {
            slot: Slot::default(),
            props_slot: Slot::default(),
            props,
            params,
            clips: RwLock::new(clips),
            session: session.clone(),
            entry,
            describing,
            outputs: Mutex::default(),
            images: Mutex::default(),
            handles: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    fn register(self: &Arc<Self>) {
        self.slot.fill(Object::Effect(self.clone()));
        self.props_slot.fill(Object::Props(self.props.clone()));
    }

    /// Handle of the effect, as passed to actions.
    pub fn handle(&self) -> OfxImageEffectHandle {
        self.slot.pointer()
    }

    /// Handle of the effect's properties.
    pub fn props_pointer(&self) -> OfxPropertySetHandle {
        self.props_slot.pointer()
    }

    /// Whether this is an instance rather than a descriptor.
    pub fn is_instance(&self) -> bool {
        !self.describing
    }

    /// Defines a clip on behalf of the plugin.
    ///
    /// # Errors
    /// The status for the plugin.
    pub fn define_clip(&self, name: &CStr) -> SuiteResult<Arc<Clip>> {
        if !self.describing {
            return Err(kOfxStatErrUnsupported);
        }
        if self.clip(name).is_some() {
            return Err(kOfxStatErrExists);
        }
        let clip = Clip::describing(name);
        self.clips.write().push(clip.clone());
        Ok(clip)
    }

    /// The clip with this name.
    pub fn clip(&self, name: &CStr) -> Option<Arc<Clip>> {
        self.clips.read().iter().find(|clip| *clip.name == *name).cloned()
    }

    /// All clips of the effect.
    pub fn clips(&self) -> Vec<Arc<Clip>> {
        self.clips.read().clone()
    }

    /// The clip that determines the project's size, frame rate and length: Source, or else the first
    /// connected one.
    pub fn main_clip(&self) -> Option<Arc<Clip>> {
        let connected = |clip: &Arc<Clip>| clip.feed.read().is_some();
        self.clip(kOfxImageEffectSimpleSourceClipName)
            .filter(connected)
            .or_else(|| self.clips().into_iter().find(connected))
    }

    /// Properties of the main clip's footage.
    pub fn main_facts(&self) -> Option<Facts> {
        let clip = self.main_clip()?;
        let feed = clip.feed.read();
        feed.as_ref().map(|feed| feed.facts())
    }

    /// Pixel aspect ratio of the main clip, width over height.
    pub fn pixel_aspect(&self) -> f64 {
        self.main_facts().map_or(1.0, |facts| facts.pixel_aspect)
    }

    /// Sets the output image of the render at a time.
    pub fn put_output(&self, time: f64, canvas: Arc<Canvas>) {
        self.outputs.lock().insert(time.to_bits(), canvas);
    }

    /// Removes the output image of the render at a time.
    pub fn take_output(&self, time: f64) {
        self.outputs.lock().remove(&time.to_bits());
    }

    /// The output image of the render at a time.
    pub fn output_at(&self, time: f64) -> Option<Arc<Canvas>> {
        self.outputs.lock().get(&time.to_bits()).cloned()
    }

    /// Adds `change` to the number of a clip's unreleased images.
    pub fn count_image(&self, clip: &str, change: i64) {
        *self.images.lock().entry(clip.to_owned()).or_default() += change;
    }

    /// Records the handle of a fetched image.
    pub fn remember_image(&self, id: usize) {
        self.handles.lock().push(id);
    }

    /// Removes the handle of a released image.
    pub fn forget_image(&self, id: usize) {
        self.handles.lock().retain(|other| *other != id);
    }

    /// Releases the images that the plugin did not, and reports each as a violation.
    pub fn collect_images(&self) {
        let leaked = std::mem::take(&mut *self.images.lock());
        for (clip, count) in leaked.into_iter().filter(|(_, count)| *count > 0) {
            self.session.complain(format!("it did not release {count} images of {clip}"));
        }
        for id in std::mem::take(&mut *self.handles.lock()) {
            let pointer: OfxPropertySetHandle = std::ptr::without_provenance_mut(id);
            // Another thread may have released it in the meantime.
            let _ = registry::take(pointer, |object| matches!(object, Object::Image(_)).then_some(()));
        }
    }

    /// Records why an input could not be read.
    pub fn fail(&self, sentence: String) {
        self.failure.lock().get_or_insert(sentence);
    }

    /// Returns and clears the reason why an input could not be read.
    pub fn take_failure(&self) -> Option<String> {
        self.failure.lock().take()
    }

    /// Invalidates all handles.
    pub fn retire(&self) {
        self.collect_images();
        for clip in self.clips.write().drain(..) {
            clip.retire();
        }
        self.params.retire();
        self.props_slot.clear();
        self.slot.clear();
    }
}
