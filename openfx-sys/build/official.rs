//! The check against the official headers.
//!
//! One C file includes both declarations of the interface: the official one with its structures renamed, then
//! ours. It asserts that sizes, offsets and signatures agree, and exports the official values, which the test
//! in src/official.rs compares with the Rust constants. Names that older official headers lack are skipped by
//! the preprocessor and reported by the test.
//!
//! The list of names to compare is read from src/bindings.rs, so it is complete.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The headers of the interface that this crate covers. Older versions lack the last ones.
const HEADERS: [&str; 13] = [
    "ofxCore.h",
    "ofxProperty.h",
    "ofxMemory.h",
    "ofxMultiThread.h",
    "ofxMessage.h",
    "ofxProgress.h",
    "ofxTimeLine.h",
    "ofxParam.h",
    "ofxParametricParam.h",
    "ofxImageEffect.h",
    "ofxOpenGLRender.h",
    "ofxGPURender.h",
    "ofxColour.h",
];

/// Types that appear in function signatures. For these, our declaration is replaced by the official one
/// (OPENFX_SYS_SHARED_TYPES), and Rust's layout is compared with that.
const SHARED: [&str; 7] =
    ["OfxHost", "OfxRangeI", "OfxRangeD", "OfxPointI", "OfxPointD", "OfxRectI", "OfxRectD"];

/// Types that an older version may lack, each with a constant that came with it.
const NEWER: [(&str, &str); 4] = [
    ("OfxBytes", "kOfxParamTypeBytes"),
    ("OfxOpenCLProgramSuiteV1", "kOfxOpenCLProgramSuite"),
    ("OfxImageEffectOpenGLRenderSuiteV1", "kOfxOpenGLRenderSuite"),
    ("OfxParametricParameterSuiteV1", "kOfxParametricParameterSuite"),
];

#[derive(Default)]
struct Interface {
    strings: Vec<String>,
    ints: Vec<String>,
    types: Vec<(String, Vec<String>)>,
}

pub fn run(headers: &Path, out: &Path) {
    assert!(headers.join("ofxCore.h").is_file(), "OPENFX_INCLUDE_DIR={} has no ofxCore.h", headers.display());
    println!("cargo:rerun-if-changed={}", headers.display());
    let bindings = fs::read_to_string("src/bindings.rs").expect("src/bindings.rs is committed");
    let interface = read(&bindings);
    let c = out.join("official.c");
    fs::write(&c, c_source(&interface, headers)).expect("OUT_DIR is writable");
    fs::write(out.join("official.rs"), rust_source(&interface)).expect("OUT_DIR is writable");
    cc::Build::new()
        .file(&c)
        .include(headers)
        .include("include")
        .flag_if_supported("-std=c11")
        .warnings(false)
        .compile("openfx_sys_official");
    println!("cargo:rustc-cfg=openfx_official");
}

/// Names of constants, types and members, from the generated Rust.
fn read(bindings: &str) -> Interface {
    let mut found = Interface::default();
    let mut open: Option<(String, Vec<String>)> = None;
    for line in bindings.lines() {
        if let Some(rest) = line.strip_prefix("pub const ") {
            let Some((name, rest)) = rest.split_once(": ") else {
                continue;
            };
            if rest.starts_with("i32") {
                found.ints.push(name.to_owned());
            } else {
                found.strings.push(name.to_owned());
            }
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            open = rest.strip_suffix(" {").map(|name| (name.to_owned(), Vec::new()));
        } else if line == "}" {
            // A type without members is opaque and has no layout to compare.
            found.types.extend(open.take().filter(|(_, members)| !members.is_empty()));
        } else if let (Some((_, members)), Some(rest)) = (&mut open, line.strip_prefix("    pub "))
            && let Some((member, _)) = rest.split_once(':')
        {
            members.push(member.to_owned());
        }
    }
    assert!(found.strings.len() > 300 && found.types.len() > 20, "src/bindings.rs reads strangely");
    found
}

