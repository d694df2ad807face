//! The Rust side of the variadic functions; the C side is `varargs.c`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};

use openfx_sys::*;

use crate::instance;
use crate::params::{Kind, Param, Value};
use crate::registry;
use crate::scope;
use crate::status::{SuiteResult, answer, put, text};

#[link(name = "openfx_host_varargs", kind = "static")]
unsafe extern "C" {
    pub fn openfx_param_get_value(param: OfxParamHandle, ...) -> OfxStatus;
    pub fn openfx_param_get_value_at_time(param: OfxParamHandle, time: OfxTime, ...) -> OfxStatus;
    pub fn openfx_param_get_derivative(param: OfxParamHandle, time: OfxTime, ...) -> OfxStatus;
    pub fn openfx_param_get_integral(param: OfxParamHandle, from: OfxTime, to: OfxTime, ...) -> OfxStatus;
    pub fn openfx_param_set_value(param: OfxParamHandle, ...) -> OfxStatus;
    pub fn openfx_param_set_value_at_time(param: OfxParamHandle, time: OfxTime, ...) -> OfxStatus;
    pub fn openfx_message(
        handle: *mut c_void,
        kind: *const c_char,
        id: *const c_char,
        format: *const c_char,
        ...
    ) -> OfxStatus;
    pub fn openfx_set_persistent_message(
        handle: *mut c_void,
        kind: *const c_char,
        id: *const c_char,
        format: *const c_char,
        ...
    ) -> OfxStatus;
}

/// One variadic argument, in the field of its type.
#[repr(C)]
struct VariadicArgument {
    whole: c_int,
    real: f64,
    pointer: *mut c_void,
}

const GET: c_int = 0;
const GET_AT_TIME: c_int = 1;
const DERIVATIVE: c_int = 2;
const INTEGRAL: c_int = 3;
const SET: c_int = 4;

/// The number of values of a kind, and the type letter of one value when it is passed in.
fn shape(kind: Kind) -> Option<(usize, u8)> {
    match kind {
        Kind::Integer(n) => Some((n, b'i')),
        Kind::Boolean | Kind::Choice => Some((1, b'i')),
        Kind::Double(n) | Kind::Colour(n) => Some((n, b'd')),
        Kind::String | Kind::StrChoice | Kind::Custom | Kind::Bytes => Some((1, b'p')),
        Kind::Group | Kind::Page | Kind::PushButton | Kind::Parametric => None,
    }
}

/// Writes the type letters of a parameter call's arguments and returns their number, or a negated status if
/// there is no such call.
///
/// # Safety
/// `types` points to at least four bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn openfx_host_arguments(
    param: OfxParamHandle,
    setting: c_int,
    types: *mut c_char,
) -> c_int {
    let param = match registry::param(param) {
        Ok(param) => param,
        Err(status) => return -status,
    };
    let Some((count, letter)) = shape(param.kind) else {
        return -kOfxStatErrUnsupported;
    };
    let letter = if setting != 0 { letter } else { b'p' };
    for index in 0..count {
        // SAFETY: no kind has more than four values.
        unsafe { types.add(index).write(c_char::from_ne_bytes([letter])) };
    }
    c_int::try_from(count).unwrap_or(-kOfxStatErrUnsupported)
}

/// Executes a variadic parameter call.
///
/// # Safety
/// `arguments` points to `count` arguments of the types that `openfx_host_arguments` wrote.
#[unsafe(no_mangle)]
unsafe extern "C" fn openfx_host_param(
    operation: c_int,
    param: OfxParamHandle,
    time1: f64,
    time2: f64,
    arguments: *const VariadicArgument,
    count: c_int,
) -> OfxStatus {
    answer(|| {
        let handle = param.addr();
        let param = registry::param(param)?;
        watch(&param, operation >= SET);
        let count = usize::try_from(count).map_err(|_| kOfxStatErrValue)?;
        // SAFETY: guaranteed by the caller.
        let arguments = unsafe { std::slice::from_raw_parts(arguments, count) };
        match operation {
            GET => {
                let (now, ..) =
                    param.effect.lock().upgrade().map_or((0.0, 0.0, 0.0), |effect| effect.session.timeline());
                // SAFETY: the plugin passes a pointer of the right type for each value.
                unsafe { write(handle, &param.value(now)?, arguments) }
            }
            GET_AT_TIME => {
                // SAFETY: the plugin passes a pointer of the right type for each value.
                unsafe { write(handle, &param.value(time1)?, arguments) }
            }
            DERIVATIVE | INTEGRAL => {
                if !matches!(param.kind, Kind::Double(_) | Kind::Colour(_)) {
                    return Err(kOfxStatErrUnsupported);
                }
                let values = param.curve(|curve| match operation {
                    DERIVATIVE => curve.derivative(time1),
                    _ => curve.integral(time1, time2),
                })?;
                // SAFETY: the plugin passes pointers for each value.
                unsafe { write(handle, &Value::Doubles(values), arguments) }
            }
            _ => {
                // SAFETY: the plugin passes what the kind asks for.
                let value = unsafe { read(&param, arguments)? };
                param.set((operation != SET).then_some(time1), value)?;
                changed(&param);
                Ok(())
            }
        }
    })
}

