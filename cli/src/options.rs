//! Options that are one of a list of names, for enumerations of crates that know nothing of command lines.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use strum::{EnumMessage, VariantArray};

/// Parses the name of a variant; the help shows every variant with its documentation.
pub fn variant<T>() -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = strum::ParseError> + VariantArray + EnumMessage + Clone + Send + Sync + 'static,
    &'static str: From<&'static T>,
{
    let values = T::VARIANTS.iter().map(|variant| {
        let value = PossibleValue::new(<&'static str>::from(variant));
        match variant.get_documentation() {
            Some(help) => value.help(help.trim_end_matches('.').to_owned()),
            None => value,
        }
    });
    PossibleValuesParser::new(values).try_map(|name| name.parse::<T>())
}
