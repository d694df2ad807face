//! Reading parameter values at a time, and writing them.
//!
//! Reading never fails: if the host does not have the parameter, returns an error, or returns OK without
//! writing (one does), the result is the default that the caller passes. The host writes to a buffer that is
//! large enough for any type, so that a host with another idea of the parameter's type does not write past
//! it.

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::ptr;

use openfx_sys::*;

use crate::error::{Error, Result};
use crate::props::Props;
use crate::suites::{Suites, call};
use crate::text;

/// Upper limit of the key count; a larger count is an error of the host.
const MOST_KEYS: c_uint = 1 << 20;

/// A parameter of an instance. It may not exist in the host.
pub struct Param<'h> {
    suites: &'h Suites,
    name: String,
    handle: OfxParamHandle,
    props: Option<Props<'h>>,
}

impl<'h> Param<'h> {
    /// # Safety
    /// `set` is NULL or the parameter set of an instance of the host whose suites these are, usable for `'h`,
    /// and this is the thread of the action that passed it.
    pub(crate) unsafe fn find(suites: &'h Suites, set: OfxParamSetHandle, name: &str) -> Self {
        let mut handle: OfxParamHandle = ptr::null_mut();
        let mut props: OfxPropertySetHandle = ptr::null_mut();
        let mut status = kOfxStatErrUnknown;
        if !set.is_null() {
            let name = text::to_c(name);
            // SAFETY: the caller guarantees a valid set, the name ends with NUL, the
            // variables outlive the call.
            status =
                unsafe { call!(suites.param, paramGetHandle(set, name.as_ptr(), &mut handle, &mut props)) };
        }
        if status != kOfxStatOK {
            handle = ptr::null_mut();
        }
        if handle.is_null() {
            props = ptr::null_mut();
        }
        Self {
            suites,
            name: name.to_owned(),
            handle,
            // SAFETY: NULL or the set that the host just returned for this parameter.
            props: unsafe { Props::new(suites, props) },
        }
    }

    /// Whether the host has this parameter.
    pub fn exists(&self) -> bool {
        !self.handle.is_null()
    }

    /// Whether the parameter exists and its type, if the host reports one, is `kind`.
    fn is(&self, kind: &CStr) -> bool {
        let Some(props) = self.props.filter(|_| self.exists()) else {
            return self.exists();
        };
        match props.string(kOfxParamPropType) {
            Some(word) if word.as_bytes() != kind.to_bytes() => {
                log::warn!("the host holds {} to be a {word}", self.name);
                false
            }
            _ => true,
        }
    }

    /// Reads a value into a buffer that holds `initial`.
    fn read<T: Copy>(&self, kind: &CStr, time: f64, initial: T) -> Option<T> {
        /// Size and alignment of the largest value: four doubles.
        #[repr(C, align(16))]
        union Buffer<T: Copy> {
            value: T,
            _room: [u64; 4],
        }
        if !self.is(kind) {
            return None;
        }
        let mut buffer = Buffer { _room: [0; 4] };
        buffer.value = initial;
        let status = match self.suites.param.paramGetValueAtTime {
            // SAFETY: the parameter is usable (type invariant), it takes one pointer to a
            // value of this type, and the buffer outlives the call.
            Some(get) => unsafe { get(self.handle, time, &raw mut buffer) },
            None => kOfxStatErrMissingHostFeature,
        };
        // SAFETY: written with `initial` above, so that part is initialised; T is an
        // integer, a double or a raw pointer, for which any bytes do.
        let value = unsafe { buffer.value };
        (status == kOfxStatOK).then_some(value)
    }

    /// The integer at a time.
    pub fn int(&self, time: f64, default: i32) -> i32 {
        self.read::<c_int>(kOfxParamTypeInteger, time, default).unwrap_or(default)
    }

    /// The number at a time. It is not checked: it may be NaN or infinite.
    pub fn double(&self, time: f64, default: f64) -> f64 {
        self.read(kOfxParamTypeDouble, time, default).unwrap_or(default)
    }

