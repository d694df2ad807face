//! The graphics card: NVIDIA's driver, its cards, and whether the bundle's CUDA build can be taken.

use std::ffi::{CStr, c_char, c_int};

use libloading::Library;
use openfx::{TwinError, check_twin};
use unsample::describe::{CUDA_BUILD, identity};

use super::Finding;
use crate::bundle;
use crate::cli::DoctorArgs;
use openfx_host::plugin::binary_of;

/// The lines about it.
pub fn report(args: &DoctorArgs) -> Vec<Finding> {
    let (mut lines, card) = driver();
    lines.extend(twin(args, card));
    lines
}

/// Whether the plugin hands over to its CUDA build, and whether that has a card to work on.
fn twin(args: &DoctorArgs, card: bool) -> Option<Finding> {
    let bundle = bundle::find(args.plugin.bundle.as_deref()).ok()?;
    let binary = binary_of(&bundle).ok()?;
    Some(match check_twin(&binary, identity(), CUDA_BUILD) {
        Ok(()) if card => Finding::good("the CUDA build is in the bundle and loads; renders go to the card"),
        Ok(()) => Finding::missing(
            "the CUDA build is in the bundle and loads, but no card answers: the processor will do the work",
        ),
        Err(TwinError::NotThere(_)) => {
            Finding::missing("the bundle has no CUDA build (`cargo xtask bundle --cuda` makes one)")
        }
        Err(reason) => {
            Finding::missing(format!("the CUDA build is not used, the processor does the work: {reason}"))
        }
    })
}

/// NVIDIA's driver library and the cards that it knows, and whether there is one.
fn driver() -> (Vec<Finding>, bool) {
    let name = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
    // SAFETY: the driver's library is made to be loaded by any program.
    let Ok(library) = (unsafe { Library::new(name) }) else {
        return (vec![Finding::missing("no NVIDIA driver: the processor will do the work")], false);
    };
    let Some(version) = number(&library, c"cuDriverGetVersion") else {
        return (vec![Finding::broken(format!("{name} is there and does not answer"))], false);
    };
    let answers = Finding::good(format!("NVIDIA driver for CUDA {}.{}", version / 1000, version % 1000 / 10));
    let cards = cards(&library);
    let any = cards.is_some();
    (vec![answers, cards.unwrap_or_else(|| Finding::missing("the driver finds no card"))], any)
}

/// Asks a function of the driver for a number.
fn number(library: &Library, function: &CStr) -> Option<c_int> {
    type Ask = unsafe extern "C" fn(*mut c_int) -> c_int;
    let mut value = 0;
    // SAFETY: the functions that this is used for have this type in every version of the driver.
    let status = unsafe { library.get::<Ask>(function).ok()?(&mut value) };
    (status == 0).then_some(value)
}

/// The cards' names.
fn cards(library: &Library) -> Option<Finding> {
    type Init = unsafe extern "C" fn(u32) -> c_int;
    type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
    // SAFETY: the function has this type in every version of the driver; 0 is the only flag there is.
    let status = unsafe { library.get::<Init>(c"cuInit").ok()?(0) };
    let count = number(library, c"cuDeviceGetCount").filter(|count| status == 0 && *count > 0)?;
    // SAFETY: the function has this type in every version of the driver.
    let name = unsafe { library.get::<Name>(c"cuDeviceGetName") }.ok()?;
    let names = (0..count).filter_map(|card| {
        let mut text = [0u8; 128];
        // SAFETY: the buffer is as long as is said; a card's handle is its number.
        let status = unsafe { name(text.as_mut_ptr().cast(), 127, card) };
        let text = CStr::from_bytes_until_nul(&text).ok()?;
        (status == 0).then(|| text.to_string_lossy().into_owned())
    });
    Some(Finding::good(names.collect::<Vec<_>>().join(", ")))
}
