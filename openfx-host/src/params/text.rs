//! Parameter values in text form: `cfg=7.5`, `scheduler=karras`, `colour=1,0.5,0`.

use std::ffi::CString;

use openfx_sys::*;

use super::{Kind, Param, Value};

/// Why a text is not a valid value. It displays as a message for the user.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The parameter is a group, page or button.
    #[error("{0} has no value to set: it is a {1}")]
    NoValue(String, &'static str),
    /// Too many or too few numbers, or not a number.
    #[error("{name} takes {wanted}, not \"{text}\"")]
    Number {
        /// Name of the parameter.
        name: String,
        /// What the parameter expects.
        wanted: String,
        /// The text that was given.
        text: String,
    },
    /// A number is outside of the permitted range.
    #[error("{name} takes {low} to {high}, not {text}")]
    Range {
        /// Name of the parameter.
        name: String,
        /// The smallest permitted value.
        low: String,
        /// The largest permitted value.
        high: String,
        /// The text that was given.
        text: String,
    },
    /// A choice has no option of this name.
    #[error("{name} has no option \"{text}\"; it takes {options}")]
    Option {
        /// Name of the parameter.
        name: String,
        /// The text that was given.
        text: String,
        /// The options that the parameter has.
        options: String,
    },
}

impl Param {
    /// The options of a choice, each with its stable name and its label.
    pub fn options(&self) -> Vec<(String, String)> {
        let labels = self.props.strings(kOfxParamPropChoiceOption);
        let names = self.props.strings(kOfxParamPropChoiceEnum);
        let name = |index: usize, label: &String| {
            names.get(index).filter(|name| !name.is_empty()).unwrap_or(label).clone()
        };
        labels.iter().enumerate().map(|(index, label)| (name(index, label), label.clone())).collect()
    }

    /// An existing folder's absolute path, as a host's file dialog would return it; any other text unchanged.
    fn whole_path(&self, text: &str) -> String {
        let mode = self.props.string(kOfxParamPropStringMode);
        let folder = mode.as_bytes() == kOfxParamStringIsDirectoryPath.to_bytes();
        // `~`, a URL and a quoted path are not relative paths.
        if !folder
            || text.trim().is_empty()
            || text.trim_start().starts_with(['~', '"', '\''])
            || text.contains("://")
        {
            return text.to_owned();
        }
        match std::path::absolute(text.trim()).map(std::path::PathBuf::into_os_string) {
            Ok(whole) => whole.into_string().unwrap_or_else(|_| text.to_owned()),
            Err(_) => text.to_owned(),
        }
    }

    /// Parses the text form of a value of this parameter.
    ///
    /// # Errors
    /// The text is not a valid value of this parameter.
    pub fn parse(&self, text: &str) -> Result<Value, ValueError> {
        match self.kind {
            Kind::Integer(n) => {
                // Numbers that do not fit the host's type are out of range, too, so the message names the
                // limits.
                let [low, high] =
                    [kOfxParamPropMin, kOfxParamPropMax].map(|name| self.props.all::<i32>(name));
                let what = match (low.first(), high.first()) {
                    (Some(low), Some(high)) if n == 1 => format!("whole number from {low} to {high}"),
                    _ => "whole number".to_owned(),
                };
                let values = self.numbers(text, n, &what)?;
                self.in_range(
                    text,
                    &values,
                    &self.props.all(kOfxParamPropMin),
                    &self.props.all(kOfxParamPropMax),
                )?;
                Ok(Value::Ints(values))
            }
            Kind::Double(n) => {
                let values = self.numbers(text, n, "number")?;
                self.in_range(
                    text,
                    &values,
                    &self.props.all(kOfxParamPropMin),
                    &self.props.all(kOfxParamPropMax),
                )?;
                Ok(Value::Doubles(values))
            }
            Kind::Colour(n) => Ok(Value::Doubles(self.numbers(text, n, "number")?)),
            Kind::Boolean => match text.trim().to_lowercase().as_str() {
                "1" | "true" | "on" | "yes" => Ok(Value::Ints(vec![1])),
                "0" | "false" | "off" | "no" => Ok(Value::Ints(vec![0])),
                _ => Err(self.number_error(text, "true or false".into())),
            },
            Kind::Choice => {
                let index = self.option_index(text)?;
                Ok(Value::Ints(vec![i32::try_from(index).unwrap_or(0)]))
            }
            Kind::StrChoice => {
                let index = self.option_index(text)?;
                let name = self.options().swap_remove(index).0;
                Ok(Value::Text(CString::new(name).unwrap_or_default()))
            }
            Kind::String | Kind::Custom => CString::new(self.whole_path(text))
                .map(Value::Text)
                .map_err(|_| self.number_error(text, "text without a zero byte".into())),
            Kind::Bytes => Ok(Value::Bytes(text.as_bytes().to_vec())),
            Kind::Group => Err(ValueError::NoValue(self.name(), "group")),
            Kind::Page => Err(ValueError::NoValue(self.name(), "page")),
            Kind::PushButton => Err(ValueError::NoValue(self.name(), "button")),
            Kind::Parametric => Err(ValueError::NoValue(self.name(), "set of curves")),
        }
    }

