//! A plugin on the raw ABI that behaves correctly or not, depending on its parameter `mode`, and logs what it
//! sees.

#![allow(non_upper_case_globals, reason = "the published names of constants")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use openfx_sys::*;
use parking_lot::Mutex;

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOST: AtomicPtr<OfxHost> = AtomicPtr::new(ptr::null_mut());
static KEPT: Mutex<[usize; 4]> = Mutex::new([0; 4]);

const MODES: &[&CStr] = &[
    c"invert",
    c"copy",
    c"next",
    c"identity",
    c"leak",
    c"release twice",
    c"foreign thread",
    c"write beside",
    c"set while rendering",
    c"no id",
    c"fail",
    c"wait for abort",
    c"check suites",
    c"keep handles",
];

/// The plugin record, as a binary's `OfxGetPlugin` would return it.
pub fn record() -> *mut OfxPlugin {
    Box::leak(Box::new(OfxPlugin {
        pluginApi: kOfxImageEffectPluginApi.as_ptr(),
        apiVersion: 1,
        pluginIdentifier: c"org.unsample.test".as_ptr(),
        pluginVersionMajor: 1,
        pluginVersionMinor: 2,
        setHost: Some(set_host),
        mainEntry: Some(main_entry),
    }))
}

/// Clears the plugin's log.
pub fn clear_log() {
    LOG.lock().clear();
}

/// Lines that the plugin has logged.
pub fn log() -> Vec<String> {
    LOG.lock().clone()
}

/// Adds a line to the log.
pub fn note(line: impl Into<String>) {
    LOG.lock().push(line.into());
}

unsafe extern "C" fn set_host(host: *mut OfxHost) {
    HOST.store(host, Ordering::SeqCst);
}

/// The table of a suite, if the host has it.
pub fn suite<T>(name: &CStr, version: c_int) -> Option<&'static T> {
    // SAFETY: the host record is never freed, and a suite of that name and version is that table.
    unsafe {
        let host = HOST.load(Ordering::SeqCst).as_ref()?;
        host.fetchSuite?(host.host, name.as_ptr(), version).cast::<T>().as_ref()
    }
}

/// The property suite of the host.
pub fn properties() -> &'static OfxPropertySuiteV1 {
    suite(kOfxPropertySuite, 1).expect("every host has it")
}

/// The image effect suite of the host.
pub fn effects() -> &'static OfxImageEffectSuiteV1 {
    suite(kOfxImageEffectSuite, 1).expect("every host has it")
}

/// The parameter suite of the host.
pub fn params() -> &'static OfxParameterSuiteV1 {
    suite(kOfxParameterSuite, 1).expect("every host has it")
}

/// Calls a function of a suite.
macro_rules! call {
    ($suite:expr, $member:ident $(, $argument:expr)* $(,)?) => {{
        let member = $suite.$member.expect("the host fills its suites");
        // SAFETY: the arguments are what the standard says, or wrong on purpose where the host has to notice.
        unsafe { member($($argument),*) }
    }};
}

pub(crate) use call;

/// Sets one value of a string property.
pub fn set_text(set: OfxPropertySetHandle, name: &CStr, index: c_int, value: &CStr) -> OfxStatus {
    call!(properties(), propSetString, set, name.as_ptr(), index, value.as_ptr())
}

/// Sets one value of an `int` property.
pub fn set_int(set: OfxPropertySetHandle, name: &CStr, index: c_int, value: c_int) -> OfxStatus {
    call!(properties(), propSetInt, set, name.as_ptr(), index, value)
}

fn set_double(set: OfxPropertySetHandle, name: &CStr, index: c_int, value: f64) -> OfxStatus {
    call!(properties(), propSetDouble, set, name.as_ptr(), index, value)
}

fn get_text(set: OfxPropertySetHandle, name: &CStr) -> String {
    let mut text: *mut c_char = ptr::null_mut();
    match call!(properties(), propGetString, set, name.as_ptr(), 0, &mut text) {
        // SAFETY: the host gave a string.
        kOfxStatOK => unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned(),
        status => format!("status {status}"),
    }
}

fn get_int(set: OfxPropertySetHandle, name: &CStr, index: c_int) -> c_int {
    let mut value = 0;
    call!(properties(), propGetInt, set, name.as_ptr(), index, &mut value);
    value
}

fn get_double(set: OfxPropertySetHandle, name: &CStr) -> f64 {
    let mut value = 0.0;
    call!(properties(), propGetDouble, set, name.as_ptr(), 0, &mut value);
    value
}

/// Handle of an instance's parameter; NULL if there is none.
pub fn param(effect: OfxImageEffectHandle, name: &CStr) -> OfxParamHandle {
    let (mut set, mut handle) = (ptr::null_mut(), ptr::null_mut());
    call!(effects(), getParamSet, effect, &mut set);
    call!(params(), paramGetHandle, set, name.as_ptr(), &mut handle, ptr::null_mut());
    handle
}

