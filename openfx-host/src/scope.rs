//! Which action of which effect a thread is in.
//!
//! Some suite calls are allowed only inside an action and on its threads: a real host crashes otherwise, this
//! one refuses and says so.

use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::Arc;

use super::effect::Effect;

/// An action in progress.
#[derive(Clone)]
pub struct Scope {
    /// The effect.
    pub effect: Arc<Effect>,
    /// The name of the action.
    pub action: &'static CStr,
    /// The time that the action is about, if it is about one.
    pub time: Option<f64>,
}

thread_local! {
    static STACK: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
}

/// Ends the action on this thread when it goes.
pub struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        STACK.with_borrow_mut(Vec::pop);
    }
}

/// Begins an action on this thread.
pub fn enter(scope: Scope) -> Entered {
    STACK.with_borrow_mut(|stack| stack.push(scope));
    Entered
}

/// The innermost action of this thread.
pub fn current() -> Option<Scope> {
    STACK.with_borrow(|stack| stack.last().cloned())
}
