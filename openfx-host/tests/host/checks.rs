//! Checks, made by the plugin, that the suites refuse invalid calls.

#![allow(non_upper_case_globals, reason = "the published names of constants")]

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;

use openfx_sys::*;
use parking_lot::Mutex;

use crate::plugin::{call, clip, effects, note, param, params, properties, set_int, set_text, suite};

/// Runs all checks.
pub fn run(effect: OfxImageEffectHandle) {
    for (name, versions) in [
        (kOfxMemorySuite, 1..=1),
        (kOfxMultiThreadSuite, 1..=1),
        (kOfxMessageSuite, 1..=2),
        (kOfxProgressSuite, 1..=2),
        (kOfxTimeLineSuite, 1..=1),
        (kOfxParametricParameterSuite, 1..=1),
    ] {
        for version in versions {
            if suite::<c_void>(name, version).is_none() {
                note(format!("wrong: {} {version} is missing", name.to_string_lossy()));
            }
        }
    }
    if suite::<c_void>(kOfxPropertySuite, 2).is_some() || suite::<c_void>(c"OfxInteractSuite", 1).is_some() {
        note("wrong: a suite that there is not");
    }
    check_properties(effect);
    check_parameters(effect);
    check_clips(effect);
    check_services(effect);
    note("suites checked");
}

fn check_properties(effect: OfxImageEffectHandle) {
    let mut set = ptr::null_mut();
    call!(effects(), getPropertySet, effect, &mut set);
    let (mut int, mut double) = (0, 0.0);
    let read =
        |name: &CStr, index, int: &mut c_int| call!(properties(), propGetInt, set, name.as_ptr(), index, int);
    expect("an unknown name", read(c"OfxNoSuchThing", 0, &mut int), kOfxStatErrUnknown);
    expect("a string as an int", read(kOfxPropType, 0, &mut int), kOfxStatErrValue);
    expect("an index too far", read(kOfxPropIsInteractive, 1, &mut int), kOfxStatErrBadIndex);
    expect(
        "NULL for the name",
        call!(properties(), propGetInt, set, ptr::null(), 0, &mut int),
        kOfxStatErrValue,
    );
    expect("NULL for the place", read_null(set), kOfxStatErrValue);
    expect("a read-only value", set_text(set, kOfxPropType, 0, c"x"), kOfxStatErrValue);
    expect("no handle", set_int(ptr::null_mut(), kOfxPropIsInteractive, 0, 1), kOfxStatErrBadHandle);
    let foreign: OfxPropertySetHandle = ptr::from_mut(&mut double).cast();
    expect("a foreign handle", set_int(foreign, kOfxPropIsInteractive, 0, 1), kOfxStatErrBadHandle);
    expect("an effect as a set", set_int(effect.cast(), kOfxPropIsInteractive, 0, 1), kOfxStatErrBadHandle);
    let mut size = [0.0; 2];
    let name = kOfxImageEffectPropProjectSize.as_ptr();
    expect("two doubles", call!(properties(), propGetDoubleN, set, name, 2, size.as_mut_ptr()), kOfxStatOK);
    if size != [7.0, 5.0] {
        note(format!("wrong: the project's size is {size:?}"));
    }
    expect(
        "three of two",
        call!(properties(), propGetDoubleN, set, name, 3, size.as_mut_ptr()),
        kOfxStatErrBadIndex,
    );
    let mut count = 0;
    expect("a dimension", call!(properties(), propGetDimension, set, name, &mut count), kOfxStatOK);
    let data = kOfxPropInstanceData.as_ptr();
    let mine: *mut c_void = ptr::from_mut(&mut double).cast();
    expect("instance data", call!(properties(), propSetPointer, set, data, 0, mine), kOfxStatOK);
    let mut back = ptr::null_mut();
    expect("instance data back", call!(properties(), propGetPointer, set, data, 0, &mut back), kOfxStatOK);
    if back != mine || count != 2 {
        note("wrong: a pointer or a dimension came back as another");
    }
}

fn read_null(set: OfxPropertySetHandle) -> OfxStatus {
    call!(properties(), propGetInt, set, kOfxPropIsInteractive.as_ptr(), 0, ptr::null_mut())
}

fn check_parameters(effect: OfxImageEffectHandle) {
    let mut set = ptr::null_mut();
    call!(effects(), getParamSet, effect, &mut set);
    let mut handle = ptr::null_mut();
    let nobody = call!(params(), paramGetHandle, set, c"nobody".as_ptr(), &mut handle, ptr::null_mut());
    expect("an unknown parameter", nobody, kOfxStatErrUnknown);
    let mut props = ptr::null_mut();
    let late = call!(params(), paramDefine, set, kOfxParamTypeDouble.as_ptr(), c"late".as_ptr(), &mut props);
    expect("a parameter of an instance", late, kOfxStatErrUnsupported);
    let mut number = 0.0f64;
    expect(
        "a button's value",
        call!(params(), paramGetValue, param(effect, c"button"), &mut number),
        kOfxStatErrUnsupported,
    );
    let slope = call!(params(), paramGetDerivative, param(effect, c"words"), 1.0, &mut number);
    expect("a text's slope", slope, kOfxStatErrUnsupported);
    expect("an edit that is not open", call!(params(), paramEditEnd, set), kOfxStatFailed);
    let mut index = 0;
    let amount = param(effect, c"amount");
    expect(
        "a key that is not there",
        call!(params(), paramGetKeyIndex, amount, 1.0, 0, &mut index),
        kOfxStatFailed,
    );
    expect(
        "a time that is not there",
        call!(params(), paramGetKeyTime, amount, 0, &mut number),
        kOfxStatErrBadIndex,
    );
}

