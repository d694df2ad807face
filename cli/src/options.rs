//! Command-line options whose values are the variants of an enumeration in a crate that does not depend on clap.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use strum::{EnumMessage, VariantArray};

/// A clap parser for the names of an enumeration's variants; the help lists every variant with its documentation.
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
