//! The suites of the small host.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use openfx_sys::*;

use super::host::{Value, handle, host, number, text, thousandths};

// --- property suite

fn read(set: OfxPropertySetHandle, name: *const c_char, index: c_int) -> Option<Value> {
    let name = text(name);
    host(|state| {
        state.touched.push(name.clone());
        let index = usize::try_from(index).ok()?;
        state.sets[number(set)].get(&name)?.get(index).cloned()
    })
}

fn write(set: OfxPropertySetHandle, name: *const c_char, index: c_int, value: Value) -> OfxStatus {
    let name = text(name);
    host(|state| {
        state.touched.push(name.clone());
        let refused = &state.faults.refused_props;
        if refused.iter().any(|other| other.to_bytes() == name.as_bytes()) {
            return kOfxStatErrUnknown;
        }
        let values = state.sets[number(set)].entry(name).or_default();
        let index = index as usize;
        if values.len() <= index {
            values.resize(index + 1, Value::Int(0));
        }
        values[index] = value;
        kOfxStatOK
    })
}

macro_rules! getter {
    ($name:ident, $type:ty, $variant:ident) => {
        unsafe extern "C" fn $name(
            set: OfxPropertySetHandle,
            name: *const c_char,
            index: c_int,
            to: *mut $type,
        ) -> OfxStatus {
            match read(set, name, index) {
                _ if host(|state| state.faults.silent_props) => kOfxStatOK,
                Some(Value::$variant(value)) => {
                    // SAFETY: the layer under test passes a variable.
                    unsafe { *to = value };
                    kOfxStatOK
                }
                Some(_) => kOfxStatErrValue,
                None => kOfxStatErrUnknown,
            }
        }
    };
}
getter!(get_int, c_int, Int);
getter!(get_double, f64, Double);

unsafe extern "C" fn get_pointer(
    set: OfxPropertySetHandle,
    name: *const c_char,
    index: c_int,
    to: *mut *mut c_void,
) -> OfxStatus {
    match read(set, name, index) {
        _ if host(|state| state.faults.silent_props) => kOfxStatOK,
        Some(Value::Pointer(value)) => {
            // SAFETY: the layer under test passes a variable.
            unsafe { *to = ptr::with_exposed_provenance_mut(value) };
            kOfxStatOK
        }
        _ => kOfxStatErrUnknown,
    }
}

unsafe extern "C" fn get_string(
    set: OfxPropertySetHandle,
    name: *const c_char,
    index: c_int,
    to: *mut *mut c_char,
) -> OfxStatus {
    match read(set, name, index) {
        _ if host(|state| state.faults.silent_props) => kOfxStatOK,
        Some(Value::Text(value)) => {
            // SAFETY: the layer under test passes a variable.
            unsafe { *to = lend(&value) };
            kOfxStatOK
        }
        _ => kOfxStatErrUnknown,
    }
}

/// Lends a string that is valid until the next call.
fn lend(value: &str) -> *mut c_char {
    host(|state| {
        // Reuse the memory if possible, so that an old pointer sees the new text.
        state.buffer.reserve(4096);
        state.buffer.clear();
        let text = CString::new(value).expect("no NUL");
        state.buffer.extend_from_slice(text.as_bytes_with_nul());
        state.buffer.as_mut_ptr().cast()
    })
}

unsafe extern "C" fn get_dimension(
    set: OfxPropertySetHandle,
    name: *const c_char,
    to: *mut c_int,
) -> OfxStatus {
    let name = text(name);
    let count = host(|state| state.sets[number(set)].get(&name).map_or(0, Vec::len));
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = count as c_int };
    // Like MLT for a property that it does not have.
    kOfxStatOK
}

unsafe extern "C" fn set_int(
    set: OfxPropertySetHandle,
    name: *const c_char,
    index: c_int,
    value: c_int,
) -> OfxStatus {
    write(set, name, index, Value::Int(value))
}

unsafe extern "C" fn set_double(
    set: OfxPropertySetHandle,
    name: *const c_char,
    index: c_int,
    value: f64,
) -> OfxStatus {
    write(set, name, index, Value::Double(value))
}

unsafe extern "C" fn set_string(
    set: OfxPropertySetHandle,
    name: *const c_char,
    index: c_int,
    value: *const c_char,
) -> OfxStatus {
    write(set, name, index, Value::Text(text(value)))
}

unsafe extern "C" fn set_pointer(
    set: OfxPropertySetHandle,
    name: *const c_char,
    index: c_int,
    value: *mut c_void,
) -> OfxStatus {
    write(set, name, index, Value::Pointer(value.expose_provenance()))
}

