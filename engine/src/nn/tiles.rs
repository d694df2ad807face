//! Tiled processing of images that are too large for the device memory.

use candle_core::{Device, Tensor};

use super::ModelError;

/// Neighbouring tiles overlap by 1 / OVERLAP of a tile's side.
const OVERLAP: usize = 4;

/// Offsets of the tiles along a side: as few as possible with at least a quarter overlap, evenly spaced.
fn places(size: usize, tile: usize) -> Vec<usize> {
    if size <= tile {
        return vec![0];
    }
    let step = (tile - tile / OVERLAP).max(1);
    let count = (size - tile).div_ceil(step) + 1;
    (0..count).map(|index| index * (size - tile) / (count - 1)).collect()
}

/// Blending weights along a tile's side: rising over the overlap with the previous tile, falling over the overlap
/// with the next, and 1 at the image's edges. Never 0, because the sum of weights is a divisor.
#[expect(clippy::cast_precision_loss, reason = "sides of tiles are far below 2^24")]
fn ramp(length: usize, overlap: usize, [first, last]: [bool; 2]) -> Vec<f32> {
    let rise = |distance: usize| ((distance as f32 + 0.5) / overlap.max(1) as f32).min(1.0);
    (0..length)
        .map(|place| {
            let before = if first { 1.0 } else { rise(place) };
            let behind = if last { 1.0 } else { rise(length - 1 - place) };
            before * behind
        })
        .collect()
}

/// Assembles an image of `size` [height, width] from tiles with sides of at most `tile`. `make` gets offset and size
/// of a tile and returns `[n, channels, height * factor, width * factor]`. The result is the weighted mean of the
/// tiles, accumulated in f32 on the CPU and then moved to the tiles' device.
pub(super) fn blend(
    size: [usize; 2],
    tile: usize,
    factor: usize,
    make: impl Fn([usize; 2], [usize; 2]) -> Result<Tensor, ModelError>,
) -> Result<Tensor, ModelError> {
    let tile = tile.max(OVERLAP);
    let (rows, columns) = (places(size[0], tile), places(size[1], tile));
    let [height, width] = size.map(|side| side.min(tile));
    let mut sum: Option<(Vec<f32>, Vec<usize>, Device)> = None;
    let [full_height, full_width] = size.map(|side| side * factor);
    let mut weights = vec![0f32; full_height * full_width];
    for (row, &top) in rows.iter().enumerate() {
        let down = ramp(height * factor, height / OVERLAP * factor, [row == 0, row + 1 == rows.len()]);
        for (column, &left) in columns.iter().enumerate() {
            let edges = [column == 0, column + 1 == columns.len()];
            let right = ramp(width * factor, width / OVERLAP * factor, edges);
            let part = make([top, left], [height, width])?;
            let (n, channels, _, _) = part.dims4()?;
            let device = part.device().clone();
            let part = part.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
            let (values, _, _) = sum.get_or_insert_with(|| {
                let shape = vec![n, channels, full_height, full_width];
                (vec![0f32; shape.iter().product()], shape, device)
            });
            for (plane, part) in part.chunks_exact(down.len() * right.len()).enumerate() {
                for (y, (line, down)) in part.chunks_exact(right.len()).zip(&down).enumerate() {
                    let start = (top * factor + y) * full_width + left * factor;
                    let out = &mut values[plane * full_height * full_width + start..][..right.len()];
                    for ((out, value), right) in out.iter_mut().zip(line).zip(&right) {
                        *out += value * down * right;
                    }
                    if plane == 0 {
                        for (weight, right) in weights[start..].iter_mut().zip(&right) {
                            *weight += down * right;
                        }
                    }
                }
            }
        }
    }
    let Some((mut values, shape, device)) = sum else {
        return Err(ModelError::Invalid("a picture without pixels cannot be made in tiles".to_owned()));
    };
    for plane in values.chunks_exact_mut(weights.len().max(1)) {
        for (value, weight) in plane.iter_mut().zip(&weights) {
            *value /= weight;
        }
    }
    Ok(Tensor::from_vec(values, shape, &device)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_a_side_and_overlap_by_a_quarter() {
        assert_eq!(places(10, 16), [0]);
        assert_eq!(places(17, 16), [0, 1]);
        for (size, tile) in [(64, 16), (65, 16), (100, 32), (9, 4)] {
            let places = places(size, tile);
            assert_eq!((places[0], places[places.len() - 1] + tile), (0, size));
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] <= tile - tile / OVERLAP), "{places:?}");
        }
    }

    #[test]
    fn what_tiles_agree_on_comes_out_as_it_is() {
        let (size, factor) = ([13, 21], 2);
        let whole = Tensor::randn(0f32, 1.0, (2, 3, 26, 42), &Device::Cpu).unwrap();
        for tile in [4, 8, 16, 32] {
            let got = blend(size, tile, factor, |[top, left], [height, width]| {
                Ok(whole.narrow(2, top * 2, height * 2)?.narrow(3, left * 2, width * 2)?)
            });
            let off = (got.unwrap() - &whole).unwrap().abs().unwrap().max_all().unwrap();
            assert!(off.to_scalar::<f32>().unwrap() < 1e-5, "{tile}: {off}");
        }
    }
}
