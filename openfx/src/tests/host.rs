//! A small host, with the faults of real ones on request.
//!
//! Each test thread has its own, in a thread local, so that suite functions, which get
//! nothing but handles, find it. Handles are numbers and never addresses: a handle that
//! the layer followed would crash at once. Strings go out through one buffer that the
//! next call overwrites, as in the host that is worst at it.

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

/// How the host misbehaves.
#[derive(Default)]
pub(super) struct Faults {
    /// Properties that cannot be set, by name.
    pub(super) refused_props: Vec<&'static CStr>,
    /// Parameter types that are not defined.
    pub(super) refused_params: Vec<&'static CStr>,
    /// Reading a parameter answers OK and writes nothing.
    pub(super) silent_params: bool,
    /// Reading a property answers OK and writes nothing.
    pub(super) silent_props: bool,
    /// Reading a parameter writes nonsense and answers with an error.
    pub(super) failing_params: bool,
    /// Functions and suites that are missing; see `fetch`.
    pub(super) holes: Vec<&'static str>,
    /// What a progress update and `abort` answer.
    pub(super) cancelled: bool,
    /// What a progress update answers where nobody cancelled; OK if nothing is named.
    pub(super) progress_answer: Option<OfxStatus>,
    /// What the question for a clip that is not there answers; OK and NULL if nothing is named.
    pub(super) no_clip_answer: Option<OfxStatus>,
}

#[derive(Default)]
pub(super) struct Param {
    pub(super) kind: String,
    pub(super) set: usize,
    /// By time in thousandths; read with the last key at or before the time.
    pub(super) keys: BTreeMap<i64, Value>,
}

#[derive(Default)]
pub(super) struct Clip {
    pub(super) set: usize,
    /// Image sets by frame; a frame that is missing gives a NULL image.
    pub(super) images: BTreeMap<i64, usize>,
}

/// What a host keeps of a descriptor or an instance.
#[derive(Default)]
pub(super) struct EffectState {
    pub(super) set: usize,
    pub(super) params: BTreeMap<String, Param>,
    pub(super) clips: BTreeMap<String, Clip>,
}

/// The whole host.
#[derive(Default)]
pub(super) struct State {
    pub(super) faults: Faults,
    pub(super) sets: Vec<BTreeMap<String, Vec<Value>>>,
    pub(super) effects: Vec<EffectState>,
    /// Names of clips and parameters, for their handles.
    pub(super) names: Vec<(usize, String)>,
    /// Image sets that are lent out.
    pub(super) lent: Vec<usize>,
    pub(super) messages: Vec<(String, String)>,
    pub(super) progress: Vec<String>,
    /// Properties that were read or written, by name.
    pub(super) touched: Vec<String>,
    pub(super) buffer: Vec<u8>,
}

thread_local! {
    static HOST: RefCell<State> = RefCell::default();
}

/// Looks into the host or changes it. Not around an action.
pub(super) fn host<T>(with: impl FnOnce(&mut State) -> T) -> T {
    HOST.with_borrow_mut(with)
}

/// An empty host of that name; set 0 is its own.
pub(super) fn reset(name: &str) {
    super::forget();
    host(|state| {
        *state = State::default();
        let own = state.new_set();
        state.put(own, kOfxPropName, &[name.into()]);
    });
}

impl State {
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

/// Number to handle. Odd, so that following it would not even be aligned.
pub(super) fn handle<T>(number: usize) -> *mut T {
    ptr::without_provenance_mut(number * 2 + 1)
}

/// Handle to number.
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