// --- image effect suite

unsafe extern "C" fn get_property_set(
    effect: OfxImageEffectHandle,
    to: *mut OfxPropertySetHandle,
) -> OfxStatus {
    let set = host(|state| state.effects.get(number(effect)).map(|effect| effect.set));
    let Some(set) = set else {
        return kOfxStatErrBadHandle;
    };
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = handle(set) };
    kOfxStatOK
}

unsafe extern "C" fn get_param_set(effect: OfxImageEffectHandle, to: *mut OfxParamSetHandle) -> OfxStatus {
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = effect.cast() };
    kOfxStatOK
}

unsafe extern "C" fn clip_define(
    effect: OfxImageEffectHandle,
    name: *const c_char,
    to: *mut OfxPropertySetHandle,
) -> OfxStatus {
    let name = text(name);
    let set = host(|state| state.add_clip(number(effect), &name));
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = handle(set) };
    kOfxStatOK
}

unsafe extern "C" fn clip_get_handle(
    effect: OfxImageEffectHandle,
    name: *const c_char,
    to: *mut OfxImageClipHandle,
    set: *mut OfxPropertySetHandle,
) -> OfxStatus {
    let name = text(name);
    let found = host(|state| {
        let set = state.effects[number(effect)].clips.get(&name)?.set;
        Some((state.handle_of(number(effect), &name), set))
    });
    if let (None, Some(status)) = (found, host(|state| state.faults.no_clip_answer)) {
        // A handle returned together with an error is invalid.
        // SAFETY: the layer under test passes variables.
        unsafe { *to = handle(4711) };
        return status;
    }
    // OK and NULL for an unknown name, like MLT.
    let (clip, props) =
        found.map_or((ptr::null_mut(), ptr::null_mut()), |(clip, props)| (handle(clip), handle(props)));
    // SAFETY: the layer under test passes variables.
    unsafe {
        *to = clip;
        *set = props;
    }
    kOfxStatOK
}

unsafe extern "C" fn clip_get_image(
    clip: OfxImageClipHandle,
    time: OfxTime,
    _region: *const OfxRectD,
    to: *mut OfxPropertySetHandle,
) -> OfxStatus {
    let image = host(|state| {
        let (effect, name) = state.names[number(clip)].clone();
        let clip = &state.effects[effect].clips[&name];
        let image = clip.images.get(&(time.round() as i64)).copied()?;
        state.lent.push(image);
        Some(image)
    });
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = image.map_or(ptr::null_mut(), handle) };
    kOfxStatOK
}

unsafe extern "C" fn clip_release_image(image: OfxPropertySetHandle) -> OfxStatus {
    host(|state| {
        let lent = state.lent.iter().position(|lent| *lent == number(image));
        match lent {
            Some(index) => {
                state.lent.swap_remove(index);
                kOfxStatOK
            }
            None => panic!("released twice"),
        }
    })
}

unsafe extern "C" fn abort(_effect: OfxImageEffectHandle) -> c_int {
    host(|state| state.faults.cancelled.into())
}

// --- parameter suite

unsafe extern "C" fn param_define(
    set: OfxParamSetHandle,
    kind: *const c_char,
    name: *const c_char,
    to: *mut OfxPropertySetHandle,
) -> OfxStatus {
    let (kind, name) = (text(kind), text(name));
    let set = host(|state| {
        let refused = &state.faults.refused_params;
        if refused.iter().any(|other| other.to_bytes() == kind.as_bytes()) {
            return None;
        }
        let kind = CString::new(kind).expect("no NUL");
        state.add_param(number(set), &name, &kind);
        Some(state.effects[number(set)].params[&name].set)
    });
    let Some(set) = set else {
        return kOfxStatErrUnsupported;
    };
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = handle(set) };
    kOfxStatOK
}

unsafe extern "C" fn param_get_handle(
    set: OfxParamSetHandle,
    name: *const c_char,
    to: *mut OfxParamHandle,
    props: *mut OfxPropertySetHandle,
) -> OfxStatus {
    let name = text(name);
    let found = host(|state| {
        let set_of = state.effects[number(set)].params.get(&name)?.set;
        Some((state.handle_of(number(set), &name), set_of))
    });
    let Some((param, of)) = found else {
        return kOfxStatErrUnknown;
    };
    // SAFETY: the layer under test passes variables.
    unsafe {
        *to = handle(param);
        *props = handle(of);
    }
    kOfxStatOK
}

