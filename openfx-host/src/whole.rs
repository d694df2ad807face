//! Conversions of numbers to whole ones, which saturate.

/// The whole part of a number. Saturates at the ends of i32; NaN becomes 0.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
pub const fn to_i32(number: f64) -> i32 {
    number as i32
}

/// The whole part of a number. Saturates at 0 and [`u32::MAX`]; NaN becomes 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub const fn to_u32(number: f64) -> u32 {
    number as u32
}
