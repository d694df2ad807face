//! The property suite.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use openfx_sys::*;

use crate::props::Item;
use crate::registry;
use crate::status::{SuiteResult, answer, put, text};

/// The suite's function table.
pub static SUITE: OfxPropertySuiteV1 = OfxPropertySuiteV1 {
    propSetPointer: Some(set_pointer),
    propSetString: Some(set_string),
    propSetDouble: Some(set_double),
    propSetInt: Some(set_int),
    propSetPointerN: Some(set_pointer_n),
    propSetStringN: Some(set_string_n),
    propSetDoubleN: Some(set_double_n),
    propSetIntN: Some(set_int_n),
    propGetPointer: Some(get_pointer),
    propGetString: Some(get_string),
    propGetDouble: Some(get_double),
    propGetInt: Some(get_int),
    propGetPointerN: Some(get_pointer_n),
    propGetStringN: Some(get_string_n),
    propGetDoubleN: Some(get_double_n),
    propGetIntN: Some(get_int_n),
    propReset: Some(reset),
    propGetDimension: Some(dimension),
};

type PropsHandle = OfxPropertySetHandle;

/// A property value as passed in C: an `int`, a `double`, a string or a pointer.
trait Native: Copy {
    type Item: Item;
    /// Converts a value passed by the plugin.
    ///
    /// # Safety
    /// A string must be NULL or NUL-terminated.
    unsafe fn take(self) -> SuiteResult<Self::Item>;
    /// Converts to the C value for the plugin; a string stays valid as long as the property set.
    fn give(item: &Self::Item) -> Self;
}

impl Native for c_int {
    type Item = i32;
    unsafe fn take(self) -> SuiteResult<i32> {
        Ok(self)
    }
    fn give(item: &i32) -> Self {
        *item
    }
}

impl Native for f64 {
    type Item = f64;
    unsafe fn take(self) -> SuiteResult<f64> {
        Ok(self)
    }
    fn give(item: &f64) -> Self {
        *item
    }
}

impl Native for *mut c_void {
    type Item = usize;
    unsafe fn take(self) -> SuiteResult<usize> {
        Ok(self.expose_provenance())
    }
    fn give(item: &usize) -> Self {
        std::ptr::with_exposed_provenance_mut(*item)
    }
}

impl Native for *mut c_char {
    type Item = CString;
    unsafe fn take(self) -> SuiteResult<CString> {
        // SAFETY: guaranteed by the caller.
        Ok(unsafe { text(self) }?.to_owned())
    }
    fn give(item: &CString) -> Self {
        item.as_ptr().cast_mut()
    }
}

unsafe fn set<N: Native>(set: PropsHandle, name: *const c_char, index: c_int, value: N) -> OfxStatus {
    answer(|| {
        let set = registry::props(set)?;
        // SAFETY: the plugin passes strings.
        let (name, value) = unsafe { (text(name)?, value.take()?) };
        set.set(name, index, value)
    })
}

unsafe fn set_n<N: Native>(
    set: PropsHandle,
    name: *const c_char,
    count: c_int,
    values: *const N,
) -> OfxStatus {
    answer(|| {
        let set = registry::props(set)?;
        let count = usize::try_from(count).map_err(|_| kOfxStatErrBadIndex)?;
        if values.is_null() && count > 0 {
            return Err(kOfxStatErrValue);
        }
        // SAFETY: the plugin passes a string and `count` values.
        let (name, values) = unsafe {
            let values = (0..count).map(|index| values.add(index).read().take());
            (text(name)?, values.collect::<SuiteResult<Vec<_>>>()?)
        };
        set.set_all(name, values)
    })
}

unsafe fn get<N: Native>(set: PropsHandle, name: *const c_char, index: c_int, value: *mut N) -> OfxStatus {
    answer(|| {
        let set = registry::props(set)?;
        // SAFETY: the plugin passes a string.
        let name = unsafe { text(name)? };
        let found = set.get(name, index, N::give)?;
        // SAFETY: the plugin passes pointers for one value.
        unsafe { put(value, found) }
    })
}

