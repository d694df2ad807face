//! Says where the engine for graphics cards finds CUDA's libraries: beside it, then where the system has them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let linux = std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux");
    if linux && std::env::var_os("CARGO_FEATURE_CUDA").is_some() {
        // The old tag, which comes before LD_LIBRARY_PATH: a host may have put libraries of its own there.
        println!("cargo:rustc-link-arg-bins=-Wl,--disable-new-dtags,-rpath,$ORIGIN/cuda:$ORIGIN");
    }
}
