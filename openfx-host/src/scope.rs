//! The action that the current thread is in.
//!
//! Some suite calls are only allowed during an action and on its thread. Real hosts crash otherwise; this one
//! refuses the call and reports it.

use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::Arc;

use super::effect::Effect;

/// An action in progress.
#[derive(Clone)]
pub struct Scope {
    /// The effect that the action is called on.
    pub effect: Arc<Effect>,
    /// OpenFX name of the action.
    pub action: &'static CStr,
    /// Time of the action in frames, if it has one.
    pub time: Option<f64>,
}

thread_local! {
    static STACK: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
}

/// Guard that ends the action on this thread on drop.
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

/// The innermost action on this thread.
pub fn current() -> Option<Scope> {
    STACK.with_borrow(|stack| stack.last().cloned())
}
