//! Canny's edge detector.
//!
//! John Canny, "A computational approach to edge detection" (1986), in the variant of OpenCV's `Canny`, which
//! produced the training images of the canny ControlNets: 8-bit values, no smoothing, Sobel gradients of the channel
//! with the largest magnitude, magnitude |dx| + |dy|, direction quantised to four sectors.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use candle_core::{Device, Tensor};

use crate::nn::source::ModelError;

/// Low and high hysteresis threshold for the magnitude of 8-bit gradients: a ridge above the low one is an edge if it
/// is connected to one above the high one. The usual defaults of other tools.
const THRESHOLDS: [i32; 2] = [100, 200];

/// Edge map of `[1, 3, height, width]` as `[1, 1, height, width]`, 0 or 1.
pub(super) fn canny(picture: &Tensor) -> Result<Tensor, ModelError> {
    let (_, _, height, width) = picture.dims4()?;
    let planes: Vec<i32> = (picture.flatten_all()?.to_vec1::<f32>()?.iter())
        .map(|value| (value * 255.0).round() as i32)
        .collect();
    let gradients = Gradients::of(&planes, height, width);
    let edges = connected(&gradients.ridges(), width);
    Ok(Tensor::from_vec(edges, (1, 1, height, width), &Device::Cpu)?)
}

/// Gradient (dx, dy) of every pixel, in row-major order.
struct Gradients {
    height: usize,
    width: usize,
    values: Vec<(i32, i32)>,
}

impl Gradients {
    /// Sobel 3x3 derivatives with border pixels replicated; of the channels the one with the largest magnitude, the
    /// first if there are several.
    fn of(planes: &[i32], height: usize, width: usize) -> Self {
        let mut values = vec![(0, 0); height * width];
        for plane in planes.chunks(height * width) {
            for y in 0..height {
                let row = |y: usize| &plane[y * width..][..width];
                let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(height - 1)));
                for x in 0..width {
                    let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                    let dx = above[right] - above[left] + 2 * (here[right] - here[left]) + below[right]
                        - below[left];
                    let dy =
                        below[left] - above[left] + 2 * (below[x] - above[x]) + below[right] - above[right];
                    let strongest = &mut values[y * width + x];
                    if strength((dx, dy)) > strength(*strongest) {
                        *strongest = (dx, dy);
                    }
                }
            }
        }
        Self { height, width, values }
    }

    /// Gradient magnitude of a pixel, 0 outside of the image.
    fn at(&self, y: isize, x: isize) -> i32 {
        match (usize::try_from(y), usize::try_from(x)) {
            (Ok(y), Ok(x)) if y < self.height && x < self.width => strength(self.values[y * self.width + x]),
            _ => 0,
        }
    }

    /// Non-maximum suppression: magnitudes of pixels that are not smaller than both neighbours across the edge, 0
    /// elsewhere. Of two equal neighbours one is kept, except on diagonals.
    fn ridges(&self) -> Vec<i32> {
        // tan(22.5 degrees) in fixed point with 15 fractional bits
        const TAN: i64 = 13573;
        let mut ridges = vec![0; self.values.len()];
        for (index, gradient) in self.values.iter().enumerate() {
            let own = strength(*gradient);
            if own <= THRESHOLDS[0] {
                continue;
            }
            let (y, x) = ((index / self.width) as isize, (index % self.width) as isize);
            let (dx, dy) = (i64::from(gradient.0.abs()), i64::from(gradient.1.abs()) << 15);
            let is_ridge = if dy < dx * TAN {
                own > self.at(y, x - 1) && own >= self.at(y, x + 1)
            } else if dy > dx * TAN + (dx << 16) {
                own > self.at(y - 1, x) && own >= self.at(y + 1, x)
            } else {
                let side = if (gradient.0 ^ gradient.1) < 0 { -1 } else { 1 };
                own > self.at(y - 1, x - side) && own > self.at(y + 1, x + side)
            };
            if is_ridge {
                ridges[index] = own;
            }
        }
        ridges
    }
}

fn strength((dx, dy): (i32, i32)) -> i32 {
    dx.abs() + dy.abs()
}

/// Hysteresis: ridges above the high threshold and all ridges that are 8-connected to them.
fn connected(ridges: &[i32], width: usize) -> Vec<f32> {
    let mut edges = vec![0f32; ridges.len()];
    let mut open: Vec<usize> = (0..ridges.len()).filter(|index| ridges[*index] > THRESHOLDS[1]).collect();
    open.iter().for_each(|index| edges[*index] = 1.0);
    let height = ridges.len() / width;
    while let Some(index) = open.pop() {
        let (y, x) = (index / width, index % width);
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                let next = y * width + x;
                if ridges[next] > 0 && edges[next] == 0.0 {
                    edges[next] = 1.0;
                    open.push(next);
                }
            }
        }
    }
    edges
}