    /// The boolean at a time.
    pub fn bool(&self, time: f64, default: bool) -> bool {
        self.read::<c_int>(kOfxParamTypeBoolean, time, default.into()).map_or(default, |value| value != 0)
    }

    /// Index of the selected option at a time. It may exceed the number of options; a negative one is
    /// replaced by the default.
    pub fn choice(&self, time: f64, default: usize) -> usize {
        self.read::<c_int>(kOfxParamTypeChoice, time, -1)
            .and_then(|value| usize::try_from(value).ok())
            .unwrap_or(default)
    }

    /// The string at a time.
    pub fn string(&self, time: f64, default: &str) -> String {
        let unwritten: *const c_char = ptr::null();
        self.read(kOfxParamTypeString, time, unwritten)
            // SAFETY: NULL as we set it, or a string of the host's, copied before any
            // other call.
            .and_then(|value| unsafe { text::from_c(value) })
            .unwrap_or_else(|| default.to_owned())
    }

    /// Times of the keyframes in frames, in ascending order; empty if the parameter is not animated.
    pub fn key_times(&self) -> Vec<f64> {
        if !self.exists() {
            return Vec::new();
        }
        let mut count: c_uint = 0;
        // SAFETY: the parameter is usable, the variable outlives the call.
        let status = unsafe { call!(self.suites.param, paramGetNumKeys(self.handle, &mut count)) };
        if status != kOfxStatOK || count > MOST_KEYS {
            return Vec::new();
        }
        let mut times: Vec<f64> = (0..count).filter_map(|nth| self.key_time(nth)).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    fn key_time(&self, nth: c_uint) -> Option<f64> {
        let mut time = f64::NAN;
        // SAFETY: the parameter is usable, the variable outlives the call.
        let status = unsafe { call!(self.suites.param, paramGetKeyTime(self.handle, nth, &mut time)) };
        (status == kOfxStatOK && time.is_finite()).then_some(time)
    }

    pub(crate) fn set_int(&self, value: i32) -> Result<()> {
        self.set_number(kOfxParamTypeInteger, value)
    }

    pub(crate) fn set_bool(&self, value: bool) -> Result<()> {
        self.set_number(kOfxParamTypeBoolean, value.into())
    }

    pub(crate) fn set_choice(&self, option: usize) -> Result<()> {
        let option = c_int::try_from(option)
            .map_err(|_| Error::Definition { name: self.name.clone(), reason: "no such option" })?;
        self.set_number(kOfxParamTypeChoice, option)
    }

    fn set_number(&self, kind: &CStr, value: c_int) -> Result<()> {
        self.writable(kind)?;
        // SAFETY: the parameter is usable and takes one int.
        let status = unsafe { call!(self.suites.param, paramSetValue(self.handle, value)) };
        Error::check(status, "paramSetValue", &text::to_c(&self.name))
    }

    pub(crate) fn set_double(&self, value: f64) -> Result<()> {
        self.writable(kOfxParamTypeDouble)?;
        // SAFETY: the parameter is usable and takes one double.
        let status = unsafe { call!(self.suites.param, paramSetValue(self.handle, value)) };
        Error::check(status, "paramSetValue", &text::to_c(&self.name))
    }

    pub(crate) fn set_string(&self, value: &str) -> Result<()> {
        self.writable(kOfxParamTypeString)?;
        let value = text::to_c(value);
        // SAFETY: the parameter is usable and takes one string, which ends with NUL and
        // outlives the call; hosts copy it.
        let status = unsafe { call!(self.suites.param, paramSetValue(self.handle, value.as_ptr())) };
        Error::check(status, "paramSetValue", &text::to_c(&self.name))
    }

    pub(crate) fn offer_flag(&self, property: &CStr, value: bool) {
        if let Some(props) = &self.props {
            props.offer_flag(property, value);
        }
    }

    /// `Ok` if a value of this type may be written. `paramSetValue` is variadic, so nothing else checks the
    /// type.
    fn writable(&self, kind: &CStr) -> Result<()> {
        if self.is(kind) {
            return Ok(());
        }
        Error::check(kOfxStatErrUnknown, "paramSetValue", &text::to_c(&self.name))
    }
}
