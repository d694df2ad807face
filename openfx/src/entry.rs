//! The C entry points of the library, and the static state of an effect.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use openfx_sys::*;
use parking_lot::RwLock;

use super::actions;
use super::effect::Effect;
use super::error::{Error, Result};
use super::guard::{guard, guard_silently};
use super::host::Hosted;
use super::registry::Registry;
use super::suites::RawHost;

/// Static state of an effect: its plug-in record, its host and its instances. [`export!`](crate::export)
/// defines one `static` for each effect.
pub struct Plugin<E: Effect> {
    record: AtomicPtr<OfxPlugin>,
    host: RwLock<HostSlot>,
    pub(super) instances: Registry<E::Instance>,
}

struct HostSlot {
    raw: Option<RawHost>,
    /// Created by the first action that needs it, because a host's suites may not be ready in `setHost`.
    met: Option<Arc<Hosted>>,
}

/// An effect with static state; implemented by the macros.
pub trait Exported: Effect {
    /// The effect's static state.
    fn plugin() -> &'static Plugin<Self>;
}

impl<E: Effect> Default for Plugin<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Effect> Plugin<E> {
    /// The initial state, without a host.
    pub const fn new() -> Self {
        Self {
            record: AtomicPtr::new(ptr::null_mut()),
            host: RwLock::new(HostSlot { raw: None, met: None }),
            instances: Registry::new(),
        }
    }

    /// The host. Its suites are fetched again if `afresh`, or if `setHost` was called since.
    pub(super) fn hosted(&self, afresh: bool) -> Result<Arc<Hosted>> {
        if !afresh && let Some(met) = &self.host.read().met {
            return Ok(Arc::clone(met));
        }
        let raw = self.host.read().raw.ok_or(Error::MissingHostFeature("the call of setHost"))?;
        // Without holding the lock, because this calls the host.
        let met = Arc::new(Hosted::meet(&raw)?);
        self.host.write().met = Some(Arc::clone(&met));
        Ok(met)
    }
}

/// Implementation of `OfxGetNumberOfPlugins`: always 1.
pub const fn number_of_plugins() -> c_int {
    1
}

/// Implementation of `OfxGetPlugin`: the plug-in record, or NULL if `nth` is not 0.
pub fn get_plugin<E: Exported>(nth: c_int) -> *mut OfxPlugin {
    guard_silently("OfxGetPlugin", ptr::null_mut(), || {
        if nth != 0 {
            return ptr::null_mut();
        }
        let slot = &E::plugin().record;
        let before = slot.load(Ordering::Acquire);
        if !before.is_null() {
            return before;
        }
        let identity = E::identity();
        let made = Box::into_raw(Box::new(OfxPlugin {
            pluginApi: kOfxImageEffectPluginApi.as_ptr(),
            apiVersion: kOfxImageEffectPluginApiVersion,
            pluginIdentifier: identity.identifier.as_ptr(),
            pluginVersionMajor: identity.major,
            pluginVersionMinor: identity.minor,
            setHost: Some(set_host::<E>),
            mainEntry: Some(main_entry::<E>),
        }));
        // Hosts keep the address, so it must never change. If two threads get here, the second uses the first
        // one's record and leaks its own.
        match slot.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => made,
            Err(first) => first,
        }
    })
}

/// `setHost`: called before every load, with the same host or another.
unsafe extern "C" fn set_host<E: Exported>(host: *mut OfxHost) {
    guard_silently("setHost", (), || {
        // SAFETY: the host passes its record, or NULL.
        let raw = unsafe { RawHost::new(host) };
        if raw.is_none() {
            log::error!("setHost: the host passed no usable record");
        }
        {
            let mut slot = E::plugin().host.write();
            slot.met = None;
            slot.raw = raw;
        }
    });
}

/// `mainEntry`, as C calls it.
unsafe extern "C" fn main_entry<E: Exported>(
    action: *const c_char,
    handle: *const c_void,
    in_args: OfxPropertySetHandle,
    out_args: OfxPropertySetHandle,
) -> OfxStatus {
    // SAFETY: the arguments are those that the host passed.
    unsafe { act::<E>(action, handle, in_args, out_args) }
}

/// The body of `mainEntry`. Separate, because tests let panics through (see
/// [`let_panics_through`](super::let_panics_through)), which must not unwind into C.
///
/// # Safety
/// The arguments are those of an OpenFX action: `action` is NULL or a string, `handle` and the property sets
/// are NULL or usable until the action ends.
pub unsafe fn act<E: Exported>(
    action: *const c_char,
    handle: *const c_void,
    in_args: OfxPropertySetHandle,
    out_args: OfxPropertySetHandle,
) -> OfxStatus {
    let name: Cow<'_, str> = if action.is_null() {
        Cow::Borrowed("an action without a name")
    } else {
        // SAFETY: not NULL, so a string, as the caller guarantees.
        unsafe { CStr::from_ptr(action) }.to_string_lossy()
    };
    let effect: OfxImageEffectHandle = handle.cast_mut().cast();
    guard(
        &name,
        effect.addr(),
        || {
            let raw = actions::Raw { effect, in_args, out_args };
            // SAFETY: guaranteed by the caller.
            unsafe { actions::dispatch::<E>(&name, &raw) }
        },
        // SAFETY: guaranteed by the caller.
        |error| unsafe { actions::report::<E>(&name, effect, error) },
    )
}

/// Exports an effect as the two symbols that hosts look for. Use it once per library.
#[macro_export]
macro_rules! export {
    ($effect:ty) => {
        $crate::host_effect!($effect);

        /// The number of effects in this library.
        #[unsafe(no_mangle)]
        pub extern "C" fn OfxGetNumberOfPlugins() -> ::std::ffi::c_int {
            $crate::entry::number_of_plugins()
        }

        /// The plug-in record of effect `nth`, or NULL.
        #[unsafe(no_mangle)]
        pub extern "C" fn OfxGetPlugin(nth: ::std::ffi::c_int) -> *mut $crate::entry::OfxPlugin {
            $crate::entry::get_plugin::<$effect>(nth)
        }
    };
}

/// Defines an effect's static state without the exported symbols, for tests.
#[macro_export]
macro_rules! host_effect {
    ($effect:ty) => {
        impl $crate::entry::Exported for $effect {
            fn plugin() -> &'static $crate::entry::Plugin<Self> {
                static PLUGIN: $crate::entry::Plugin<$effect> = $crate::entry::Plugin::new();
                &PLUGIN
            }
        }
    };
}

// Appears in the signature of a function that the macro defines.
pub use openfx_sys::OfxPlugin;
