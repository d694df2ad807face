//! The memory suite: allocate and free.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::LazyLock;

use openfx_sys::*;
use parking_lot::Mutex;

use crate::memory::Block;
use crate::status::{answer, put};

/// The suite's function table.
pub static SUITE: OfxMemorySuiteV1 = OfxMemorySuiteV1 { memoryAlloc: Some(alloc), memoryFree: Some(free) };

/// Allocated blocks by address; `memoryFree` only passes the address.
static BLOCKS: LazyLock<Mutex<HashMap<usize, Block>>> = LazyLock::new(Mutex::default);

unsafe extern "C" fn alloc(_handle: *mut c_void, bytes: usize, data: *mut *mut c_void) -> OfxStatus {
    answer(|| {
        if data.is_null() {
            return Err(kOfxStatErrValue);
        }
        let block = Block::new(bytes, 0).ok_or(kOfxStatErrMemory)?;
        let start = block.start();
        BLOCKS.lock().insert(start.addr(), block);
        // SAFETY: the plugin passes a pointer for the address.
        unsafe { put(data, start.cast()) }
    })
}

unsafe extern "C" fn free(data: *mut c_void) -> OfxStatus {
    answer(|| {
        let block = BLOCKS.lock().remove(&data.addr());
        block.map(drop).ok_or(kOfxStatErrBadHandle)
    })
}
