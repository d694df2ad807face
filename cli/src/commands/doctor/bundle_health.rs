//! Checks the bundle: whether it can be loaded, what it exports, whether it describes itself.

use std::sync::Arc;

use super::Finding;
use super::exports::exported;
use crate::bundle;
use crate::cli::DoctorArgs;
use crate::failure::Failure;
use openfx_host::params::Kind;
use openfx_host::plugin::{Plugin, binary_of};
use openfx_host::session::{Session, Settings, Silent};

/// The findings about the bundle.
pub fn report(args: &DoctorArgs) -> Vec<Finding> {
    let path = match bundle::find(args.plugin.bundle.as_deref()) {
        Ok(path) => path,
        Err(Failure::Failed(sentence) | Failure::Stopped(sentence) | Failure::Usage(sentence)) => {
            return vec![Finding::missing(sentence)];
        }
    };
    let mut lines = vec![Finding::good(format!("bundle {}", path.display()))];
    let binary = match binary_of(&path) {
        Ok(binary) => binary,
        Err(error) => {
            lines.push(Finding::broken(error.to_string()));
            return lines;
        }
    };
    lines.push(symbols(&binary));
    let session = Arc::new(Session::new(Settings::default(), Box::new(Silent)));
    match Plugin::load(&path, args.plugin.plugin.as_deref(), &session) {
        Ok(plugin) => {
            let params = plugin.description.params.all();
            let count = params
                .iter()
                .filter(|param| param.kind.has_value() || param.kind == Kind::PushButton)
                .count();
            let (major, minor) = plugin.identity.version;
            let context = plugin.context.to_string_lossy();
            lines.push(Finding::good(format!("binary {}", plugin.path.display())));
            lines.push(Finding::good(format!(
                "loads and describes itself: {} {major}.{minor}, {count} parameters, context {}",
                plugin.identity.name,
                context.strip_prefix("OfxImageEffectContext").unwrap_or(&context)
            )));
        }
        Err(error) => lines.push(Finding::broken(error.to_string())),
    }
    lines.extend(session.complaints().into_iter().map(Finding::broken));
    lines
}

fn symbols(binary: &std::path::Path) -> Finding {
    const WANTED: [&str; 2] = ["OfxGetNumberOfPlugins", "OfxGetPlugin"];
    let Some(names) = exported(binary) else {
        return Finding::missing("its exported symbols can be checked on Linux only");
    };
    let missing: Vec<&str> =
        WANTED.into_iter().filter(|name| !names.iter().any(|other| other == name)).collect();
    if !missing.is_empty() {
        return Finding::broken(format!("it does not export {}", missing.join(" and ")));
    }
    let further: Vec<&String> = names.iter().filter(|name| !WANTED.contains(&name.as_str())).collect();
    match further.as_slice() {
        [] => Finding::good("exports the two OpenFX symbols and nothing else"),
        [only] if *only == "OfxSetHost" => Finding::good("exports the OpenFX symbols and nothing else"),
        [first, ..] => Finding::broken(format!(
            "exports {} symbols besides the two of OpenFX, such as {first}: they can clash with other plugins",
            further.len()
        )),
    }
}
