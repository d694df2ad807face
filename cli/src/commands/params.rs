//! `unsample params`: lists every parameter as the bundle describes it to a host.

use std::sync::Arc;

use openfx_sys::*;
use serde_json::{Map, Value as Json, json};

use crate::bundle;
use crate::cli::ParamsArgs;
use crate::failure::Failure;
use openfx_host::params::{Kind, Param};
use openfx_host::plugin::Plugin;
use openfx_host::props::{Item, PropertySet};
use openfx_host::session::{Session, Settings, Silent};

/// Runs `unsample params`.
///
/// # Errors
/// The bundle cannot be loaded.
pub fn run(args: &ParamsArgs) -> Result<(), Failure> {
    let bundle = bundle::find(args.plugin.bundle.as_deref())?;
    let settings = Settings { context: args.plugin.context.clone(), ..Settings::default() };
    let session = Arc::new(Session::new(settings, Box::new(Silent)));
    let plugin = Plugin::load(&bundle, args.plugin.plugin.as_deref(), &session)?;
    let params = plugin.description.params.all();
    let text = if args.json {
        let all: Vec<Json> = params.iter().map(|param| as_json(param)).collect();
        format!("{:#}\n", Json::Array(all))
    } else {
        params.iter().map(|param| as_text(param, depth(param, &params))).collect()
    };
    super::print(&text);
    Ok(())
}

/// The nesting depth of a parameter in groups.
fn depth(param: &Param, all: &[Arc<Param>]) -> usize {
    let mut depth = 0;
    let mut parent = param.props.string(kOfxParamPropParent);
    while let Some(group) = all.iter().find(|other| !parent.is_empty() && other.name() == parent) {
        depth += 1;
        parent = group.props.string(kOfxParamPropParent);
        if depth > 8 {
            break;
        }
    }
    depth
}

/// The common name of a parameter's type.
fn kind_name(kind: Kind) -> String {
    let name = kind.name().to_string_lossy();
    name.strip_prefix("OfxParamType").unwrap_or(&name).to_lowercase()
}

/// A single value if all are equal, otherwise all of them.
fn one_or_all<T: serde::Serialize + PartialEq>(values: &[T]) -> Json {
    match values {
        [] => Json::Null,
        [first, rest @ ..] if rest.iter().all(|value| value == first) => json!(first),
        all => json!(all),
    }
}

fn range<T: Item + serde::Serialize + PartialEq>(
    set: &PropertySet,
    low: &std::ffi::CStr,
    high: &std::ffi::CStr,
) -> Json {
    json!([one_or_all(&set.all::<T>(low)), one_or_all(&set.all::<T>(high))])
}

fn as_json(param: &Param) -> Json {
    let props = &param.props;
    let mut map = Map::new();
    let mut put = |key: &str, value: Json| {
        map.insert(key.to_owned(), value);
    };
    put("name", json!(param.name()));
    put("type", json!(kind_name(param.kind)));
    put("label", json!(props.string(kOfxPropLabel)));
    let group = props.string(kOfxParamPropParent);
    put("group", if group.is_empty() { Json::Null } else { json!(group) });
    put("hint", json!(props.string(kOfxParamPropHint)));
    if param.kind.has_value() {
        put("animates", json!(props.first(kOfxParamPropAnimates) == Some(1)));
    }
    match param.kind {
        Kind::Integer(_) => {
            put("default", one_or_all(&props.all::<i32>(kOfxParamPropDefault)));
            put("range", range::<i32>(props, kOfxParamPropMin, kOfxParamPropMax));
            put("displayRange", range::<i32>(props, kOfxParamPropDisplayMin, kOfxParamPropDisplayMax));
        }
        Kind::Double(_) | Kind::Colour(_) => {
            put("default", one_or_all(&props.all::<f64>(kOfxParamPropDefault)));
            put("range", range::<f64>(props, kOfxParamPropMin, kOfxParamPropMax));
            put("displayRange", range::<f64>(props, kOfxParamPropDisplayMin, kOfxParamPropDisplayMax));
        }
        Kind::Boolean => put("default", json!(props.first(kOfxParamPropDefault) == Some(1))),
        Kind::Choice | Kind::StrChoice => {
            let options = param.options();
            let names: Vec<&String> = options.iter().map(|(name, _)| name).collect();
            let labels: Vec<&String> = options.iter().map(|(_, label)| label).collect();
            let default = match param.kind {
                Kind::StrChoice => props.string(kOfxParamPropDefault),
                _ => {
                    let index = props.first::<i32>(kOfxParamPropDefault).unwrap_or(0);
                    usize::try_from(index)
                        .ok()
                        .and_then(|index| names.get(index))
                        .map_or(String::new(), |name| (*name).clone())
                }
            };
            put("default", json!(default));
            put("options", json!(names));
            put("optionLabels", json!(labels));
        }
        Kind::String | Kind::Custom => {
            put("default", json!(props.string(kOfxParamPropDefault)));
            if param.kind == Kind::String {
                let mode = props.string(kOfxParamPropStringMode);
                put("mode", json!(mode.strip_prefix("OfxParamStringIs").unwrap_or(&mode)));
            }
        }
        Kind::Bytes | Kind::Group | Kind::Page | Kind::PushButton | Kind::Parametric => {}
    }
    put("secret", json!(props.first(kOfxParamPropSecret) == Some(1)));
    Json::Object(map)
}

fn as_text(param: &Param, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let json = as_json(param);
    let label = json["label"].as_str().unwrap_or_default();
    if param.kind == Kind::Group {
        return format!("\n{indent}[{label}]\n");
    }
    let mut facts = vec![json["type"].as_str().unwrap_or_default().to_owned()];
    if let Some(default) = json.get("default") {
        facts.push(format!("default {default}"));
    }
    if let Some(range) = json.get("range") {
        facts.push(format!("{} to {}", bound(&range[0]), bound(&range[1])));
    }
    if let Some(options) = json["options"].as_array() {
        let names: Vec<&str> = options.iter().filter_map(Json::as_str).collect();
        facts.push(format!("one of {}", names.join(", ")));
    }
    if json["animates"] == json!(true) {
        facts.push("keyframes".into());
    }
    let mut text = format!("{indent}{}  {label}: {}\n", param.name(), facts.join("; "));
    let hint = json["hint"].as_str().unwrap_or_default();
    for line in hint.lines() {
        text.push_str(&format!("{indent}    {line}\n"));
    }
    text
}

/// A bound of a range; the largest numbers mean that there is no bound.
fn bound(value: &Json) -> String {
    match value.as_f64() {
        Some(number) if number.abs() > 1e300 => "any".into(),
        _ => value.to_string(),
    }
}
