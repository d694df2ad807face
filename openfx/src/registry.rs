//! The live instances, by the host's handle.
//!
//! Hosts can store a pointer for each instance, but some copy it from one instance to another, and some send
//! actions for instances that were never created. So the pointer is set but never used, and this map decides.
//! An action holds a reference to its instance: one that is destroyed while it renders, which no host should
//! do, is dropped after the render.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;

use openfx_sys::{OfxImageEffectHandle, kOfxPropInstanceData};
use parking_lot::Mutex;

use super::host::Hosted;
use super::instance::effect_props;

/// An instance and its error state.
pub(super) struct Live<I> {
    pub(super) data: I,
    /// The message that the guard set on the effect; cleared by the next successful render.
    pub(super) complaint: Mutex<Option<String>>,
}

/// All instances of one effect.
pub(super) struct Registry<I> {
    live: Mutex<BTreeMap<usize, Arc<Live<I>>>>,
}

impl<I> Registry<I> {
    pub(super) const fn new() -> Self {
        Self { live: Mutex::new(BTreeMap::new()) }
    }

    pub(super) fn find(&self, effect: OfxImageEffectHandle) -> Option<Arc<Live<I>>> {
        self.live.lock().get(&effect.addr()).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.live.lock().len()
    }

    /// Registers a new instance. If the handle is already in use, the host forgot to destroy the earlier
    /// instance, which is dropped. The instance data pointer is overwritten, never dereferenced.
    ///
    /// # Safety
    /// `effect` is the instance that this host is creating.
    pub(super) unsafe fn enter(&self, hosted: &Hosted, effect: OfxImageEffectHandle, data: I) {
        let live = Arc::new(Live { data, complaint: Mutex::new(None) });
        // SAFETY: guaranteed by the caller.
        if let Some(props) = unsafe { effect_props(hosted, effect) } {
            let mark: *mut c_void = Arc::as_ptr(&live).cast_mut().cast();
            if let Err(error) = props.set_pointer(kOfxPropInstanceData, mark) {
                log::debug!("the host keeps no instance data: {error}");
            }
        }
        let before = self.live.lock().insert(effect.addr(), live);
        // Dropped after the lock is released: dropping an instance may take long.
        drop(before);
    }

    /// Removes an instance; it is dropped when the last action that holds it ends. Only the instance data
    /// property is accessed: one host has already destroyed everything else at this point.
    ///
    /// # Safety
    /// `effect` is the instance that this host is destroying.
    pub(super) unsafe fn leave(&self, hosted: &Hosted, effect: OfxImageEffectHandle) -> Option<Arc<Live<I>>> {
        let live = self.live.lock().remove(&effect.addr())?;
        // SAFETY: guaranteed by the caller.
        if let Some(props) = unsafe { effect_props(hosted, effect) } {
            let _ = props.set_pointer(kOfxPropInstanceData, std::ptr::null_mut());
        }
        Some(live)
    }
}
