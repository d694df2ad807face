//! The instances that are alive, by the host's handle.
//!
//! Hosts offer to keep a pointer for each instance. They also copy it from one instance
//! to another, and send actions for instances that were never created; so what they keep
//! is for show, and the truth is here. An action holds on to its instance, so one that is
//! destroyed while it renders, which no host should do, ends after the render.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;

use openfx_sys::{OfxImageEffectHandle, kOfxPropInstanceData};
use parking_lot::Mutex;

use super::host::Hosted;
use super::instance::effect_props;

/// An instance and what we need to remember about it.
pub(super) struct Live<I> {
    pub(super) data: I,
    /// The sentence that the guard left on the effect, until a render goes well.
    pub(super) complaint: Mutex<Option<String>>,
}

/// All of one effect's.
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

    /// Enters a new instance. One that was there under the same handle is of a host that
    /// forgot to destroy it. The host's pointer is overwritten, never followed.
    ///
    /// # Safety
    /// `effect` is the instance that this host is creating.
    pub(super) unsafe fn enter(&self, hosted: &Hosted, effect: OfxImageEffectHandle, data: I) {
        let live = Arc::new(Live { data, complaint: Mutex::new(None) });
        // SAFETY: as the caller vouches.
        if let Some(props) = unsafe { effect_props(hosted, effect) } {
            let mark: *mut c_void = Arc::as_ptr(&live).cast_mut().cast();
            if let Err(error) = props.set_pointer(kOfxPropInstanceData, mark) {
                log::debug!("the host keeps no instance data: {error}");
            }
        }
        let before = self.live.lock().insert(effect.addr(), live);
        // Dropped outside of the lock: an instance may take its time.
        drop(before);
    }

    /// Takes an instance out; it ends with the last action that holds it. Of its
    /// properties only the instance data is touched: at this point one host has already
    /// torn down what the others would ask.
    ///
    /// # Safety
    /// `effect` is the instance that this host is destroying.
    pub(super) unsafe fn leave(&self, hosted: &Hosted, effect: OfxImageEffectHandle) -> Option<Arc<Live<I>>> {
        let live = self.live.lock().remove(&effect.addr())?;
        // SAFETY: as the caller vouches.
        if let Some(props) = unsafe { effect_props(hosted, effect) } {
            let _ = props.set_pointer(kOfxPropInstanceData, std::ptr::null_mut());
        }
        Some(live)
    }
}
