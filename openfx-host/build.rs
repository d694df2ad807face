//! Compiles the functions with a variable number of arguments, which OpenFX has and stable Rust cannot define.

fn main() {
    const SOURCE: &str = "src/suites/varargs.c";
    println!("cargo:rerun-if-changed={SOURCE}");
    cc::Build::new().file(SOURCE).warnings(true).compile("openfx_host_varargs");
}