/// Handle of an instance's clip; NULL if there is none.
pub fn clip(effect: OfxImageEffectHandle, name: &CStr) -> OfxImageClipHandle {
    let mut handle = ptr::null_mut();
    call!(effects(), clipGetHandle, effect, name.as_ptr(), &mut handle, ptr::null_mut());
    handle
}

fn fetch(clip: OfxImageClipHandle, time: f64) -> OfxPropertySetHandle {
    let mut image = ptr::null_mut();
    call!(effects(), clipGetImage, clip, time, ptr::null(), &mut image);
    image
}

fn release(image: OfxPropertySetHandle) -> OfxStatus {
    call!(effects(), clipReleaseImage, image)
}

unsafe extern "C" fn main_entry(
    action: *const c_char,
    handle: *const c_void,
    input: OfxPropertySetHandle,
    output: OfxPropertySetHandle,
) -> OfxStatus {
    // SAFETY: an action is a string.
    let action = unsafe { CStr::from_ptr(action) };
    note(format!("action {}", action.to_string_lossy()));
    let effect: OfxImageEffectHandle = handle.cast_mut().cast();
    if action == kOfxActionDescribe {
        describe(effect);
    } else if action == kOfxImageEffectActionDescribeInContext {
        describe_in_context(effect);
    } else if action == kOfxActionInstanceChanged {
        return changed(effect, input);
    } else if action == kOfxImageEffectActionIsIdentity {
        return identity(effect, input, output);
    } else if action == kOfxImageEffectActionRender {
        return render(effect, input);
    } else if ![kOfxActionLoad, kOfxActionUnload, kOfxActionCreateInstance, kOfxActionDestroyInstance]
        .contains(&action)
    {
        return kOfxStatReplyDefault;
    }
    kOfxStatOK
}

fn describe(effect: OfxImageEffectHandle) {
    let mut set = ptr::null_mut();
    call!(effects(), getPropertySet, effect, &mut set);
    set_text(set, kOfxPropLabel, 0, c"Test");
    for (index, context) in
        [kOfxImageEffectContextFilter, kOfxImageEffectContextGeneral].into_iter().enumerate()
    {
        set_text(set, kOfxImageEffectPropSupportedContexts, index as c_int, context);
    }
    let depths = [kOfxBitDepthByte, kOfxBitDepthShort, kOfxBitDepthHalf, kOfxBitDepthFloat];
    for (index, depth) in depths.into_iter().enumerate() {
        set_text(set, kOfxImageEffectPropSupportedPixelDepths, index as c_int, depth);
    }
    set_int(set, kOfxImageEffectPropTemporalClipAccess, 0, 1);
    set_text(set, kOfxImageEffectPluginRenderThreadSafety, 0, kOfxImageEffectRenderFullySafe);
}

fn define(set: OfxParamSetHandle, kind: &CStr, name: &CStr) -> OfxPropertySetHandle {
    let mut props = ptr::null_mut();
    call!(params(), paramDefine, set, kind.as_ptr(), name.as_ptr(), &mut props);
    props
}

fn describe_in_context(effect: OfxImageEffectHandle) {
    for name in [kOfxImageEffectSimpleSourceClipName, kOfxImageEffectOutputClipName] {
        let mut props = ptr::null_mut();
        call!(effects(), clipDefine, effect, name.as_ptr(), &mut props);
        set_text(props, kOfxImageEffectPropSupportedComponents, 0, kOfxImageComponentRGBA);
        set_text(props, kOfxImageEffectPropSupportedComponents, 1, kOfxImageComponentRGB);
        set_int(props, kOfxImageEffectPropTemporalClipAccess, 0, 1);
    }
    let mut set = ptr::null_mut();
    call!(effects(), getParamSet, effect, &mut set);
    let mode = define(set, kOfxParamTypeChoice, c"mode");
    for (index, name) in MODES.iter().enumerate() {
        set_text(mode, kOfxParamPropChoiceOption, index as c_int, name);
    }
    let amount = define(set, kOfxParamTypeDouble, c"amount");
    set_double(amount, kOfxParamPropMin, 0, 0.0);
    set_double(amount, kOfxParamPropMax, 0, 1.0);
    let pair = define(set, kOfxParamTypeInteger2D, c"pair");
    set_int(pair, kOfxParamPropAnimates, 0, 0);
    define(set, kOfxParamTypeRGB, c"colour");
    define(set, kOfxParamTypeString, c"words");
    define(set, kOfxParamTypeBoolean, c"flag");
    let option = define(set, kOfxParamTypeStrChoice, c"option");
    for (index, name) in [c"first", c"second"].into_iter().enumerate() {
        set_text(option, kOfxParamPropChoiceOption, index as c_int, name);
        set_text(option, kOfxParamPropChoiceEnum, index as c_int, name);
    }
    define(set, kOfxParamTypePushButton, c"button");
}

