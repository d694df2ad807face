//! The progress suite, in both versions.

use std::ffi::{c_char, c_void};

use openfx_sys::*;

use crate::registry;
use crate::scope;
use crate::status::{answer, text};

/// Version 1 of the suite.
pub static SUITE_V1: OfxProgressSuiteV1 = OfxProgressSuiteV1 {
    progressStart: Some(start_v1),
    progressUpdate: Some(update),
    progressEnd: Some(end),
};

/// Version 2 of the suite, with message identifiers.
pub static SUITE_V2: OfxProgressSuiteV2 = OfxProgressSuiteV2 {
    progressStart: Some(start_v2),
    progressUpdate: Some(update),
    progressEnd: Some(end),
};

unsafe extern "C" fn start_v1(effect: *mut c_void, label: *const c_char) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect.cast())?;
        // SAFETY: the plugin passes a string.
        let label = unsafe { text(label) }.inspect_err(|_| {
            effect.session.complain("it started a progress without a label");
        })?;
        effect.session.progress.start(&label.to_string_lossy());
        Ok(())
    })
}

unsafe extern "C" fn start_v2(effect: *mut c_void, label: *const c_char, id: *const c_char) -> OfxStatus {
    if id.is_null()
        && let Ok(effect) = registry::effect(effect.cast())
    {
        // Natron and the official support library crash on this.
        effect.session.complain("it started a progress whose message id is NULL");
    }
    // SAFETY: required of the plugin by the suite.
    unsafe { start_v1(effect, label) }
}

unsafe extern "C" fn update(effect: *mut c_void, fraction: f64) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect.cast())?;
        if scope::current().is_none() {
            effect.session.complain("it reported progress on a thread of its own");
        }
        effect.session.progress.update(fraction.clamp(0.0, 1.0));
        if effect.session.aborted() { Err(kOfxStatReplyNo) } else { Ok(()) }
    })
}

unsafe extern "C" fn end(effect: *mut c_void) -> OfxStatus {
    answer(|| {
        registry::effect(effect.cast())?.session.progress.end();
        Ok(())
    })
}
