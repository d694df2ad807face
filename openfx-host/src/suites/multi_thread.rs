//! The multi-thread suite: real threads and real, recursive mutexes.

use std::cell::Cell;
use std::ffi::{c_int, c_uint, c_void};
use std::sync::Arc;

use openfx_sys::*;

use crate::memory::MutexCell;
use crate::registry::{self, Object};
use crate::scope;
use crate::status::{answer, put};

/// The suite's function table.
pub static SUITE: OfxMultiThreadSuiteV1 = OfxMultiThreadSuiteV1 {
    multiThread: Some(multi_thread),
    multiThreadNumCPUs: Some(cpus),
    multiThreadIndex: Some(index),
    multiThreadIsSpawnedThread: Some(is_spawned),
    mutexCreate: Some(mutex_create),
    mutexDestroy: Some(mutex_destroy),
    mutexLock: Some(mutex_lock),
    mutexUnLock: Some(mutex_unlock),
    mutexTryLock: Some(mutex_try_lock),
};

thread_local! {
    static INDEX: Cell<Option<c_uint>> = const { Cell::new(None) };
}

fn processors() -> c_uint {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    c_uint::try_from(count).unwrap_or(1)
}

/// The plugin's argument, which the plugin guarantees may be shared between threads.
#[derive(Clone, Copy)]
struct SharedArgument(*mut c_void);

// SAFETY: the suite's contract is that the function may be called with it on many threads at once.
unsafe impl Send for SharedArgument {}

unsafe extern "C" fn multi_thread(
    function: OfxThreadFunctionV1,
    threads: c_uint,
    argument: *mut c_void,
) -> OfxStatus {
    answer(|| {
        let function = function.ok_or(kOfxStatFailed)?;
        if INDEX.get().is_some() {
            return Err(kOfxStatErrExists);
        }
        let count = if threads == 0 { processors() } else { threads };
        let scope = scope::current();
        let argument = SharedArgument(argument);
        // At most four threads per processor; a plugin that asks for a thousand should not get them.
        let lanes = count.min(processors().saturating_mul(4)).max(1);
        std::thread::scope(|threads| {
            for lane in 0..lanes {
                let scope = scope.clone();
                threads.spawn(move || {
                    let argument = argument;
                    let _inside = scope.map(scope::enter);
                    for nth in (lane..count).step_by(lanes as usize) {
                        INDEX.set(Some(nth));
                        // SAFETY: the plugin passed this function to be called like this.
                        unsafe { function(nth, count, argument.0) };
                    }
                });
            }
        });
        Ok(())
    })
}

unsafe extern "C" fn cpus(count: *mut c_uint) -> OfxStatus {
    // SAFETY: the plugin passes a pointer for the number.
    answer(|| unsafe { put(count, processors()) })
}

unsafe extern "C" fn index(place: *mut c_uint) -> OfxStatus {
    // SAFETY: the plugin passes a pointer for the number.
    answer(|| unsafe { put(place, INDEX.get().unwrap_or(0)) })
}

unsafe extern "C" fn is_spawned() -> c_int {
    c_int::from(INDEX.get().is_some())
}

unsafe extern "C" fn mutex_create(mutex: *mut OfxMutexHandle, locks: c_int) -> OfxStatus {
    answer(|| {
        if mutex.is_null() {
            return Err(kOfxStatErrValue);
        }
        let cell = Arc::new(MutexCell::default());
        for _ in 0..locks {
            cell.lock();
        }
        let registered = registry::register(Object::Mutex(cell));
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(mutex, registered.pointer())? };
        registry::keep(registered);
        Ok(())
    })
}

unsafe extern "C" fn mutex_destroy(mutex: OfxMutexHandle) -> OfxStatus {
    answer(|| registry::take(mutex, |object| matches!(object, Object::Mutex(_)).then_some(())))
}

unsafe extern "C" fn mutex_lock(mutex: OfxMutexHandle) -> OfxStatus {
    answer(|| {
        registry::mutex(mutex)?.lock();
        Ok(())
    })
}

unsafe extern "C" fn mutex_unlock(mutex: OfxMutexHandle) -> OfxStatus {
    answer(|| {
        let mine = registry::mutex(mutex)?.unlock();
        if mine { Ok(()) } else { Err(kOfxStatFailed) }
    })
}

unsafe extern "C" fn mutex_try_lock(mutex: OfxMutexHandle) -> OfxStatus {
    answer(|| {
        let locked = registry::mutex(mutex)?.try_lock();
        if locked { Ok(()) } else { Err(kOfxStatFailed) }
    })
}
