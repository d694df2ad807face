//! Conversions between kinds of numbers that lose nothing in practice, or saturate on purpose.
//!
//! Counts of frames, pixels and bytes, frame numbers and ticks are whole numbers far below 2^53, up to which
//! an f64 holds every one. Conversions to whole numbers saturate at the ends of their range and make 0 of
//! NaN, so that no time from a host or a file can cause a panic.

/// A count of frames, pixels, steps or anything else. Exact up to 2^53; beyond, the nearest number.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub const fn to_f64(count: usize) -> f64 {
    count as f64
}

/// A number of bytes or ticks. Exact up to 2^53; beyond, the nearest number.
#[expect(clippy::cast_precision_loss, reason = "sizes and times are below 2^53")]
pub const fn u64_to_f64(number: u64) -> f64 {
    number as f64
}

/// The time of a frame, in frames as hosts count them, or a number of ticks as an f64. Exact from -2^53 to
/// 2^53; beyond, the nearest number.
#[expect(clippy::cast_precision_loss, reason = "frame numbers are below 2^53")]
pub const fn to_time(frame: i64) -> f64 {
    frame as f64
}

/// The nearest f32; infinite if the number is beyond an f32's range.
#[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
pub const fn to_f32(number: f64) -> f32 {
    number as f32
}

/// The whole part of a time in frames. Saturates at the ends of i64; NaN becomes 0.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
pub const fn to_frame(time: f64) -> i64 {
    time as i64
}

/// The whole part of a number. Saturates at 0 and [`u64::MAX`]; NaN becomes 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub const fn to_u64(number: f64) -> u64 {
    number as u64
}

/// The whole part of a number. Saturates at 0 and [`u32::MAX`]; NaN becomes 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub const fn to_u32(number: f64) -> u32 {
    number as u32
}

/// A count as a signed number. Saturates at [`i64::MAX`], which no count reaches.
pub fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A signed number as a count or an index; a negative one becomes 0. Saturates at [`usize::MAX`].
pub fn to_usize(number: i64) -> usize {
    usize::try_from(number.max(0)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_frames_are_exact() {
        for number in [0, 1, 86_400, 1 << 24, (1 << 53) - 1, 1 << 53] {
            assert_eq!(to_frame(to_time(number)), number);
            assert_eq!(to_frame(to_time(-number)), -number);
            assert_eq!(to_u64(to_f64(to_usize(number))), number.unsigned_abs());
            assert_eq!(u64_to_f64(number.unsigned_abs()), to_time(number));
            assert_eq!(to_i64(to_usize(number)), number);
        }
    }

    #[test]
    fn what_does_not_fit_saturates() {
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(to_frame), [0, i64::MAX, i64::MIN]);
        assert_eq!([f64::NAN, f64::INFINITY, -1.0].map(to_u64), [0, u64::MAX, 0]);
        assert_eq!([f64::NAN, 1e10, -1.0].map(to_u32), [0, u32::MAX, 0]);
        assert_eq!([2.9, -2.9].map(to_frame), [2, -2]);
        assert_eq!([1e300, -1e300].map(to_f32), [f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!((to_usize(-3), to_i64(usize::MAX)), (0, i64::MAX));
    }
}
