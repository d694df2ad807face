//! Typed access to property sets, one value at a time.
//!
//! Reading never returns an error: hosts leave properties out, report a dimension of zero, and return OK
//! without writing. Every variable that a host may write to starts with a value that no host sends, so that a
//! missing write is detected. Only single-value functions are used, because the multi-value ones are broken
//! for clips in HostSupport. Of the writing methods, `set_*` returns an error if the host refuses, `offer_*`
//! ignores it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use openfx_sys::{OfxPropertySetHandle, kOfxStatOK};

use super::error::{Error, Result};
use super::suites::{Suites, call};
use super::text;

/// Sentinels that show that the host wrote nothing; no property has these values.
const UNWRITTEN_INT: c_int = c_int::MIN + 0x5eed;
static UNWRITTEN_POINTER: u8 = 0;

/// A property set of the host, usable until the action ends. Never NULL.
#[derive(Clone, Copy)]
pub(super) struct Props<'h> {
    suites: &'h Suites,
    handle: OfxPropertySetHandle,
}

impl<'h> Props<'h> {
    /// `None` for a NULL handle.
    ///
    /// # Safety
    /// `handle` is NULL or a property set of the host whose suites these are, and it
    /// stays usable for `'h`.
    pub(super) unsafe fn new(suites: &'h Suites, handle: OfxPropertySetHandle) -> Option<Self> {
        (!handle.is_null()).then_some(Self { suites, handle })
    }

    pub(super) fn handle(&self) -> OfxPropertySetHandle {
        self.handle
    }

    /// Number of values of the property; 0 if the host does not have it.
    pub(super) fn dimension(&self, name: &CStr) -> usize {
        let mut count: c_int = 0;
        // SAFETY: the set is the host's and usable (type invariant), the name ends with
        // NUL, the variable outlives the call.
        let status =
            unsafe { call!(self.suites.property, propGetDimension(self.handle, name.as_ptr(), &mut count)) };
        if status == kOfxStatOK { usize::try_from(count).unwrap_or(0) } else { 0 }
    }

    pub(super) fn int_at(&self, name: &CStr, index: c_int) -> Option<i32> {
        let mut value = UNWRITTEN_INT;
        // SAFETY: as in `dimension`.
        let status =
            unsafe { call!(self.suites.property, propGetInt(self.handle, name.as_ptr(), index, &mut value)) };
        (status == kOfxStatOK && value != UNWRITTEN_INT).then_some(value)
    }

    pub(super) fn int(&self, name: &CStr) -> Option<i32> {
        self.int_at(name, 0)
    }

    /// An integer property as a flag.
    pub(super) fn flag(&self, name: &CStr) -> Option<bool> {
        self.int(name).map(|value| value != 0)
    }

    pub(super) fn double_at(&self, name: &CStr, index: c_int) -> Option<f64> {
        // A host that sends NaN is treated like one that writes nothing.
        let mut value = f64::NAN;
        // SAFETY: as in `dimension`.
        let status = unsafe {
            call!(self.suites.property, propGetDouble(self.handle, name.as_ptr(), index, &mut value))
        };
        (status == kOfxStatOK && !value.is_nan()).then_some(value)
    }

    pub(super) fn double(&self, name: &CStr) -> Option<f64> {
        self.double_at(name, 0)
    }

    /// The first two values, if both are finite.
    pub(super) fn pair(&self, name: &CStr) -> Option<(f64, f64)> {
        let pair = (self.double_at(name, 0)?, self.double_at(name, 1)?);
        (pair.0.is_finite() && pair.1.is_finite()).then_some(pair)
    }

    pub(super) fn string_at(&self, name: &CStr, index: c_int) -> Option<String> {
        let mut value: *mut c_char = ptr::null_mut();
        // SAFETY: as in `dimension`.
        let status = unsafe {
            call!(self.suites.property, propGetString(self.handle, name.as_ptr(), index, &mut value))
        };
        if status != kOfxStatOK {
            return None;
        }
        // SAFETY: NULL as we set it, or a string of the host's, copied before any other call.
        unsafe { text::from_c(value) }
    }

