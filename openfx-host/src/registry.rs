//! Handles.
//!
//! What the plugin holds are numbers in the shape of pointers, never used twice. Looking one up in a table
//! tells a live handle of the right kind from a stale or a foreign one, which gets `kOfxStatErrBadHandle`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use openfx_sys::*;
use parking_lot::{Mutex, RwLock};

use super::clip::{Clip, Image};
use super::effect::Effect;
use super::memory::{ImageMemory, MutexCell};
use super::params::{Param, ParamSet};
use super::props::PropertySet;
use super::session::Session;
use super::status::Answer;

/// What a handle stands for.
#[derive(Clone)]
pub enum Object {
    /// A property set, of whatever it is.
    Props(Arc<PropertySet>),
    /// The host itself, whose handle is a property set's too.
    Host(Arc<PropertySet>, Arc<Session>),
    /// A parameter set.
    Params(Arc<ParamSet>),
    /// A parameter.
    Param(Arc<Param>),
    /// An effect, described or instantiated.
    Effect(Arc<Effect>),
    /// A clip.
    Clip(Arc<Clip>),
    /// A fetched image, whose handle is a property set's too.
    Image(Arc<Image>),
    /// Memory from the image effect suite.
    Memory(Arc<ImageMemory>),
    /// A mutex of the multi-thread suite.
    Mutex(Arc<MutexCell>),
}

static TABLE: LazyLock<RwLock<HashMap<usize, Object>>> = LazyLock::new(RwLock::default);

/// Far from any address that a plugin could make up by counting, and unaligned with none.
static NEXT: AtomicUsize = AtomicUsize::new(0x5000_0010);

/// A handle that is in the table as long as this value lives.
pub struct Registered(usize);

impl Registered {
    /// The handle as the pointer that the plugin sees.
    pub fn pointer<T>(&self) -> *mut T {
        std::ptr::without_provenance_mut(self.0)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let gone = TABLE.write().remove(&self.0);
        // Dropped only now: the object may hold handles of its own.
        drop(gone);
    }
}

/// Puts an object into the table.
pub fn register(object: Object) -> Registered {
    let id = NEXT.fetch_add(16, Ordering::Relaxed);
    TABLE.write().insert(id, object);
    Registered(id)
}

/// A slot for the handle of an object that is made before its handle.
#[derive(Default)]
pub struct Slot(Mutex<Option<Registered>>);

impl Slot {
    /// Fills the slot.
    pub fn fill(&self, object: Object) {
        *self.0.lock() = Some(register(object));
    }

    /// Empties the slot; the handle is stale from now on.
    pub fn clear(&self) {
        let gone = self.0.lock().take();
        drop(gone);
    }

    /// The handle, NULL if there is none.
    pub fn pointer<T>(&self) -> *mut T {
        self.0.lock().as_ref().map_or(std::ptr::null_mut(), Registered::pointer)
    }
}

fn find<T>(pointer: *mut T) -> Answer<Object> {
    TABLE.read().get(&pointer.addr()).cloned().ok_or(kOfxStatErrBadHandle)
}

/// Takes a handle out of the table, if `wanted` says so.
pub fn take<T, R>(pointer: *mut T, wanted: impl FnOnce(&Object) -> Option<R>) -> Answer<R> {
    let mut table = TABLE.write();
    let found = table.get(&pointer.addr()).and_then(wanted).ok_or(kOfxStatErrBadHandle)?;
    let gone = table.remove(&pointer.addr());
    drop(table);
    drop(gone);
    Ok(found)
}

/// Forgets to remove a handle when its value goes: it is removed by [`take`].
pub fn keep(registered: Registered) -> usize {
    let id = registered.0;
    std::mem::forget(registered);
    id
}

/// The property set behind a handle.
pub fn props(handle: OfxPropertySetHandle) -> Answer<Arc<PropertySet>> {
    match find(handle)? {
        Object::Props(set) | Object::Host(set, _) => Ok(set),
        Object::Image(image) => Ok(image.props.clone()),
        _ => Err(kOfxStatErrBadHandle),
    }
}

macro_rules! finder {
    ($(#[$doc:meta] $name:ident, $handle:ty, $variant:ident, $type:ty;)*) => {
        $(#[$doc]
        pub fn $name(handle: $handle) -> Answer<Arc<$type>> {
            match find(handle)? {
                Object::$variant(object) => Ok(object),
                _ => Err(kOfxStatErrBadHandle),
            }
        })*
    };
}
finder! {
    /// The parameter set behind a handle.
    param_set, OfxParamSetHandle, Params, ParamSet;
    /// The parameter behind a handle.
    param, OfxParamHandle, Param, Param;
    /// The effect behind a handle.
    effect, OfxImageEffectHandle, Effect, Effect;
    /// The clip behind a handle.
    clip, OfxImageClipHandle, Clip, Clip;
    /// The memory behind a handle.
    memory, OfxImageMemoryHandle, Memory, ImageMemory;
    /// The mutex behind a handle.
    mutex, OfxMutexHandle, Mutex, MutexCell;
}

/// The session of the host that a handle stands for.
pub fn session(handle: OfxPropertySetHandle) -> Answer<Arc<Session>> {
    match find(handle)? {
        Object::Host(_, session) => Ok(session),
        _ => Err(kOfxStatErrBadHandle),
    }
}