fn check_clips(effect: OfxImageEffectHandle) {
    let mut handle = ptr::null_mut();
    let nobody = call!(effects(), clipGetHandle, effect, c"Nobody".as_ptr(), &mut handle, ptr::null_mut());
    expect("an unknown clip", nobody, kOfxStatErrUnknown);
    let source = clip(effect, c"Source");
    let mut image = ptr::null_mut();
    let nowhere = call!(effects(), clipGetImage, source, f64::NAN, ptr::null(), &mut image);
    expect("no time at all", nowhere, kOfxStatErrValue);
    let outside = call!(effects(), clipGetImage, source, -40.0, ptr::null(), &mut image);
    expect("a time outside", outside, kOfxStatFailed);
    let other = call!(effects(), clipGetImage, clip(effect, c"Output"), 3.5, ptr::null(), &mut image);
    expect("an output that is not rendered", other, kOfxStatFailed);
    let mut bounds = OfxRectD { x1: 0.0, y1: 0.0, x2: 0.0, y2: 0.0 };
    expect("a region", call!(effects(), clipGetRegionOfDefinition, source, 1.0, &mut bounds), kOfxStatOK);
    if (bounds.x2, bounds.y2) != (7.0, 5.0) {
        note("wrong: the source's region");
    }
}

fn check_services(effect: OfxImageEffectHandle) {
    let memory: &OfxMemorySuiteV1 = suite(kOfxMemorySuite, 1).expect("checked");
    let mut data = ptr::null_mut();
    expect("memory", call!(memory, memoryAlloc, ptr::null_mut(), 1000, &mut data), kOfxStatOK);
    expect("free", call!(memory, memoryFree, data), kOfxStatOK);
    expect("free twice", call!(memory, memoryFree, data), kOfxStatErrBadHandle);
    let huge = call!(memory, memoryAlloc, ptr::null_mut(), usize::MAX / 2, &mut data);
    expect("too much memory", huge, kOfxStatErrMemory);

    let threads: &OfxMultiThreadSuiteV1 = suite(kOfxMultiThreadSuite, 1).expect("checked");
    let sum = Mutex::new(Vec::<u32>::new());
    let argument: *mut c_void = ptr::from_ref(&sum).cast_mut().cast();
    expect("many threads", call!(threads, multiThread, Some(part), 9, argument), kOfxStatOK);
    let mut parts = sum.into_inner();
    parts.sort_unstable();
    if parts != (0..9).collect::<Vec<_>>() {
        note(format!("wrong: the parts were {parts:?}"));
    }
    let mut mutex = ptr::null_mut();
    expect("a mutex", call!(threads, mutexCreate, &mut mutex, 1), kOfxStatOK);
    expect("unlock", call!(threads, mutexUnLock, mutex), kOfxStatOK);
    expect("unlock twice", call!(threads, mutexUnLock, mutex), kOfxStatFailed);
    expect("destroy", call!(threads, mutexDestroy, mutex), kOfxStatOK);
    expect("lock of the destroyed", call!(threads, mutexLock, mutex), kOfxStatErrBadHandle);

    let line: &OfxTimeLineSuiteV1 = suite(kOfxTimeLineSuite, 1).expect("checked");
    let mut time = 0.0;
    expect("the time", call!(line, getTime, effect.cast(), &mut time), kOfxStatOK);
    let progress: &OfxProgressSuiteV1 = suite(kOfxProgressSuite, 1).expect("checked");
    expect("progress", call!(progress, progressStart, effect.cast(), c"work".as_ptr()), kOfxStatOK);
    expect("its update", call!(progress, progressUpdate, effect.cast(), 0.5), kOfxStatOK);
    expect("its end", call!(progress, progressEnd, effect.cast()), kOfxStatOK);
    let text = CString::new("100% sure").expect("no zero");
    let messages: &OfxMessageSuiteV1 = suite(kOfxMessageSuite, 1).expect("checked");
    let format = c"%s".as_ptr();
    let question = kOfxMessageQuestion.as_ptr();
    let reply = call!(messages, message, effect.cast(), question, c"id".as_ptr(), format, text.as_ptr());
    expect("a question", reply, kOfxStatReplyNo);
    let odd =
        call!(messages, message, effect.cast(), c"OddKind".as_ptr(), c"id".as_ptr(), format, text.as_ptr());
    expect("a message of no kind", odd, kOfxStatErrValue);
}

unsafe extern "C" fn part(index: std::ffi::c_uint, _count: std::ffi::c_uint, argument: *mut c_void) {
    // SAFETY: the argument is the mutex of `check_services`, which waits for all parts.
    let parts = unsafe { &*argument.cast::<Mutex<Vec<u32>>>() };
    parts.lock().push(index);
}

/// Logs a line with `wrong` if a status is not the expected one.
fn expect(what: &str, got: OfxStatus, wanted: OfxStatus) {
    if got != wanted {
        note(format!("wrong: {what} gave {got}, not {wanted}"));
    }
}