unsafe extern "C" fn param_get_value_at_time(
    param: OfxParamHandle,
    time: OfxTime,
    to: *mut c_void,
) -> OfxStatus {
    let value = host(|state| {
        if state.faults.silent_params {
            return Ok(None);
        }
        if state.faults.failing_params {
            // SAFETY: the layer under test passes room for the largest value.
            unsafe { to.cast::<[u64; 4]>().write([0x0101_0101_0101_0101; 4]) };
            return Err(kOfxStatErrMissingHostFeature);
        }
        let param = state.param(number(param)).ok_or(kOfxStatErrBadHandle)?;
        let before = param.keys.range(..=thousandths(time)).next_back();
        let key = before.or_else(|| param.keys.iter().next());
        Ok(key.map(|(_, value)| value.clone()))
    });
    let value = match value {
        Ok(value) => value,
        Err(status) => return status,
    };
    // SAFETY: the layer under test passes room for the largest value.
    unsafe {
        match value {
            Some(Value::Int(value)) => *to.cast::<c_int>() = value,
            Some(Value::Double(value)) => *to.cast::<f64>() = value,
            Some(Value::Text(value)) => *to.cast::<*mut c_char>() = lend(&value),
            Some(Value::Pointer(_)) | None => {}
        }
    }
    kOfxStatOK
}

/// Integers and pointers are passed in one kind of register and doubles in another, on the platforms for
/// which these tests are built.
unsafe extern "C" fn param_set_value(param: OfxParamHandle, bits: usize, number_: f64) -> OfxStatus {
    let kind = host(|state| state.param(number(param)).map(|param| param.kind.clone()));
    let Some(kind) = kind else {
        return kOfxStatErrBadHandle;
    };
    let value = if kind.as_bytes() == kOfxParamTypeDouble.to_bytes() {
        Value::Double(number_)
    } else if kind.as_bytes() == kOfxParamTypeString.to_bytes() {
        Value::Text(text(ptr::with_exposed_provenance(bits)))
    } else {
        Value::Int(bits as u32 as i32)
    };
    host(|state| {
        let param = state.param(number(param)).expect("found above");
        param.keys = BTreeMap::from([(0, value)]);
    });
    kOfxStatOK
}

unsafe extern "C" fn param_get_num_keys(param: OfxParamHandle, to: *mut c_uint) -> OfxStatus {
    let count = host(|state| state.param(number(param)).map_or(0, |param| param.keys.len()));
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = count as c_uint };
    kOfxStatOK
}

unsafe extern "C" fn param_get_key_time(param: OfxParamHandle, nth: c_uint, to: *mut OfxTime) -> OfxStatus {
    let time = host(|state| {
        let param = state.param(number(param))?;
        // In descending order, because the standard does not specify the order.
        let time = param.keys.keys().rev().nth(nth as usize)?;
        Some(*time as f64 / 1e3)
    });
    let Some(time) = time else {
        return kOfxStatErrBadIndex;
    };
    // SAFETY: the layer under test passes a variable.
    unsafe { *to = time };
    kOfxStatOK
}

// --- messages and progress

unsafe extern "C" fn message(
    _instance: *mut c_void,
    kind: *const c_char,
    id: *const c_char,
    format: *const c_char,
) -> OfxStatus {
    let (kind, format) = (text(kind), text(format));
    let _ = text(id);
    let answer = if kind.as_bytes() == kOfxMessageQuestion.to_bytes() {
        kOfxStatReplyNo
    } else {
        kOfxStatReplyDefault
    };
    host(|state| state.messages.push((kind, format)));
    answer
}

unsafe extern "C" fn set_persistent(
    _instance: *mut c_void,
    kind: *const c_char,
    id: *const c_char,
    format: *const c_char,
) -> OfxStatus {
    let (kind, format) = (text(kind), text(format));
    let _ = text(id);
    host(|state| state.messages.push((format!("persistent {kind}"), format)));
    kOfxStatOK
}

unsafe extern "C" fn clear_persistent(_instance: *mut c_void) -> OfxStatus {
    host(|state| state.messages.push(("cleared".to_owned(), String::new())));
    kOfxStatOK
}

unsafe extern "C" fn progress_start_1(_instance: *mut c_void, label: *const c_char) -> OfxStatus {
    let label = text(label);
    host(|state| state.progress.push(format!("1 {label}")));
    kOfxStatOK
}

unsafe extern "C" fn progress_start_2(
    _instance: *mut c_void,
    label: *const c_char,
    id: *const c_char,
) -> OfxStatus {
    let label = text(label);
    let _ = text(id);
    host(|state| state.progress.push(format!("2 {label}")));
    kOfxStatOK
}