thread_local! {
    /// The string that this thread last read from each parameter; valid until it reads the same one again.
    static STRINGS: RefCell<HashMap<usize, CString>> = RefCell::default();
    static BYTES: RefCell<HashMap<usize, Vec<u8>>> = RefCell::default();
}

unsafe fn write(handle: usize, value: &Value, arguments: &[VariadicArgument]) -> SuiteResult<()> {
    match value {
        Value::Ints(values) => {
            for (value, argument) in values.iter().zip(arguments) {
                // SAFETY: guaranteed by the caller.
                unsafe { put(argument.pointer.cast::<c_int>(), *value)? };
            }
        }
        Value::Doubles(values) => {
            for (value, argument) in values.iter().zip(arguments) {
                // SAFETY: guaranteed by the caller.
                unsafe { put(argument.pointer.cast::<f64>(), *value)? };
            }
        }
        Value::Text(text) => {
            let argument = arguments.first().ok_or(kOfxStatErrValue)?;
            let pointer = text.clone();
            let pointer = STRINGS.with_borrow_mut(|strings| {
                let kept = strings.entry(handle).insert_entry(pointer).into_mut();
                kept.as_ptr().cast_mut()
            });
            // SAFETY: guaranteed by the caller.
            unsafe { put(argument.pointer.cast::<*mut c_char>(), pointer)? };
        }
        Value::Bytes(bytes) => {
            let argument = arguments.first().ok_or(kOfxStatErrValue)?;
            let (bytes, len) = (bytes.clone(), bytes.len());
            let data =
                BYTES.with_borrow_mut(|kept| kept.entry(handle).insert_entry(bytes).into_mut().as_ptr());
            // SAFETY: guaranteed by the caller.
            unsafe { put(argument.pointer.cast(), OfxBytes { data, length: len })? };
        }
        Value::None => return Err(kOfxStatErrUnsupported),
    }
    Ok(())
}

unsafe fn read(param: &Param, arguments: &[VariadicArgument]) -> SuiteResult<Value> {
    let first = arguments.first().ok_or(kOfxStatErrValue)?;
    Ok(match param.kind {
        Kind::Integer(_) | Kind::Boolean | Kind::Choice => {
            Value::Ints(arguments.iter().map(|a| a.whole).collect())
        }
        Kind::Double(_) | Kind::Colour(_) => Value::Doubles(arguments.iter().map(|a| a.real).collect()),
        Kind::String | Kind::StrChoice | Kind::Custom => {
            // SAFETY: guaranteed by the caller.
            Value::Text(unsafe { text(first.pointer.cast())? }.to_owned())
        }
        Kind::Bytes => {
            let bytes = first.pointer.cast::<OfxBytes>();
            if bytes.is_null() {
                return Err(kOfxStatErrValue);
            }
            // SAFETY: guaranteed by the caller.
            let OfxBytes { data, length } = unsafe { bytes.read() };
            if data.is_null() {
                return Ok(Value::Bytes(Vec::new()));
            }
            // SAFETY: as above.
            Value::Bytes(unsafe { std::slice::from_raw_parts(data, length) }.to_vec())
        }
        Kind::Group | Kind::Page | Kind::PushButton | Kind::Parametric => return Err(kOfxStatErrUnsupported),
    })
}

/// Records calls that real hosts punish.
fn watch(param: &Param, setting: bool) {
    let Some(effect) = param.effect.lock().upgrade() else { return };
    let name = param.name();
    match scope::current() {
        None => effect.session.complain(format!("it used the parameter {name} on a thread of its own")),
        // A set value makes Resolve render again and Natron abort the render.
        Some(scope) if setting && scope.action == kOfxImageEffectActionRender => {
            effect.session.complain(format!("it set the parameter {name} while rendering"));
        }
        Some(_) => {}
    }
}

/// Notifies the plugin of a change that it made itself, within the call, as real hosts do.
fn changed(param: &Param) {
    let effect = param.effect.lock().upgrade();
    if let Some(effect) = effect {
        instance::changed_by_plugin(&effect, &param.name);
    }
}