fn mode(effect: OfxImageEffectHandle) -> &'static CStr {
    let mut index: c_int = 0;
    call!(params(), paramGetValue, param(effect, c"mode"), &mut index);
    MODES[usize::try_from(index).expect("an option")]
}

fn changed(effect: OfxImageEffectHandle, input: OfxPropertySetHandle) -> OfxStatus {
    let (name, reason) = (get_text(input, kOfxPropName), get_text(input, kOfxPropChangeReason));
    let by = if reason == "OfxChangeUserEdited" { String::new() } else { format!(" by {reason}") };
    note(format!("changed {name}{by}"));
    if name == "button" {
        call!(params(), paramSetValue, param(effect, c"words"), c"pressed".as_ptr());
    }
    if mode(effect) == c"keep handles" {
        let mut set = ptr::null_mut();
        call!(effects(), getParamSet, effect, &mut set);
        let source = clip(effect, c"Source");
        *KEPT.lock() = [effect.addr(), set.addr(), param(effect, c"words").addr(), source.addr()];
    }
    kOfxStatOK
}

/// Uses the kept handles after their objects are gone.
pub fn try_kept_handles() -> [OfxStatus; 4] {
    let [effect, set, param, clip] = *KEPT.lock();
    let mut out = ptr::null_mut();
    let mut text: *mut c_char = ptr::null_mut();
    [
        call!(effects(), getPropertySet, ptr::without_provenance_mut(effect), &mut out),
        call!(params(), paramSetGetPropertySet, ptr::without_provenance_mut(set), &mut out),
        call!(params(), paramGetValue, ptr::without_provenance_mut(param), &mut text),
        call!(effects(), clipGetPropertySet, ptr::without_provenance_mut(clip), &mut out),
    ]
}

fn identity(
    effect: OfxImageEffectHandle,
    input: OfxPropertySetHandle,
    output: OfxPropertySetHandle,
) -> OfxStatus {
    if mode(effect) != c"identity" {
        return kOfxStatReplyDefault;
    }
    let time = get_double(input, kOfxPropTime);
    set_text(output, kOfxPropName, 0, kOfxImageEffectSimpleSourceClipName);
    set_double(output, kOfxPropTime, 0, (time - 1.0).max(1.0));
    kOfxStatOK
}

/// The memory of an image, as the plugin addresses it.
struct ImageView {
    data: *mut u8,
    row_bytes: isize,
    bounds: [c_int; 4],
    pixel: usize,
    depth: String,
}

impl ImageView {
    fn of(image: OfxPropertySetHandle) -> Self {
        let mut data: *mut c_void = ptr::null_mut();
        call!(properties(), propGetPointer, image, kOfxImagePropData.as_ptr(), 0, &mut data);
        let depth = get_text(image, kOfxImageEffectPropPixelDepth);
        let bytes = match depth.as_str() {
            "OfxBitDepthByte" => 1,
            "OfxBitDepthFloat" => 4,
            _ => 2,
        };
        let rgba = get_text(image, kOfxImageEffectPropComponents) == "OfxImageComponentRGBA";
        Self {
            data: data.cast(),
            row_bytes: get_int(image, kOfxImagePropRowBytes, 0) as isize,
            bounds: [0, 1, 2, 3].map(|index| get_int(image, kOfxImagePropBounds, index)),
            pixel: bytes * if rgba { 4 } else { 3 },
            depth,
        }
    }

    fn row(&self, y: c_int) -> *mut u8 {
        // SAFETY: the host's row bytes lead from row to row within the image.
        unsafe { self.data.offset((y - self.bounds[1]) as isize * self.row_bytes) }
    }

    fn row_len(&self) -> usize {
        (self.bounds[2] - self.bounds[0]) as usize * self.pixel
    }
}

