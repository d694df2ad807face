//! The time line suite: current frame and range.

use std::ffi::c_void;

use openfx_sys::*;

use crate::registry;
use crate::status::{answer, put};

/// The suite's function table.
pub static SUITE: OfxTimeLineSuiteV1 = OfxTimeLineSuiteV1 {
    getTime: Some(get_time),
    gotoTime: Some(go_to_time),
    getTimeBounds: Some(get_bounds),
};

unsafe extern "C" fn get_time(effect: *mut c_void, time: *mut f64) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect.cast())?;
        // SAFETY: the plugin passes a pointer for the time.
        unsafe { put(time, effect.session.timeline().0) }
    })
}

unsafe extern "C" fn go_to_time(effect: *mut c_void, time: f64) -> OfxStatus {
    answer(|| {
        let session = registry::effect(effect.cast())?.session.clone();
        let (_, first, last) = session.timeline();
        if !(first..=last).contains(&time) {
            return Err(kOfxStatErrValue);
        }
        session.go_to(time);
        Ok(())
    })
}

unsafe extern "C" fn get_bounds(effect: *mut c_void, first: *mut f64, last: *mut f64) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect.cast())?;
        let (_, start, end) = effect.session.timeline();
        // SAFETY: the plugin passes pointers for the times.
        unsafe {
            put(first, start)?;
            put(last, end)
        }
    })
}