    pub(super) fn string(&self, name: &CStr) -> Option<String> {
        self.string_at(name, 0)
    }

    /// All values of a string property.
    pub(super) fn strings(&self, name: &CStr) -> Vec<String> {
        // Limits the loop if the host reports a nonsensical dimension.
        let count = c_int::try_from(self.dimension(name).min(4096)).unwrap_or(0);
        (0..count).filter_map(|index| self.string_at(name, index)).collect()
    }

    pub(super) fn pointer(&self, name: &CStr) -> Option<*mut c_void> {
        let unwritten: *mut c_void = (&raw const UNWRITTEN_POINTER).cast_mut().cast();
        let mut value = unwritten;
        // SAFETY: as in `dimension`.
        let status =
            unsafe { call!(self.suites.property, propGetPointer(self.handle, name.as_ptr(), 0, &mut value)) };
        (status == kOfxStatOK && value != unwritten).then_some(value)
    }

    pub(super) fn set_int(&self, name: &CStr, value: i32) -> Result<()> {
        // SAFETY: as in `dimension`.
        let status = unsafe { call!(self.suites.property, propSetInt(self.handle, name.as_ptr(), 0, value)) };
        Error::check(status, "propSetInt", name)
    }

    pub(super) fn set_double_at(&self, name: &CStr, index: c_int, value: f64) -> Result<()> {
        // SAFETY: as in `dimension`.
        let status =
            unsafe { call!(self.suites.property, propSetDouble(self.handle, name.as_ptr(), index, value)) };
        Error::check(status, "propSetDouble", name)
    }

    pub(super) fn set_double(&self, name: &CStr, value: f64) -> Result<()> {
        self.set_double_at(name, 0, value)
    }

    pub(super) fn set_doubles(&self, name: &CStr, values: &[f64]) -> Result<()> {
        for (index, value) in (0..).zip(values) {
            self.set_double_at(name, index, *value)?;
        }
        Ok(())
    }

    /// Sets a string constant of OpenFX.
    pub(super) fn set_word_at(&self, name: &CStr, index: c_int, value: &CStr) -> Result<()> {
        // SAFETY: as in `dimension`; hosts copy what they are given.
        let status = unsafe {
            call!(self.suites.property, propSetString(self.handle, name.as_ptr(), index, value.as_ptr()))
        };
        Error::check(status, "propSetString", name)
    }

    pub(super) fn set_word(&self, name: &CStr, value: &CStr) -> Result<()> {
        self.set_word_at(name, 0, value)
    }

    pub(super) fn set_string(&self, name: &CStr, value: &str) -> Result<()> {
        self.set_word(name, &text::to_c(value))
    }

    pub(super) fn set_pointer(&self, name: &CStr, value: *mut c_void) -> Result<()> {
        // SAFETY: as in `dimension`; the host stores the pointer and never follows it.
        let status =
            unsafe { call!(self.suites.property, propSetPointer(self.handle, name.as_ptr(), 0, value)) };
        Error::check(status, "propSetPointer", name)
    }

    pub(super) fn offer_int(&self, name: &CStr, value: i32) -> bool {
        accepted(self.set_int(name, value))
    }

    pub(super) fn offer_flag(&self, name: &CStr, value: bool) -> bool {
        self.offer_int(name, value.into())
    }

    pub(super) fn offer_double(&self, name: &CStr, value: f64) -> bool {
        accepted(self.set_double(name, value))
    }

    pub(super) fn offer_word(&self, name: &CStr, value: &CStr) -> bool {
        accepted(self.set_word(name, value))
    }

    pub(super) fn offer_string(&self, name: &CStr, value: &str) -> bool {
        accepted(self.set_string(name, value))
    }
}

/// Refusals are common and only worth a trace message.
fn accepted(result: Result<()>) -> bool {
    if let Err(error) = &result {
        log::trace!("not taken: {error}");
    }
    result.is_ok()
}
