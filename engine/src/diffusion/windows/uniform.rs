//! Uniform windows, whose offset changes from step to step by bit reversal: 0, 1/2, 1/4, 3/4, 1/8, ...

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rounds to f32 and to whole steps where the reference does"
)]

use super::ContextOptions;

/// Windows that may wrap around the end of the clip.
pub(super) fn looped(options: &ContextOptions, frames: usize, step: usize) -> Vec<Vec<usize>> {
    let ContextOptions { length, overlap, stride, closed, .. } = *options;
    let shift = ordered_halving(step);
    let offset = (frames as f64 * shift).round_ties_even() as usize;
    let end = frames + offset - if closed { 0 } else { overlap };
    let reach = (frames as f64 / length as f64).log2().ceil() as usize + 1;
    (0..stride.min(reach))
        .flat_map(|power| {
            let gap = 1 << power;
            let first = (shift * gap as f64) as usize + offset;
            (first..end).step_by(length * gap - overlap).map(move |start| (start, gap))
        })
        .map(|(start, gap)| (0..length).map(|k| (start + k * gap) % frames).collect())
        .collect()
}

/// The looped windows, with those that wrap around moved to the clip's end, so that no window joins the last frame to
/// the first. Where that leaves the first frames uncovered, a window is added at the front; duplicates are removed.
pub(super) fn standard(options: &ContextOptions, frames: usize, step: usize) -> Vec<Vec<usize>> {
    let mut list = looped(&ContextOptions { closed: false, ..*options }, frames, step);
    let mut at = 0;
    while at < list.len() {
        if let Some(wrapped_to) = first_after_wrap(&list[at]) {
            list[at] = moved_to_end(&list[at], frames);
            let next = (at + 1) % list.len();
            if !list[next].contains(&wrapped_to) {
                let start = wrapped_to.min(frames - options.length);
                list.insert(at + 1, (start..start + options.length).collect());
            }
        }
        at += 1;
    }
    let mut unique: Vec<Vec<usize>> = Vec::with_capacity(list.len());
    for window in list {
        if !unique.contains(&window) {
            unique.push(window);
        }
    }
    unique
}

/// The position in a window where it wraps to the start of the clip; `None` if it does not wrap.
fn first_after_wrap(window: &[usize]) -> Option<usize> {
    window.windows(2).find(|pair| pair[1] < pair[0]).map(|pair| pair[1])
}

/// Shifts a window along the loop until its last entry is the clip's last frame.
fn moved_to_end(window: &[usize], frames: usize) -> Vec<usize> {
    let (Some(first), Some(last)) = (window.first(), window.last()) else {
        return Vec::new();
    };
    let span = (last + frames - first) % frames;
    // The modulo only matters for strided windows that wrap more than once, where the reference would exceed the end of the clip.
    window.iter().map(|index| ((index + frames - first) % frames + frames - 1 - span) % frames).collect()
}

/// The bits of `step` mirrored at the binary point, a number in 0..1.
fn ordered_halving(step: usize) -> f64 {
    (step as u64).reverse_bits() as f64 / 2f64.powi(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_halves_in_order() {
        let want = [
            0.0, 0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875, 0.0625, 0.5625, 0.3125, 0.8125, 0.1875, 0.6875,
            0.4375, 0.9375,
        ];
        for (step, want) in want.into_iter().enumerate() {
            assert_eq!(ordered_halving(step), want);
        }
    }

    #[test]
    fn a_wrapping_window_moves_to_the_end() {
        assert_eq!(first_after_wrap(&[6, 7, 0, 1]), Some(0));
        assert_eq!(first_after_wrap(&[4, 5, 6, 7]), None);
        assert_eq!(moved_to_end(&[6, 7, 0, 1], 8), [4, 5, 6, 7]);
    }
}
