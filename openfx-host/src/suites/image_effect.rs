//! The image effect suite: properties, clips, images and memory.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use openfx_sys::*;
use parking_lot::Mutex;

use crate::clip::Image;
use crate::memory::{Block, ImageMemory};
use crate::registry::{self, Object};
use crate::scope;
use crate::status::{answer, put, text};

/// The suite's function table.
pub static SUITE: OfxImageEffectSuiteV1 = OfxImageEffectSuiteV1 {
    getPropertySet: Some(get_property_set),
    getParamSet: Some(get_param_set),
    clipDefine: Some(clip_define),
    clipGetHandle: Some(clip_get_handle),
    clipGetPropertySet: Some(clip_get_property_set),
    clipGetImage: Some(clip_get_image),
    clipReleaseImage: Some(clip_release_image),
    clipGetRegionOfDefinition: Some(clip_get_region),
    abort: Some(abort),
    imageMemoryAlloc: Some(memory_alloc),
    imageMemoryFree: Some(memory_free),
    imageMemoryLock: Some(memory_lock),
    imageMemoryUnlock: Some(memory_unlock),
};

unsafe extern "C" fn get_property_set(
    effect: OfxImageEffectHandle,
    set: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect)?;
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(set, effect.props_pointer()) }
    })
}

unsafe extern "C" fn get_param_set(effect: OfxImageEffectHandle, set: *mut OfxParamSetHandle) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect)?;
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(set, effect.params.slot.pointer()) }
    })
}

unsafe extern "C" fn clip_define(
    effect: OfxImageEffectHandle,
    name: *const c_char,
    set: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect)?;
        // SAFETY: the plugin passes a string.
        let clip = effect.define_clip(unsafe { text(name)? })?;
        // NULL if the plugin does not want the properties.
        if set.is_null() {
            return Ok(());
        }
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(set, clip.props_pointer()) }
    })
}

unsafe extern "C" fn clip_get_handle(
    effect: OfxImageEffectHandle,
    name: *const c_char,
    handle: *mut OfxImageClipHandle,
    set: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        let effect = registry::effect(effect)?;
        if !effect.is_instance() {
            return Err(kOfxStatErrBadHandle);
        }
        // SAFETY: the plugin passes a string.
        let clip = effect.clip(unsafe { text(name)? }).ok_or(kOfxStatErrUnknown)?;
        // SAFETY: the plugin passes pointers for the handles, the second one if it wants it.
        unsafe {
            put(handle, clip.slot.pointer())?;
            if set.is_null() { Ok(()) } else { put(set, clip.props_pointer()) }
        }
    })
}

unsafe extern "C" fn clip_get_property_set(
    clip: OfxImageClipHandle,
    set: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        let clip = registry::clip(clip)?;
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(set, clip.props_pointer()) }
    })
}

unsafe extern "C" fn clip_get_image(
    clip: OfxImageClipHandle,
    time: OfxTime,
    _region: *const OfxRectD,
    image: *mut OfxPropertySetHandle,
) -> OfxStatus {
    answer(|| {
        // SAFETY: the plugin passes a pointer for the handle; it holds NULL wherever there is no image.
        unsafe { put(image, std::ptr::null_mut())? };
        let found = registry::clip(clip)?.fetch(time)?;
        // SAFETY: as above.
        unsafe { put(image, found) }
    })
}

unsafe extern "C" fn clip_release_image(image: OfxPropertySetHandle) -> OfxStatus {
    answer(|| Image::release(image))
}

unsafe extern "C" fn clip_get_region(
    clip: OfxImageClipHandle,
    _time: OfxTime,
    bounds: *mut OfxRectD,
) -> OfxStatus {
    answer(|| {
        let clip = registry::clip(clip)?;
        let effect = clip.effect.read().upgrade().ok_or(kOfxStatErrBadHandle)?;
        // SAFETY: the plugin passes a pointer for the rectangle.
        unsafe { put(bounds, clip.region(&effect)) }
    })
}

unsafe extern "C" fn abort(effect: OfxImageEffectHandle) -> c_int {
    let Ok(effect) = registry::effect(effect) else {
        return 0;
    };
    // Real hosts only accept this call on the action's thread.
    match scope::current() {
        Some(scope) if Arc::ptr_eq(&scope.effect, &effect) => c_int::from(effect.session.poll()),
        _ => 0,
    }
}

unsafe extern "C" fn memory_alloc(
    effect: OfxImageEffectHandle,
    bytes: usize,
    handle: *mut OfxImageMemoryHandle,
) -> OfxStatus {
    answer(|| {
        // NULL is allowed: the memory then belongs to no instance.
        if !effect.is_null() {
            registry::effect(effect)?;
        }
        if handle.is_null() {
            return Err(kOfxStatErrValue);
        }
        let block = Block::new(bytes, 0).ok_or(kOfxStatErrMemory)?;
        let memory = ImageMemory { block, locks: Mutex::new(0) };
        let registered = registry::register(Object::Memory(Arc::new(memory)));
        // SAFETY: the plugin passes a pointer for the handle.
        unsafe { put(handle, registered.pointer())? };
        registry::keep(registered);
        Ok(())
    })
}

unsafe extern "C" fn memory_free(handle: OfxImageMemoryHandle) -> OfxStatus {
    answer(|| registry::take(handle, |object| matches!(object, Object::Memory(_)).then_some(())))
}

unsafe extern "C" fn memory_lock(handle: OfxImageMemoryHandle, data: *mut *mut c_void) -> OfxStatus {
    answer(|| {
        let memory = registry::memory(handle)?;
        *memory.locks.lock() += 1;
        // SAFETY: the plugin passes a pointer for the address.
        unsafe { put(data, memory.block.start().cast()) }
    })
}

unsafe extern "C" fn memory_unlock(handle: OfxImageMemoryHandle) -> OfxStatus {
    answer(|| {
        let memory = registry::memory(handle)?;
        let mut locks = memory.locks.lock();
        *locks = locks.checked_sub(1).ok_or(kOfxStatErrBadHandle)?;
        Ok(())
    })
}