fn c_source(interface: &Interface, headers: &Path) -> String {
    let mut c = String::from("#include <stdbool.h>\n#include <stddef.h>\n");
    let own = || interface.types.iter().filter(|(name, _)| !SHARED.contains(&name.as_str()));
    for (name, _) in own() {
        line(&mut c, format_args!("#define {name} theirs_{name}"));
    }
    for header in HEADERS.iter().filter(|header| headers.join(header).is_file()) {
        line(&mut c, format_args!("#include \"{header}\""));
    }
    for (name, _) in own() {
        line(&mut c, format_args!("#undef {name}"));
    }
    for name in &interface.strings {
        line(
            &mut c,
            format_args!(
                "#ifdef {name}\nstatic const char theirs_{name}[] = {name};\n#undef {name}\n#define HAVE_{name}\n#endif"
            ),
        );
    }
    for name in &interface.ints {
        line(
            &mut c,
            format_args!(
                "#ifdef {name}\nenum {{ theirs_{name} = {name} }};\n#undef {name}\n#define HAVE_{name}\n#endif"
            ),
        );
    }
    c.push_str("#define OPENFX_SYS_SHARED_TYPES\n#include \"openfx.h\"\n");
    for name in &interface.ints {
        line(
            &mut c,
            format_args!("#ifdef HAVE_{name}\n_Static_assert(theirs_{name} == {name}, \"{name}\");\n#endif"),
        );
    }
    for (name, members) in own() {
        guarded(&mut c, name, |c| {
            line(c, format_args!("_Static_assert(sizeof({name}) == sizeof(theirs_{name}), \"{name}\");"));
            for member in members {
                line(
                    c,
                    format_args!(
                        "_Static_assert(offsetof({name}, {member}) == offsetof(theirs_{name}, {member}), \"{name}.{member}\");\n\
                         #ifdef __GNUC__\n\
                         _Static_assert(__builtin_types_compatible_p(__typeof__((({name} *)0)->{member}), __typeof__(((theirs_{name} *)0)->{member})), \"{name}.{member}\");\n\
                         #endif"
                    ),
                );
            }
        });
    }
    tables(&mut c, interface);
    c
}

/// Writes C tables of the official values for the Rust test.
fn tables(c: &mut String, interface: &Interface) {
    c.push_str(
        "struct string_row { const char *name; const char *value; };\n\
         const struct string_row openfx_sys_official_strings[] = {\n",
    );
    for name in &interface.strings {
        line(c, format_args!("#ifdef HAVE_{name}\n{{ \"{name}\", theirs_{name} }},\n#endif"));
    }
    c.push_str(
        "{ 0, 0 } };\n\
         struct number_row { const char *name; long long value; };\n\
         const struct number_row openfx_sys_official_numbers[] = {\n",
    );
    for name in &interface.ints {
        line(c, format_args!("#ifdef HAVE_{name}\n{{ \"{name}\", theirs_{name} }},\n#endif"));
    }
    for (name, members) in &interface.types {
        let theirs = if SHARED.contains(&name.as_str()) { name.clone() } else { format!("theirs_{name}") };
        guarded(c, name, |c| {
            line(c, format_args!("{{ \"{name}\", sizeof({theirs}) }},"));
            for member in members {
                line(c, format_args!("{{ \"{name}.{member}\", offsetof({theirs}, {member}) }},"));
            }
        });
    }
    c.push_str("{ 0, 0 } };\n");
}

/// Rust source of the same tables with this crate's values.
fn rust_source(interface: &Interface) -> String {
    let mut rust = String::from("const STRINGS: &[(&str, &std::ffi::CStr)] = &[\n");
    for name in &interface.strings {
        line(&mut rust, format_args!("(\"{name}\", crate::{name}),"));
    }
    rust.push_str("];\nconst NUMBERS: &[(&str, i64)] = &[\n");
    for name in &interface.ints {
        line(&mut rust, format_args!("(\"{name}\", crate::{name} as i64),"));
    }
    for (name, members) in &interface.types {
        line(&mut rust, format_args!("(\"{name}\", std::mem::size_of::<crate::{name}>() as i64),"));
        for member in members {
            line(
                &mut rust,
                format_args!("(\"{name}.{member}\", std::mem::offset_of!(crate::{name}, {member}) as i64),"),
            );
        }
    }
    rust.push_str("];\n");
    rust
}

/// Emits `body`, but only if the official headers are new enough to know the type.
fn guarded(c: &mut String, name: &str, body: impl FnOnce(&mut String)) {
    let newer = NEWER.iter().find(|(newer, _)| *newer == name);
    if let Some((_, constant)) = newer {
        line(c, format_args!("#ifdef HAVE_{constant}"));
    }
    body(c);
    if newer.is_some() {
        c.push_str("#endif\n");
    }
}

fn line(to: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(to, "{text}").expect("a String takes everything");
}