    fn number_error(&self, text: &str, wanted: String) -> ValueError {
        ValueError::Number { name: self.name(), wanted, text: text.to_owned() }
    }

    fn numbers<T: std::str::FromStr>(
        &self,
        text: &str,
        count: usize,
        what: &str,
    ) -> Result<Vec<T>, ValueError> {
        let values: Vec<T> = text.split(',').map_while(|part| part.trim().parse().ok()).collect();
        if values.len() == count && text.split(',').count() == count {
            return Ok(values);
        }
        let wanted = match count {
            1 => format!("a {what}"),
            n => format!("{n} {what}s with commas between"),
        };
        Err(self.number_error(text, wanted))
    }

    fn in_range<T: PartialOrd + ToString>(
        &self,
        text: &str,
        values: &[T],
        low: &[T],
        high: &[T],
    ) -> Result<(), ValueError> {
        for (value, (low, high)) in values.iter().zip(low.iter().zip(high)) {
            // Written so that NaN is out of range.
            if !(value >= low && value <= high) {
                return Err(ValueError::Range {
                    name: self.name(),
                    low: low.to_string(),
                    high: high.to_string(),
                    text: text.trim().to_owned(),
                });
            }
        }
        Ok(())
    }

    fn option_index(&self, text: &str) -> Result<usize, ValueError> {
        let options = self.options();
        let wanted = text.trim().to_lowercase();
        let by_name = options.iter().position(|(name, _)| name.to_lowercase() == wanted);
        let by_label = || options.iter().position(|(_, label)| label.to_lowercase() == wanted);
        by_name.or_else(by_label).ok_or_else(|| {
            let names: Vec<String> = options.into_iter().map(|(name, _)| name).collect();
            ValueError::Option { name: self.name(), text: text.trim().to_owned(), options: names.join(", ") }
        })
    }

    /// Formats a value for users.
    pub fn show(&self, value: &Value) -> String {
        let list = |items: Vec<String>| items.join(",");
        match (self.kind, value) {
            (Kind::Boolean, Value::Ints(values)) => {
                list(values.iter().map(|v| (*v != 0).to_string()).collect())
            }
            (Kind::Choice, Value::Ints(values)) => {
                let options = self.options();
                let name = |v: &i32| {
                    usize::try_from(*v).ok().and_then(|v| options.get(v).map(|option| option.0.clone()))
                };
                list(values.iter().filter_map(name).collect())
            }
            (_, Value::Ints(values)) => list(values.iter().map(ToString::to_string).collect()),
            (_, Value::Doubles(values)) => list(values.iter().map(ToString::to_string).collect()),
            (_, Value::Text(text)) => text.to_string_lossy().into_owned(),
            (_, Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            (_, Value::None) => String::new(),
        }
    }
}

/// Up to three names that resemble the given one.
pub fn near_names(wanted: &str, names: &[String]) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut ranked: Vec<(usize, &String)> = names
        .iter()
        .filter_map(|name| {
            let low = name.to_lowercase();
            let distance = distance(&wanted, &low);
            let contained = wanted.len() > 2 && (low.contains(&wanted) || wanted.contains(&low));
            let near = contained || distance <= (wanted.chars().count() / 3).max(1);
            near.then_some((if contained { distance.min(1) } else { distance }, name))
        })
        .collect();
    ranked.sort();
    ranked.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

/// The Levenshtein distance: letters to change, insert or delete.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::ParamSet;
    use crate::session::Settings;

