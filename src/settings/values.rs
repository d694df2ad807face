//! Parameter values within their permitted ranges, whatever the host returns.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use frame::convert::to_time;

use super::Reader;
use crate::frames::Numbering;
use crate::table::{self, Param, ParamType};
use protocol::pasted;

/// Reads parameters and clamps them to their ranges.
pub(super) struct ParamValues<'a> {
    pub reader: &'a dyn Reader,
    pub time: f64,
}

impl ParamValues<'_> {
    pub fn int(&self, name: &'static str) -> i32 {
        let value = self.reader.int(name, self.time);
        match table::find(name).map(|p| p.kind) {
            Some(ParamType::Int { range, .. }) => value.clamp(range.0, range.1),
            _ => value,
        }
    }

    pub fn count(&self, name: &'static str) -> usize {
        usize::try_from(self.int(name)).unwrap_or(0)
    }

    pub fn double(&self, name: &'static str) -> f64 {
        self.double_at(name, self.time)
    }

    pub fn double_at(&self, name: &'static str, time: f64) -> f64 {
        let value = self.reader.double(name, time);
        match table::find(name).map(|p| p.kind) {
            Some(ParamType::Double { default, range, .. }) => {
                if value.is_finite() {
                    value.clamp(range.0, range.1)
                } else {
                    default
                }
            }
            _ => value,
        }
    }

    pub fn boolean(&self, name: &'static str) -> bool {
        self.reader.boolean(name, self.time)
    }

    /// Name of the selected option; the default if the host's index is invalid.
    pub fn option(&self, name: &'static str) -> &'static str {
        match table::find(name).map(|p| p.kind) {
            Some(ParamType::Choice { default, options }) => options
                .get(self.reader.choice(name, self.time))
                .or_else(|| options.get(default))
                .copied()
                .unwrap_or(""),
            _ => "",
        }
    }

    /// The selected option as a value of its enumeration. A test ensures that the table has the enumeration's
    /// names, so `default` is never used in practice.
    pub fn parsed<T: FromStr>(&self, name: &'static str, default: T) -> T {
        self.option(name).parse().unwrap_or(default)
    }

    pub fn text(&self, name: &'static str) -> String {
        self.reader.text(name, self.time)
    }

    pub fn path(&self, name: &'static str) -> Option<PathBuf> {
        let path = pasted(&self.text(name));
        (!path.as_os_str().is_empty()).then_some(path)
    }

    /// Messages about values from the host that are invalid, with the values used instead: for every
    /// parameter, the first occurrence in `frames`, in the host's numbering.
    pub fn refused(&self, frames: &[i64], numbering: &Numbering) -> Vec<String> {
        let at = |param: &Param| {
            let frames = if param.animates { frames } else { frames.get(..1).unwrap_or_default() };
            frames.iter().find_map(|&frame| {
                let sentence = self.refusal(param, to_time(frame))?;
                Some(if param.animates {
                    format!("{sentence} (frame {} of the clip)", numbering.number(frame))
                } else {
                    sentence
                })
            })
        };
        table::TABLE.iter().filter_map(at).collect()
    }

    fn refusal(&self, param: &Param, time: f64) -> Option<String> {
        let name = param.name;
        match param.kind {
            ParamType::Double { default, range, .. } => {
                let value = self.reader.double(name, time);
                let why = format!("the host gives {name} as {value}");
                if !value.is_finite() {
                    return Some(format!(
                        "{why}, which is not a finite number; the default {default} is used instead"
                    ));
                }
                let taken = value.clamp(range.0, range.1);
                (taken != value).then(|| beyond(&why, range, taken))
            }
            ParamType::Int { range, .. } => {
                let value = self.reader.int(name, time);
                let taken = value.clamp(range.0, range.1);
                (taken != value).then(|| beyond(&format!("the host gives {name} as {value}"), range, taken))
            }
            ParamType::Choice { default, options } => {
                let index = self.reader.choice(name, time);
                (index >= options.len()).then(|| {
                    format!(
                        "the host gives {name} as option {index}, counted from 0, but there are only {}; the default {} is used instead",
                        options.len(),
                        options.get(default).unwrap_or(&"")
                    )
                })
            }
            ParamType::Bool { .. } | ParamType::Text { .. } | ParamType::Button => None,
        }
    }
}

fn beyond<T: Display>(why: &str, range: (T, T), taken: T) -> String {
    format!("{why}, outside its range of {} to {}; {taken} is used instead", range.0, range.1)
}
