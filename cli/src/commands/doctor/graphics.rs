//! Checks the graphics card: NVIDIA's driver and its cards.

use std::ffi::{CStr, c_char, c_int};

use libloading::Library;

use super::Finding;
use crate::cli::DoctorArgs;

/// The findings about driver and cards.
pub fn report(_: &DoctorArgs) -> Vec<Finding> {
    driver()
}

/// Looks for NVIDIA's driver library and lists its cards.
fn driver() -> Vec<Finding> {
    let name = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
    // SAFETY: the driver's library is made to be loaded by any program.
    let Ok(library) = (unsafe { Library::new(name) }) else {
        return vec![Finding::missing("no NVIDIA driver: the networks run on the processor")];
    };
    let Some(version) = number(&library, c"cuDriverGetVersion") else {
        return vec![Finding::broken(format!(
            "the NVIDIA driver ({name}) is installed but does not respond"
        ))];
    };
    let answers = Finding::good(format!("NVIDIA driver for CUDA {}.{}", version / 1000, version % 1000 / 10));
    vec![
        answers,
        cards(&library).unwrap_or_else(|| Finding::missing("the NVIDIA driver finds no graphics card")),
    ]
}

/// Calls a function of the driver that returns a number.
fn number(library: &Library, function: &CStr) -> Option<c_int> {
    type Ask = unsafe extern "C" fn(*mut c_int) -> c_int;
    let mut value = 0;
    // SAFETY: the functions called here have this type in every version of the driver.
    let status = unsafe { library.get::<Ask>(function).ok()?(&mut value) };
    (status == 0).then_some(value)
}

/// The finding with the names of the cards.
fn cards(library: &Library) -> Option<Finding> {
    type Init = unsafe extern "C" fn(u32) -> c_int;
    type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
    // SAFETY: the function has this type in every version of the driver; 0 is the only valid flag.
    let status = unsafe { library.get::<Init>(c"cuInit").ok()?(0) };
    let count = number(library, c"cuDeviceGetCount").filter(|count| status == 0 && *count > 0)?;
    // SAFETY: the function has this type in every version of the driver.
    let name = unsafe { library.get::<Name>(c"cuDeviceGetName") }.ok()?;
    let names = (0..count).filter_map(|card| {
        let mut text = [0u8; 128];
        // SAFETY: the buffer is longer than the length passed; a card's handle is its number.
        let status = unsafe { name(text.as_mut_ptr().cast(), 127, card) };
        let text = CStr::from_bytes_until_nul(&text).ok()?;
        (status == 0).then(|| text.to_string_lossy().into_owned())
    });
    Some(Finding::good(names.collect::<Vec<_>>().join(", ")))
}
