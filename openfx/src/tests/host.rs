//! A small host for tests, with optional faults of real hosts.
//!
//! Each test thread has its own host in a thread local, where the suite functions, which only get handles,
//! find it. Handles are numbers, not addresses: dereferencing one would crash at once. Strings are returned
//! in one buffer that the next call overwrites, like in the least careful host.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::ptr;

use openfx_sys::*;

/// A value of a property or parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i32),
    Double(f64),
    Text(String),
    Pointer(usize),
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// The host's faults.
#[derive(Default)]
pub(super) struct Faults {
    /// Properties that cannot be set, by name.
    pub(super) refused_props: Vec<&'static CStr>,
    /// Parameter types that cannot be defined.
    pub(super) refused_params: Vec<&'static CStr>,
    /// Reading a parameter answers OK and writes nothing.
    pub(super) silent_params: bool,
    /// Reading a property answers OK and writes nothing.
    pub(super) silent_props: bool,
    /// Reading a parameter writes nonsense and answers with an error.
    pub(super) failing_params: bool,
    /// Missing functions and suites; see `fetch`.
    pub(super) holes: Vec<&'static str>,
    /// Whether progress updates and `abort` report that the user cancelled.
    pub(super) cancelled: bool,
    /// Status of a progress update if the user did not cancel; `None` for OK.
    pub(super) progress_answer: Option<OfxStatus>,
    /// Status of a request for a missing clip; `None` for OK with a NULL handle.
    pub(super) no_clip_answer: Option<OfxStatus>,
}

#[derive(Default)]
pub(super) struct Param {
    pub(super) kind: String,
    pub(super) set: usize,
    /// Values by time in thousandths of a frame; a value holds until the next key.
    pub(super) keys: BTreeMap<i64, Value>,
}

#[derive(Default)]
pub(super) struct Clip {
    pub(super) set: usize,
    /// Image property sets by frame; a missing frame gives a NULL image.
    pub(super) images: BTreeMap<i64, usize>,
}

/// The properties, parameters and clips of a descriptor or an instance.
#[derive(Default)]
pub(super) struct EffectState {
    pub(super) set: usize,
    pub(super) params: BTreeMap<String, Param>,
    pub(super) clips: BTreeMap<String, Clip>,
}

/// The state of the whole host.
#[derive(Default)]
pub(super) struct HostState {
    pub(super) faults: Faults,
    pub(super) sets: Vec<BTreeMap<String, Vec<Value>>>,
    pub(super) effects: Vec<EffectState>,
    /// Clip and parameter names by handle.
    pub(super) names: Vec<(usize, String)>,
    /// Image property sets that are not released.
    pub(super) lent: Vec<usize>,
    pub(super) messages: Vec<(String, String)>,
    pub(super) progress: Vec<String>,
    /// Properties that were read or written, by name.
    pub(super) touched: Vec<String>,
    pub(super) buffer: Vec<u8>,
}

thread_local! {
    static HOST: RefCell<HostState> = RefCell::default();
}

/// Accesses the host's state. Must not be called around an action.
pub(super) fn host<T>(with: impl FnOnce(&mut HostState) -> T) -> T {
    HOST.with_borrow_mut(with)
}

/// Creates an empty host of this name; set 0 contains its properties.
pub(super) fn reset(name: &str) {
    super::forget();
    host(|state| {
        *state = HostState::default();
        let own = state.new_set();
        state.put(own, kOfxPropName, &[name.into()]);
    });
}

impl HostState {
    pub(super) fn new_set(&mut self) -> usize {
        self.sets.push(BTreeMap::new());
        self.sets.len() - 1
    }

    pub(super) fn put(&mut self, set: usize, name: &CStr, values: &[Value]) {
        let name = name.to_str().expect("ASCII").to_owned();
        self.sets[set].insert(name, values.to_vec());
    }

    pub(super) fn get(&self, set: usize, name: &CStr) -> Vec<Value> {
        let name = name.to_str().expect("ASCII");
        self.sets[set].get(name).cloned().unwrap_or_default()
    }

    pub(super) fn new_effect(&mut self) -> usize {
        let set = self.new_set();
        self.effects.push(EffectState { set, ..EffectState::default() });
        self.effects.len() - 1
    }

    pub(super) fn handle_of(&mut self, effect: usize, name: &str) -> usize {
        let named = (effect, name.to_owned());
        let at = self.names.iter().position(|other| *other == named);
        at.unwrap_or_else(|| {
            self.names.push(named);
            self.names.len() - 1
        })
    }

    pub(super) fn param(&mut self, handle: usize) -> Option<&mut Param> {
        let (effect, name) = self.names.get(handle)?.clone();
        self.effects[effect].params.get_mut(&name)
    }

    pub(super) fn add_param(&mut self, effect: usize, name: &str, kind: &CStr) {
        let set = self.new_set();
        let kind = kind.to_str().expect("ASCII");
        self.put(set, kOfxParamPropType, &[kind.into()]);
        let param = Param { kind: kind.to_owned(), set, keys: BTreeMap::new() };
        self.effects[effect].params.insert(name.to_owned(), param);
    }

    pub(super) fn set_param(&mut self, effect: usize, name: &str, time: f64, value: Value) {
        let param = self.effects[effect].params.get_mut(name).expect(name);
        param.keys.insert(thousandths(time), value);
    }

    pub(super) fn add_clip(&mut self, effect: usize, name: &str) -> usize {
        let set = self.new_set();
        let clip = Clip { set, images: BTreeMap::new() };
        self.effects[effect].clips.insert(name.to_owned(), clip);
        set
    }

    pub(super) fn add_image(&mut self, effect: usize, clip: &str, frame: i64, image: usize) {
        let clip = self.effects[effect].clips.get_mut(clip).expect(clip);
        clip.images.insert(frame, image);
    }
}

/// Converts a number to a handle. Odd, so that the pointer would be misaligned.
pub(super) fn handle<T>(number: usize) -> *mut T {
    ptr::without_provenance_mut(number * 2 + 1)
}

/// Converts a handle to a number.
pub(super) fn number<T>(handle: *const T) -> usize {
    handle.addr() / 2
}

pub(super) fn thousandths(time: f64) -> i64 {
    (time * 1e3).round() as i64
}

pub(super) fn text(at: *const c_char) -> String {
    assert!(!at.is_null(), "a NULL string reached the host");
    // SAFETY: the layer under test passes strings.
    let text = unsafe { CStr::from_ptr(at) };
    text.to_str().expect("UTF-8").to_owned()
}
