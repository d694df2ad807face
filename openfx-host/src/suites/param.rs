//! The parameter suite: definitions, values and keys.

use std::ffi::{c_char, c_int, c_uint};

use openfx_sys::*;

use super::varargs;
use crate::registry;
use crate::scope;
use crate::status::{answer, put, text};

/// The suite's function table.
pub static SUITE: OfxParameterSuiteV1 = OfxParameterSuiteV1 {
    paramDefine: Some(define),
    paramGetHandle: Some(get_handle),
    paramSetGetPropertySet: Some(set_get_property_set),
    paramGetPropertySet: Some(get_property_set),
    paramGetValue: Some(varargs::openfx_param_get_value),
    paramGetValueAtTime: Some(varargs::openfx_param_get_value_at_time),
    paramGetDerivative: Some(varargs::openfx_param_get_derivative),
    paramGetIntegral: Some(varargs::openfx_param_get_integral),
    paramSetValue: Some(varargs::openfx_param_set_value),
    paramSetValueAtTime: Some(varargs::openfx_param_set_value_at_time),
    paramGetNumKeys: Some(get_num_keys),
    paramGetKeyTime: Some(get_key_time),
    paramGetKeyIndex: Some(get_key_index),
    paramDeleteKey: Some(delete_key),
    paramDeleteAllKeys: Some(delete_all_keys),
    paramCopy: Some(copy),
    paramEditBegin: Some(edit_begin),
    paramEditEnd: Some(edit_end),
};

unsafe extern "C" fn define(
    set: OfxParamSetHandle,
    kind: *const c_char,
    name: *const c_char,
    props: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        let set = registry::param_set(set)?;
        // SAFETY: the plugin passes strings.
        let (kind, name) = unsafe { (text(kind)?, text(name)?) };
        // Parameters are defined during an action, whose session has the settings.
        let session = scope::current().ok_or(kOfxStatFailed)?.effect.session.clone();
        let param = set.define(kind, name, &session.settings)?;
        if props.is_null() {
            return Ok(());
        }
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(props, param.props_pointer()) }
    })
}

unsafe extern "C" fn get_handle(
    set: OfxParamSetHandle,
    name: *const c_char,
    param: *mut OfxParamHandle,
    props: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        let set = registry::param_set(set)?;
        // SAFETY: the plugin passes a string.
        let found = set.find(unsafe { text(name)? }).ok_or(kOfxStatErrUnknown)?;
        // SAFETY: the plugin passes pointers for the handles that it wants.
        unsafe {
            if !param.is_null() {
                put(param, found.slot.pointer())?;
            }
            if props.is_null() { Ok(()) } else { put(props, found.props_pointer()) }
        }
    })
}

unsafe extern "C" fn set_get_property_set(
    set: OfxParamSetHandle,
    props: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        let set = registry::param_set(set)?;
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(props, set.props_pointer()) }
    })
}

unsafe extern "C" fn get_property_set(param: OfxParamHandle, props: *mut OfxPropertySetHandle) -> OfxStatus {
    answer(|| {
        let param = registry::param(param)?;
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(props, param.props_pointer()) }
    })
}

unsafe extern "C" fn get_num_keys(param: OfxParamHandle, count: *mut c_uint) -> OfxStatus {
    answer(|| {
        let keys = registry::param(param)?.curve(|curve| curve.keys().len())?;
        // SAFETY: the plugin passes a pointer for the number.
        unsafe { put(count, c_uint::try_from(keys).unwrap_or(c_uint::MAX)) }
    })
}

unsafe extern "C" fn get_key_time(param: OfxParamHandle, nth: c_uint, time: *mut OfxTime) -> OfxStatus {
    answer(|| {
        let found = registry::param(param)?.curve(|curve| curve.keys().get(nth as usize).map(|key| key.0))?;
        // SAFETY: the plugin passes a pointer for the time.
        unsafe { put(time, found.ok_or(kOfxStatErrBadIndex)?) }
    })
}

unsafe extern "C" fn get_key_index(
    param: OfxParamHandle,
    time: OfxTime,
    direction: c_int,
    index: *mut c_int,
) -> OfxStatus {
    answer(|| {
        let found = registry::param(param)?.curve(|curve| {
            let keys = curve.keys();
            match direction {
                ..0 => keys.iter().rposition(|key| key.0 < time),
                0 => keys.iter().position(|key| key.0 == time),
                1.. => keys.iter().position(|key| key.0 > time),
            }
        })?;
        let found = found.and_then(|nth| c_int::try_from(nth).ok()).ok_or(kOfxStatFailed)?;
        // SAFETY: the plugin passes a pointer for the index.
        unsafe { put(index, found) }
    })
}

unsafe extern "C" fn delete_key(param: OfxParamHandle, time: OfxTime) -> OfxStatus {
    answer(|| {
        let deleted = registry::param(param)?.change(|curve| curve.delete(time))?;
        if deleted { Ok(()) } else { Err(kOfxStatErrBadIndex) }
    })
}

unsafe extern "C" fn delete_all_keys(param: OfxParamHandle) -> OfxStatus {
    answer(|| registry::param(param)?.change(|curve| curve.delete_all()))
}

unsafe extern "C" fn copy(
    to: OfxParamHandle,
    from: OfxParamHandle,
    offset: OfxTime,
    range: *const OfxRangeD,
) -> OfxStatus {
    answer(|| {
        let (to, from) = (registry::param(to)?, registry::param(from)?);
        if to.kind != from.kind {
            return Err(kOfxStatErrValue);
        }
        // SAFETY: NULL, which means everything, or a valid range.
        let range = unsafe { range.as_ref() }.map(|range| (range.min, range.max));
        let within = |time: f64| range.is_none_or(|(first, last)| (first..=last).contains(&time));
        let (value, keys) = from.curve(|curve| (curve.at(0.0), curve.keys().to_vec()))?;
        to.change(|curve| {
            if keys.is_empty() {
                curve.set(value);
            }
            for (time, value) in keys.into_iter().filter(|key| within(key.0)) {
                curve.set_key(time + offset, value);
            }
        })
    })
}

unsafe extern "C" fn edit_begin(set: OfxParamSetHandle, _name: *const c_char) -> OfxStatus {
    answer(|| {
        registry::param_set(set)?.edit_begin();
        Ok(())
    })
}

unsafe extern "C" fn edit_end(set: OfxParamSetHandle) -> OfxStatus {
    answer(|| registry::param_set(set)?.edit_end())
}
