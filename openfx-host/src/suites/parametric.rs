//! The parametric parameter suite, without animation.

use std::ffi::c_int;

use openfx_sys::*;

use crate::params::{Curves, Kind};
use crate::registry;
use crate::status::{SuiteResult, answer, put};

/// The suite's function table.
pub static SUITE: OfxParametricParameterSuiteV1 = OfxParametricParameterSuiteV1 {
    parametricParamGetValue: Some(value),
    parametricParamGetNControlPoints: Some(count),
    parametricParamGetNthControlPoint: Some(point),
    parametricParamSetNthControlPoint: Some(set_point),
    parametricParamAddControlPoint: Some(add_point),
    parametricParamDeleteControlPoint: Some(delete_point),
    parametricParamDeleteAllControlPoints: Some(delete_all),
};

fn with<R>(param: OfxParamHandle, work: impl FnOnce(&mut Curves) -> SuiteResult<R>) -> SuiteResult<R> {
    let param = registry::param(param)?;
    if param.kind != Kind::Parametric {
        return Err(kOfxStatErrUnsupported);
    }
    work(&mut param.curves.lock())
}

unsafe extern "C" fn value(
    p: OfxParamHandle,
    curve: c_int,
    _time: OfxTime,
    position: f64,
    out: *mut f64,
) -> OfxStatus {
    answer(|| {
        let value = with(p, |curves| curves.value(curve, position))?;
        // SAFETY: the plugin passes a pointer for the value.
        unsafe { put(out, value) }
    })
}

unsafe extern "C" fn count(p: OfxParamHandle, curve: c_int, _time: f64, out: *mut c_int) -> OfxStatus {
    answer(|| {
        let count = with(p, |curves| curves.count(curve))?;
        // SAFETY: the plugin passes a pointer for the number.
        unsafe { put(out, count) }
    })
}

unsafe extern "C" fn point(
    p: OfxParamHandle,
    curve: c_int,
    _time: f64,
    nth: c_int,
    key: *mut f64,
    value: *mut f64,
) -> OfxStatus {
    answer(|| {
        let found = with(p, |curves| curves.point(curve, nth))?;
        // SAFETY: the plugin passes pointers for both.
        unsafe {
            put(key, found.0)?;
            put(value, found.1)
        }
    })
}

unsafe extern "C" fn set_point(
    p: OfxParamHandle,
    curve: c_int,
    _time: f64,
    nth: c_int,
    key: f64,
    value: f64,
    _animate: bool,
) -> OfxStatus {
    answer(|| {
        with(p, |curves| {
            curves.remove(curve, nth)?;
            curves.add(curve, key, value)
        })
    })
}

unsafe extern "C" fn add_point(
    p: OfxParamHandle,
    curve: c_int,
    _time: f64,
    key: f64,
    value: f64,
    _animate: bool,
) -> OfxStatus {
    answer(|| with(p, |curves| curves.add(curve, key, value)))
}

unsafe extern "C" fn delete_point(p: OfxParamHandle, curve: c_int, nth: c_int) -> OfxStatus {
    answer(|| with(p, |curves| curves.remove(curve, nth)))
}

unsafe extern "C" fn delete_all(p: OfxParamHandle, curve: c_int) -> OfxStatus {
    answer(|| with(p, |curves| curves.clear(curve)))
}