fn render(effect: OfxImageEffectHandle, input: OfxPropertySetHandle) -> OfxStatus {
    let time = get_double(input, kOfxPropTime);
    let mode = mode(effect);
    let (source, output) = (clip(effect, c"Source"), clip(effect, c"Output"));
    match mode.to_bytes() {
        b"leak" => {
            fetch(source, time);
        }
        b"release twice" => {
            let image = fetch(source, time);
            release(image);
            assert_eq!(release(image), kOfxStatErrBadHandle);
        }
        b"foreign thread" => {
            let address = source.addr();
            let other = std::thread::spawn(move || fetch(ptr::without_provenance_mut(address), 1.0).addr());
            assert_eq!(other.join().expect("it does not panic"), 0);
        }
        b"set while rendering" => {
            call!(params(), paramSetValue, param(effect, c"amount"), 0.5f64);
        }
        b"fail" | b"no id" => message(effect, mode == c"fail"),
        b"wait for abort" => {
            while call!(effects(), abort, effect) == 0 {}
            return kOfxStatFailed;
        }
        b"check suites" => crate::checks::run(effect),
        _ => {}
    }
    if mode == c"fail" {
        return kOfxStatFailed;
    }
    read_parameters(effect, time);
    let wanted = if mode == c"next" { time + 1.0 } else { time };
    let mut from = fetch(source, wanted);
    if from.is_null() {
        from = fetch(source, time);
    }
    let to = fetch(output, time);
    note(format!("premultiplication {}", get_text(from, kOfxImageEffectPropPreMultiplication)));
    paint(&ImageView::of(from), &ImageView::of(to), matches!(mode.to_bytes(), b"invert"));
    if mode == c"write beside" {
        let view = ImageView::of(to);
        // SAFETY: the byte after the last row is the host's, and still mapped.
        unsafe { view.row(view.bounds[3] - 1).add(view.row_len()).write(1) };
    }
    assert_eq!((release(from), release(to)), (kOfxStatOK, kOfxStatOK));
    kOfxStatOK
}

fn message(effect: OfxImageEffectHandle, failing: bool) {
    let suite: &OfxMessageSuiteV2 = suite(kOfxMessageSuite, 2).expect("the host has it");
    let (kind, id) = if failing { (kOfxMessageError, c"id".as_ptr()) } else { (kOfxMessageLog, ptr::null()) };
    let text = c"%s: %d%% of %ld pixels".as_ptr();
    call!(suite, message, effect.cast(), kind.as_ptr(), id, text, c"no luck".as_ptr(), 50 as c_int, 7i64);
}

fn read_parameters(effect: OfxImageEffectHandle, time: f64) {
    let (mut x, mut y, mut flag): (c_int, c_int, c_int) = (0, 0, 0);
    let (mut r, mut g, mut b, mut amount, mut slope, mut area) = (0f64, 0f64, 0f64, 0f64, 0f64, 0f64);
    let (mut words, mut option): (*mut c_char, *mut c_char) = (ptr::null_mut(), ptr::null_mut());
    let mut keys = 0;
    let handle = |name: &CStr| param(effect, name);
    call!(params(), paramGetValueAtTime, handle(c"pair"), time, &mut x, &mut y);
    call!(params(), paramGetValueAtTime, handle(c"colour"), time, &mut r, &mut g, &mut b);
    call!(params(), paramGetValueAtTime, handle(c"words"), time, &mut words);
    call!(params(), paramGetValueAtTime, handle(c"flag"), time, &mut flag);
    call!(params(), paramGetValueAtTime, handle(c"option"), time, &mut option);
    call!(params(), paramGetValueAtTime, handle(c"amount"), time, &mut amount);
    call!(params(), paramGetNumKeys, handle(c"amount"), &mut keys);
    call!(params(), paramGetDerivative, handle(c"amount"), time, &mut slope);
    call!(params(), paramGetIntegral, handle(c"amount"), 1.0, 5.0, &mut area);
    // SAFETY: the host gave strings.
    let [words, option] =
        [words, option].map(|text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned());
    note(format!(
        "read pair={x},{y} colour={r},{g},{b} words={words} flag={flag} option={option} amount={amount} keys={keys} \
         slope={slope} area={area}"
    ));
}

/// Copies or inverts each sample; alpha is copied.
fn paint(from: &ImageView, to: &ImageView, invert: bool) {
    assert_eq!((from.bounds, &from.depth), (to.bounds, &to.depth));
    for y in to.bounds[1]..to.bounds[3] {
        // SAFETY: both rows have that many bytes, in different images.
        let row = unsafe {
            ptr::copy_nonoverlapping(from.row(y), to.row(y), to.row_len());
            std::slice::from_raw_parts_mut(to.row(y), to.row_len())
        };
        if !invert {
            continue;
        }
        for pixel in row.chunks_exact_mut(to.pixel) {
            let bytes = match to.depth.as_str() {
                "OfxBitDepthByte" => 1,
                "OfxBitDepthFloat" => 4,
                _ => 2,
            };
            for sample in pixel[..3 * bytes].chunks_exact_mut(bytes) {
                match to.depth.as_str() {
                    "OfxBitDepthFloat" => {
                        let value = f32::from_ne_bytes([sample[0], sample[1], sample[2], sample[3]]);
                        sample.copy_from_slice(&(1.0 - value).to_ne_bytes());
                    }
                    "OfxBitDepthHalf" => {
                        let value = half::f16::from_ne_bytes([sample[0], sample[1]]);
                        sample.copy_from_slice(&half::f16::from_f32(1.0 - value.to_f32()).to_ne_bytes());
                    }
                    _ => sample.iter_mut().for_each(|byte| *byte = 255 - *byte),
                }
            }
        }
    }
}
