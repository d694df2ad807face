//! Handles of the host's objects.
//!
//! Handles are numbers cast to pointers and are never reused. A table lookup tells a live handle of the right
//! type from a stale or invalid one, which is refused with `kOfxStatErrBadHandle`.

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
use super::status::SuiteResult;

/// The object that a handle refers to.
#[derive(Clone)]
pub enum Object {
    /// Any other property set.
    Props(Arc<PropertySet>),
    /// The host; its handle is also that of its property set.
    Host(Arc<PropertySet>, Arc<Session>),
    /// The parameters of a descriptor or an instance.
    Params(Arc<ParamSet>),
    /// A parameter of a descriptor or an instance.
    Param(Arc<Param>),
    /// A descriptor or an instance.
    Effect(Arc<Effect>),
    /// A clip of a descriptor or an instance.
    Clip(Arc<Clip>),
    /// A fetched image; its handle is also that of its property set.
    Image(Arc<Image>),
    /// Memory allocated with the image effect suite.
    Memory(Arc<ImageMemory>),
    /// A mutex of the multi-thread suite.
    Mutex(Arc<MutexCell>),
}

static TABLE: LazyLock<RwLock<HashMap<usize, Object>>> = LazyLock::new(RwLock::default);

/// Unaligned, and far from values that a plugin might compute by mistake.
static NEXT: AtomicUsize = AtomicUsize::new(0x5000_0010);

/// An entry in the handle table; removed on drop.
pub struct Registered(usize);

impl Registered {
    /// The handle as a pointer for the plugin.
    pub fn pointer<T>(&self) -> *mut T {
        std::ptr::without_provenance_mut(self.0)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let gone = TABLE.write().remove(&self.0);
        // Dropped after the lock is released: the object may own handles itself.
        drop(gone);
    }
}

/// Adds an object to the handle table.
pub fn register(object: Object) -> Registered {
    let id = NEXT.fetch_add(16, Ordering::Relaxed);
    TABLE.write().insert(id, object);
    Registered(id)
}

/// Storage for the handle of an object, which is registered after the object is created.
#[derive(Default)]
pub struct Slot(Mutex<Option<Registered>>);

impl Slot {
    /// Registers the object and stores its handle.
    pub fn fill(&self, object: Object) {
        *self.0.lock() = Some(register(object));
    }

    /// Removes the handle, which is invalid from now on.
    pub fn clear(&self) {
        let gone = self.0.lock().take();
        drop(gone);
    }

    /// The handle, or NULL if there is none.
    pub fn pointer<T>(&self) -> *mut T {
        self.0.lock().as_ref().map_or(std::ptr::null_mut(), Registered::pointer)
    }
}

fn find<T>(pointer: *mut T) -> SuiteResult<Object> {
    TABLE.read().get(&pointer.addr()).cloned().ok_or(kOfxStatErrBadHandle)
}

/// Removes an object from the table if `wanted` returns `Some` for it.
pub fn take<T, R>(pointer: *mut T, wanted: impl FnOnce(&Object) -> Option<R>) -> SuiteResult<R> {
    let mut table = TABLE.write();
    let found = table.get(&pointer.addr()).and_then(wanted).ok_or(kOfxStatErrBadHandle)?;
    let gone = table.remove(&pointer.addr());
    drop(table);
    drop(gone);
    Ok(found)
}

/// Keeps the table entry when its `Registered` is consumed; [`take`] removes it.
pub fn keep(registered: Registered) -> usize {
    let id = registered.0;
    std::mem::forget(registered);
    id
}

/// The property set with this handle.
pub fn props(handle: OfxPropertySetHandle) -> SuiteResult<Arc<PropertySet>> {
    match find(handle)? {
        Object::Props(set) | Object::Host(set, _) => Ok(set),
        Object::Image(image) => Ok(image.props.clone()),
        _ => Err(kOfxStatErrBadHandle),
    }
}

macro_rules! finder {
    ($(#[$doc:meta] $name:ident, $handle:ty, $variant:ident, $type:ty;)*) => {
        $(#[$doc]
        pub fn $name(handle: $handle) -> SuiteResult<Arc<$type>> {
            match find(handle)? {
                Object::$variant(object) => Ok(object),
                _ => Err(kOfxStatErrBadHandle),
            }
        })*
    };
}
finder! {
    /// The parameter set with this handle.
    param_set, OfxParamSetHandle, Params, ParamSet;
    /// The parameter with this handle.
    param, OfxParamHandle, Param, Param;
    /// The effect with this handle.
    effect, OfxImageEffectHandle, Effect, Effect;
    /// The clip with this handle.
    clip, OfxImageClipHandle, Clip, Clip;
    /// The memory with this handle.
    memory, OfxImageMemoryHandle, Memory, ImageMemory;
    /// The mutex with this handle.
    mutex, OfxMutexHandle, Mutex, MutexCell;
}

/// The session of the host with this handle.
pub fn session(handle: OfxPropertySetHandle) -> SuiteResult<Arc<Session>> {
    match find(handle)? {
        Object::Host(_, session) => Ok(session),
        _ => Err(kOfxStatErrBadHandle),
    }
}