    fn param(kind: &std::ffi::CStr) -> std::sync::Arc<Param> {
        let set = ParamSet::describing();
        set.define(kind, c"p", &Settings::default()).unwrap()
    }

    #[test]
    fn numbers_are_checked() {
        let double = param(kOfxParamTypeDouble);
        double.props.assign(kOfxParamPropMin, [0.0]);
        double.props.assign(kOfxParamPropMax, [30.0]);
        assert_eq!(double.parse(" 7.5 "), Ok(Value::Doubles(vec![7.5])));
        assert_eq!(double.parse("31").unwrap_err().to_string(), "p takes 0 to 30, not 31");
        assert_eq!(double.parse("x").unwrap_err().to_string(), "p takes a number, not \"x\"");
        assert!(double.parse("nan").is_err());
        let pair = param(kOfxParamTypeInteger2D);
        assert_eq!(pair.parse("1,-2"), Ok(Value::Ints(vec![1, -2])));
        assert!(pair.parse("1").is_err() && pair.parse("1,2,3").is_err() && pair.parse("1,2,x").is_err());
    }

    #[test]
    fn a_folder_gets_its_whole_path_and_nothing_else_does() {
        let folder = param(kOfxParamTypeString);
        folder.props.assign(kOfxParamPropStringMode, [kOfxParamStringIsDirectoryPath.to_owned()]);
        let here = std::env::current_dir().unwrap().join("results").into_os_string().into_string().unwrap();
        let text = |param: &Param, text: &str| param.show(&param.parse(text).unwrap());
        assert_eq!(text(&folder, "results"), here);
        assert_eq!(text(&folder, &here), here);
        for other in ["", "~/results", "file:///results", "'results'"] {
            assert_eq!(text(&folder, other), other);
        }
        assert_eq!(text(&param(kOfxParamTypeString), "results"), "results");
    }

    #[test]
    fn an_option_goes_by_name_or_label() {
        let choice = param(kOfxParamTypeChoice);
        for (index, label) in [c"Karras (2022)", c"Beta"].into_iter().enumerate() {
            choice.props.set(kOfxParamPropChoiceOption, index as i32, label.to_owned()).unwrap();
        }
        assert_eq!(choice.parse("beta"), Ok(Value::Ints(vec![1])));
        choice.props.set(kOfxParamPropChoiceEnum, 0, c"karras".to_owned()).unwrap();
        assert_eq!(choice.parse("Karras"), Ok(Value::Ints(vec![0])));
        assert_eq!(choice.parse("karras (2022)"), Ok(Value::Ints(vec![0])));
        let error = choice.parse("x").unwrap_err().to_string();
        assert_eq!(error, "p has no option \"x\"; it takes karras, Beta");
        assert_eq!(choice.show(&Value::Ints(vec![0])), "karras");
    }

    #[test]
    fn near_names_are_near() {
        let names = ["prompt", "promptB", "promptMix", "cfg", "steps"].map(String::from);
        assert_eq!(near_names("promt", &names), ["prompt"]);
        assert_eq!(near_names("step", &names), ["steps"]);
        assert!(near_names("zebra", &names).is_empty());
    }
}
