//! One list per enumeration, from which its stable names, its parser and its `ALL` table come.

/// Gives a field-less enumeration `ALL`, `as_str`, `Display` and `FromStr`.
///
/// The names are saved in projects and typed on command lines: they never change.
macro_rules! named {
    ($what:literal, $type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in the order in which a menu shows them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name, as in project files and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::diffusion::DiffusionError;

            fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    $crate::diffusion::DiffusionError::Invalid(format!(
                        "there is no {} named {name:?}; the names are {}", $what, known.join(", ")
                    ))
                })
            }
        }
    };
}

pub(crate) use named;
