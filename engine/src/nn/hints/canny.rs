//! Canny's edge detector.
//!
//! John Canny, "A computational approach to edge detection" (1986), in the variant of OpenCV's `Canny`, which drew the
//! pictures that the canny ControlNets were trained on: 8-bit values, no smoothing of its own, Sobel gradients of the
//! channel in which they are strongest, |dx| + |dy| as their strength, and the direction in four sectors.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use candle_core::{Device, Tensor};

use crate::nn::source::ModelError;

/// Strengths of 8-bit gradients above which a ridge is an edge where it hangs together with a stronger part of one, and
/// above which it is an edge in any case. The defaults of the field's tools.
const THRESHOLDS: [i32; 2] = [100, 200];

/// Edges of `[1, 3, height, width]` as `[1, 1, height, width]`, 0 or 1.
pub(super) fn canny(picture: &Tensor) -> Result<Tensor, ModelError> {
    let (_, _, height, width) = picture.dims4()?;
    let planes: Vec<i32> = (picture.flatten_all()?.to_vec1::<f32>()?.iter())
        .map(|value| (value * 255.0).round() as i32)
        .collect();
    let gradients = Gradients::of(&planes, height, width);
    let edges = connected(&gradients.ridges(), width);
    Ok(Tensor::from_vec(edges, (1, 1, height, width), &Device::Cpu)?)
}

/// Gradient and strength of every pixel, row by row.
struct Gradients {
    height: usize,
    width: usize,
    values: Vec<(i32, i32)>,
}

impl Gradients {
    /// Sobel's 3 x 3 derivatives with border pixels repeated; of the channels the one whose gradient is strongest,
    /// the first among equals.
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

    /// The strength at a place, 0 outside of the picture.
    fn at(&self, y: isize, x: isize) -> i32 {
        match (usize::try_from(y), usize::try_from(x)) {
            (Ok(y), Ok(x)) if y < self.height && x < self.width => strength(self.values[y * self.width + x]),
            _ => 0,
        }
    }

    /// Strengths of the pixels that are not weaker than their two neighbours across the edge; 0 elsewhere. Of two
    /// equal neighbours one is kept, except on diagonals.
    fn ridges(&self) -> Vec<i32> {
        // tan(22.5 degrees) in 15 bits after the point
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

/// Ridges above the higher threshold and all that touch them, over corners too (hysteresis).
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
