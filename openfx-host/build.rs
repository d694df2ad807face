//! Compiles the variadic suite functions in C; stable Rust cannot define them.

fn main() {
    const SOURCE: &str = "src/suites/varargs.c";
    println!("cargo:rerun-if-changed={SOURCE}");
    cc::Build::new().file(SOURCE).warnings(true).compile("openfx_host_varargs");
}