unsafe fn get_n<N: Native>(set: PropsHandle, name: *const c_char, count: c_int, values: *mut N) -> OfxStatus {
    answer(|| {
        let set = registry::props(set)?;
        // SAFETY: the plugin passes a string.
        let name = unsafe { text(name)? };
        let found = (0..count).map(|index| set.get(name, index, N::give)).collect::<SuiteResult<Vec<N>>>()?;
        if values.is_null() || count < 0 || !set.has(name) {
            return Err(if set.has(name) { kOfxStatErrValue } else { kOfxStatErrUnknown });
        }
        for (index, value) in found.into_iter().enumerate() {
            // SAFETY: the plugin passes pointers for `count` values.
            unsafe { values.add(index).write(value) };
        }
        Ok(())
    })
}

macro_rules! functions {
    ($($type:ty: $set:ident $set_n:ident $get:ident $get_n:ident;)*) => {
        $(
            unsafe extern "C" fn $set(s: PropsHandle, name: *const c_char, index: c_int, value: $type) -> OfxStatus {
                // SAFETY: required of the plugin by the suite.
                unsafe { set(s, name, index, value) }
            }
            unsafe extern "C" fn $set_n(s: PropsHandle, name: *const c_char, count: c_int, values: *const $type) -> OfxStatus {
                // SAFETY: required of the plugin by the suite.
                unsafe { set_n(s, name, count, values) }
            }
            unsafe extern "C" fn $get(s: PropsHandle, name: *const c_char, index: c_int, value: *mut $type) -> OfxStatus {
                // SAFETY: required of the plugin by the suite.
                unsafe { get(s, name, index, value) }
            }
            unsafe extern "C" fn $get_n(s: PropsHandle, name: *const c_char, count: c_int, values: *mut $type) -> OfxStatus {
                // SAFETY: required of the plugin by the suite.
                unsafe { get_n(s, name, count, values) }
            }
        )*
    };
}
functions! {
    c_int: set_int set_int_n get_int get_int_n;
    f64: set_double set_double_n get_double get_double_n;
    *mut c_void: set_pointer set_pointer_n get_pointer get_pointer_n;
}

unsafe extern "C" fn set_string(
    s: PropsHandle,
    name: *const c_char,
    index: c_int,
    value: *const c_char,
) -> OfxStatus {
    // SAFETY: required of the plugin by the suite; the string is only read.
    unsafe { set(s, name, index, value.cast_mut()) }
}

unsafe extern "C" fn set_string_n(
    s: PropsHandle,
    name: *const c_char,
    count: c_int,
    values: *const *const c_char,
) -> OfxStatus {
    // SAFETY: required of the plugin by the suite; the strings are only read.
    unsafe { set_n(s, name, count, values.cast::<*mut c_char>()) }
}

unsafe extern "C" fn get_string(
    s: PropsHandle,
    name: *const c_char,
    index: c_int,
    value: *mut *mut c_char,
) -> OfxStatus {
    // SAFETY: required of the plugin by the suite.
    unsafe { get(s, name, index, value) }
}

unsafe extern "C" fn get_string_n(
    s: PropsHandle,
    name: *const c_char,
    count: c_int,
    values: *mut *mut c_char,
) -> OfxStatus {
    // SAFETY: required of the plugin by the suite.
    unsafe { get_n(s, name, count, values) }
}

unsafe extern "C" fn reset(set: PropsHandle, name: *const c_char) -> OfxStatus {
    answer(|| {
        let set = registry::props(set)?;
        // SAFETY: the plugin passes a string.
        set.reset(unsafe { text(name)? })
    })
}

unsafe extern "C" fn dimension(set: PropsHandle, name: *const c_char, count: *mut c_int) -> OfxStatus {
    answer(|| {
        let set = registry::props(set)?;
        // SAFETY: the plugin passes a string.
        let name: &CStr = unsafe { text(name)? };
        let dimension = set.dimension(name)?;
        // SAFETY: the plugin passes a pointer for the number.
        unsafe { put(count, dimension) }
    })
}