unsafe extern "C" fn progress_update(_instance: *mut c_void, done: f64) -> OfxStatus {
    host(|state| {
        state.progress.push(format!("{done}"));
        if state.faults.cancelled {
            kOfxStatReplyNo
        } else {
            state.faults.progress_answer.unwrap_or(kOfxStatOK)
        }
    })
}

unsafe extern "C" fn progress_end(_instance: *mut c_void) -> OfxStatus {
    host(|state| state.progress.push("end".to_owned()));
    kOfxStatOK
}

// --- access to the suites

/// Leaks a suite, which must stay valid; tests only create a few.
fn kept<T>(suite: T) -> *const c_void {
    ptr::from_ref(Box::leak(Box::new(suite))).cast()
}

unsafe extern "C" fn fetch(
    _host: OfxPropertySetHandle,
    name: *const c_char,
    version: c_int,
) -> *const c_void {
    let name = format!("{} {version}", text(name));
    let hole = |what: &str| host(|state| state.faults.holes.contains(&what));
    if hole(&name) {
        return ptr::null();
    }
    // SAFETY: all-zero is a structure of missing functions.
    let (mut property, mut effect, mut param): (
        OfxPropertySuiteV1,
        OfxImageEffectSuiteV1,
        OfxParameterSuiteV1,
    ) = unsafe { std::mem::zeroed() };
    match name.as_str() {
        "OfxPropertySuite 1" => {
            property.propSetPointer = Some(set_pointer);
            property.propSetString = Some(set_string);
            property.propSetDouble = Some(set_double);
            property.propSetInt = Some(set_int);
            property.propGetPointer = Some(get_pointer);
            property.propGetString = Some(get_string);
            property.propGetDouble = Some(get_double);
            property.propGetInt = (!hole("propGetInt")).then_some(get_int);
            property.propGetDimension = (!hole("propGetDimension")).then_some(get_dimension);
            kept(property)
        }
        "OfxImageEffectSuite 1" => {
            effect.getPropertySet = Some(get_property_set);
            effect.getParamSet = Some(get_param_set);
            effect.clipDefine = Some(clip_define);
            effect.clipGetHandle = Some(clip_get_handle);
            effect.clipGetImage = Some(clip_get_image);
            effect.clipReleaseImage = Some(clip_release_image);
            effect.abort = (!hole("abort")).then_some(abort);
            kept(effect)
        }
        "OfxParameterSuite 1" => {
            param.paramDefine = Some(param_define);
            param.paramGetHandle = Some(param_get_handle);
            // SAFETY: on the platforms that these tests are built for, a variadic call
            // with these arguments looks like a call of these functions.
            unsafe {
                param.paramGetValueAtTime = Some(std::mem::transmute::<
                    unsafe extern "C" fn(OfxParamHandle, OfxTime, *mut c_void) -> OfxStatus,
                    unsafe extern "C" fn(OfxParamHandle, OfxTime, ...) -> OfxStatus,
                >(param_get_value_at_time));
                param.paramSetValue = Some(std::mem::transmute::<
                    unsafe extern "C" fn(OfxParamHandle, usize, f64) -> OfxStatus,
                    unsafe extern "C" fn(OfxParamHandle, ...) -> OfxStatus,
                >(param_set_value));
            }
            param.paramGetNumKeys = Some(param_get_num_keys);
            param.paramGetKeyTime = Some(param_get_key_time);
            kept(param)
        }
        "OfxMessageSuite 1" => kept(OfxMessageSuiteV1 { message: Some(variadic(message)) }),
        "OfxMessageSuite 2" => kept(OfxMessageSuiteV2 {
            message: Some(variadic(message)),
            setPersistentMessage: (!hole("setPersistentMessage")).then_some(variadic(set_persistent)),
            clearPersistentMessage: Some(clear_persistent),
        }),
        "OfxProgressSuite 1" => kept(OfxProgressSuiteV1 {
            progressStart: Some(progress_start_1),
            progressUpdate: Some(progress_update),
            progressEnd: Some(progress_end),
        }),
        "OfxProgressSuite 2" => kept(OfxProgressSuiteV2 {
            progressStart: Some(progress_start_2),
            progressUpdate: Some(progress_update),
            progressEnd: Some(progress_end),
        }),
        _ => ptr::null(),
    }
}

type Fixed = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, *const c_char) -> OfxStatus;
type Variadic =
    unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, *const c_char, ...) -> OfxStatus;

fn variadic(function: Fixed) -> Variadic {
    // SAFETY: as above; the variadic part is empty.
    unsafe { std::mem::transmute::<Fixed, Variadic>(function) }
}

/// The host record passed to `setHost`.
pub(super) fn record() -> OfxHost {
    OfxHost { host: handle(0), fetchSuite: Some(fetch) }
}
