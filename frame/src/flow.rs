//! Dense optical flow: the motion of every pixel from one picture to another.
//!
//! Dense inverse search (Kroeger, Timofte, Dai, Van Gool 2016): from coarse to fine, a grid of small patches
//! is matched by Gauss-Newton steps, whose matrix depends on the first picture only and is computed once. The
//! flow of a pixel is the mean of the patches that cover it, weighted by how well they fit. Patches are
//! compared without their means, so that a change of light is not taken for motion. Instead of the paper's
//! variational refinement, neighbouring patches exchange their results, which is cheaper and sufficient for
//! averaging along the flow.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use super::grey::{Grey, Level, Pyramid};

/// Side of a patch, in pixels.
const PATCH: usize = 12;
const AREA: f32 = (PATCH * PATCH) as f32;
/// Distance of neighbouring patches in pixels.
const STRIDE: usize = 4;
/// Maximum number of Gauss-Newton steps per patch.
const STEPS: usize = 12;
/// The finest level to search; level 0 is the full size, and each further level halves it. At level 0,
/// patches are so small that they follow the grain.
const FINEST: usize = 1;
/// Regularisation added to the diagonal of a patch's matrix, in squared grey levels: a patch without detail
/// does not move.
const STIFFNESS: f32 = 16.0;

/// Displacement of every pixel from one picture to another, horizontal and vertical, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    width: usize,
    height: usize,
    data: Vec<[f32; 2]>,
}

impl Flow {
    /// Displacement of the pixel in column `x` and row `y`, in pixels.
    pub fn way(&self, x: usize, y: usize) -> [f32; 2] {
        self.data[y * self.width + x]
    }

    /// The flow upsampled to the next finer level.
    fn finer(&self, width: usize, height: usize) -> Self {
        let way = |at: usize| {
            let place = |i: usize, side: usize| (0.5 * (i as f32 - 0.5)).clamp(0.0, (side - 1) as f32);
            let (x, y) = (place(at % width, self.width), place(at / width, self.height));
            let (x0, y0) = (x as usize, y as usize);
            let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
            let (fx, fy) = (x.fract(), y.fract());
            std::array::from_fn(|axis| {
                let value = |x: usize, y: usize| self.data[y * self.width + x][axis];
                let across = |y: usize| value(x0, y) + fx * (value(x1, y) - value(x0, y));
                2.0 * (across(y0) + fy * (across(y1) - across(y0)))
            })
        };
        Self { width, height, data: (0..width * height).map(way).collect() }
    }
}

/// The flow from one picture to another of the same size. It is zero for pictures smaller than a patch and
/// for pictures of different sizes.
pub fn flow(from: &Pyramid, to: &Pyramid) -> Flow {
    let size = |pyramid: &Pyramid| pyramid.finest().map_or((0, 0), |grey| (grey.width, grey.height));
    let (width, height) = size(from);
    let still = |width: usize, height: usize| Flow { width, height, data: vec![[0.0; 2]; width * height] };
    if size(to) != (width, height) || width.min(height) < PATCH {
        return still(width, height);
    }
    let mut coarser: Option<Flow> = None;
    let finest = FINEST.min(from.levels.len().saturating_sub(1));
    for (from, to) in from.levels.iter().zip(&to.levels).skip(finest).rev() {
        let (width, height) = (from.grey.width, from.grey.height);
        let start = coarser.map_or_else(|| still(width, height), |flow| flow.finer(width, height));
        coarser = Some(matched(from, to, &start));
    }
    let mut found = coarser.unwrap_or_else(|| still(width, height));
    for level in from.levels.iter().take(finest).rev() {
        found = found.finer(level.grey.width, level.grey.height);
    }
    found
}

/// A patch of the first picture.
struct Patch<'a> {
    level: &'a Level,
    x: usize,
    y: usize,
    /// Inverse Gauss-Newton matrix: xx, xy, yy.
    inverse: [f32; 3],
}

/// Comparison of a patch with a position in the other picture: the differences without their mean, and the
/// sum of their squares.
struct PatchFit {
    differences: [f32; PATCH * PATCH],
    cost: f32,
}

impl<'a> Patch<'a> {
    fn new(level: &'a Level, x: usize, y: usize) -> Self {
        let (mut xx, mut xy, mut yy, mut sum) = (0.0, 0.0, 0.0, [0.0; 2]);
        for row in 0..PATCH {
            for [across, down] in &level.slopes[(y + row) * level.grey.width + x..][..PATCH] {
                xx += across * across;
                xy += across * down;
                yy += down * down;
                sum = [sum[0] + across, sum[1] + down];
            }
        }
        xx += STIFFNESS - sum[0] * sum[0] / AREA;
        xy -= sum[0] * sum[1] / AREA;
        yy += STIFFNESS - sum[1] * sum[1] / AREA;
        let over = 1.0 / (xx * yy - xy * xy);
        Self { level, x, y, inverse: [yy * over, -xy * over, xx * over] }
    }

    fn fit(&self, to: &Grey, way: [f32; 2]) -> PatchFit {
        let (x, y) = (self.x as f32 + way[0], self.y as f32 + way[1]);
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let within = |value: f32, side: usize| value.clamp(0.0, (side - 1) as f32) as usize;
        let columns: [usize; PATCH + 1] = std::array::from_fn(|i| within(left + i as f32, to.width));
        let across = |row: usize| -> [f32; PATCH] {
            let line = &to.data[within(top + row as f32, to.height) * to.width..][..to.width];
            std::array::from_fn(|i| line[columns[i]] + fx * (line[columns[i + 1]] - line[columns[i]]))
        };
        let mut differences = [0.0; PATCH * PATCH];
        let mut above = across(0);
        let mut sum = 0.0;
        for row in 0..PATCH {
            let below = across(row + 1);
            let own = &self.level.grey.data[(self.y + row) * to.width + self.x..][..PATCH];
            for i in 0..PATCH {
                let difference = above[i] + fy * (below[i] - above[i]) - own[i];
                differences[row * PATCH + i] = difference;
                sum += difference;
            }
            above = below;
        }
        let mean = sum / AREA;
        let mut cost = 0.0;
        for difference in &mut differences {
            *difference -= mean;
            cost += *difference * *difference;
        }
        PatchFit { differences, cost }
    }

    /// The Gauss-Newton step from a position with this fit.
    fn step(&self, fit: &PatchFit) -> [f32; 2] {
        let mut pull = [0.0; 2];
        for row in 0..PATCH {
            let slopes = &self.level.slopes[(self.y + row) * self.level.grey.width + self.x..][..PATCH];
            for (slope, difference) in slopes.iter().zip(&fit.differences[row * PATCH..]) {
                pull = [pull[0] + slope[0] * difference, pull[1] + slope[1] * difference];
            }
        }
        // The differences have zero mean, so the mean of the gradients cancels out.
        let [xx, xy, yy] = self.inverse;
        [-(xx * pull[0] + xy * pull[1]), -(xy * pull[0] + yy * pull[1])]
    }

    /// The best position found, starting from the best of several initial positions.
    fn search(&self, to: &Grey, starts: &[[f32; 2]]) -> Found {
        let mut best =
            Found { way: [0.0; 2], fit: PatchFit { differences: [0.0; PATCH * PATCH], cost: f32::INFINITY } };
        for &way in starts {
            let fit = self.fit(to, way);
            if fit.cost < best.fit.cost {
                best = Found { way, fit };
            }
        }
        let start = best.way;
        for _ in 0..STEPS {
            let step = self.step(&best.fit);
            let way = [best.way[0] + step[0], best.way[1] + step[1]];
            let away = (way[0] - start[0]).abs().max((way[1] - start[1]).abs());
            if !away.is_finite() || away >= PATCH as f32 {
                break;
            }
            let fit = self.fit(to, way);
            if fit.cost >= best.fit.cost {
                break;
            }
            best = Found { way, fit };
            if step[0].abs().max(step[1].abs()) < 0.01 {
                break;
            }
        }
        best
    }
}

struct Found {
    way: [f32; 2],
    fit: PatchFit,
}

/// Positions of the patches along a side: every `STRIDE` pixels, and the last one that fits.
fn places(side: usize) -> Vec<usize> {
    let last = side - PATCH;
    let mut places: Vec<usize> = (0..last).step_by(STRIDE).collect();
    places.push(last);
    places
}

/// Flow of one level: matches all patches, then averages them.
fn matched(from: &Level, to: &Level, start: &Flow) -> Flow {
    let (columns, rows) = (places(from.grey.width), places(from.grey.height));
    let patch = |index: usize| Patch::new(from, columns[index % columns.len()], rows[index / columns.len()]);
    let count = columns.len() * rows.len();
    let mut found: Vec<Found> = Vec::with_capacity(count);
    let patches: Vec<Patch> = (0..count).map(patch).collect();
    for (index, patch) in patches.iter().enumerate() {
        let mut starts = vec![start.way(patch.x + PATCH / 2, patch.y + PATCH / 2), [0.0; 2]];
        if index % columns.len() > 0 {
            starts.push(found[index - 1].way);
        }
        if index >= columns.len() {
            starts.push(found[index - columns.len()].way);
        }
        found.push(patch.search(&to.grey, &starts));
    }
    for (index, patch) in patches.iter().enumerate().rev() {
        let mut starts = Vec::new();
        if index % columns.len() + 1 < columns.len() {
            starts.push(found[index + 1].way);
        }
        if index + columns.len() < count {
            starts.push(found[index + columns.len()].way);
        }
        let other = patch.search(&to.grey, &starts);
        if other.fit.cost < found[index].fit.cost {
            found[index] = other;
        }
    }
    averaged(from, &patches, &found)
}

/// The mean of the patches at every pixel, each weighted by the inverse of its difference there, which counts
/// as at least one level.
fn averaged(level: &Level, patches: &[Patch], found: &[Found]) -> Flow {
    let (width, height) = (level.grey.width, level.grey.height);
    let mut sums = vec![[0f32; 3]; width * height];
    for (patch, found) in patches.iter().zip(found) {
        for (at, difference) in found.fit.differences.iter().enumerate() {
            let weight = 1.0 / difference.abs().max(1.0);
            let sum = &mut sums[(patch.y + at / PATCH) * width + patch.x + at % PATCH];
            *sum = [sum[0] + weight * found.way[0], sum[1] + weight * found.way[1], sum[2] + weight];
        }
    }
    let data = sums.into_iter().map(|[x, y, weight]| [x / weight, y / weight]).collect();
    Flow { width, height, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pseudo-random number in 0..1 for a lattice point.
    fn chance(x: i32, y: i32) -> f32 {
        let mut n = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
        n = (n ^ (n >> 15)).wrapping_mul(0x2C1B_3C6D);
        (n ^ (n >> 13)) as f32 / u32::MAX as f32
    }

    /// Smooth noise on a lattice with a spacing of `side` pixels.
    fn smooth(x: f32, y: f32, side: f32) -> f32 {
        let (x, y) = (x / side, y / side);
        let (left, top) = (x.floor(), y.floor());
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (fx, fy) = (ease(x - left), ease(y - top));
        let at = |dx: i32, dy: i32| chance(left as i32 + dx, top as i32 + dy);
        let across = |dy: i32| at(0, dy) + fx * (at(1, dy) - at(0, dy));
        across(0) + fy * (across(1) - across(0))
    }

    /// A texture with coarse and fine detail, displaced by `way` pixels.
    fn texture(width: usize, height: usize, way: [f32; 2], level: f32) -> Pyramid {
        let value = |at: usize| {
            let (x, y) = ((at % width) as f32 - way[0], (at / width) as f32 - way[1]);
            level + 80.0 * (smooth(x, y, 23.0) - 0.5) + 60.0 * (smooth(x + 500.0, y, 7.0) - 0.5)
        };
        Pyramid::new(Grey { width, height, data: (0..width * height).map(value).collect() })
    }

    /// Mean distance in pixels between a flow and a displacement, excluding the edges.
    fn error(flow: &Flow, way: [f32; 2], edge: usize) -> f32 {
        let columns = edge..flow.width - edge;
        let off =
            (edge..flow.height - edge).flat_map(|y| columns.clone().map(move |x| (x, y))).map(|(x, y)| {
                let [across, down] = flow.way(x, y);
                (across - way[0]).hypot(down - way[1])
            });
        let off: Vec<f32> = off.collect();
        off.iter().sum::<f32>() / off.len() as f32
    }

    #[test]
    fn finds_parts_of_pixels_and_long_ways() {
        for (way, edge, within) in [([0.0, 0.0], 0, 0.001), ([3.25, -1.5], 8, 0.1), ([-13.0, 6.5], 24, 0.2)] {
            let found = flow(&texture(120, 88, [0.0; 2], 120.0), &texture(120, 88, way, 120.0));
            let off = error(&found, way, edge);
            assert!(off < within, "{way:?}: {off} pixels off");
        }
    }

    #[test]
    fn a_change_of_light_is_no_motion() {
        let found = flow(&texture(64, 48, [0.0; 2], 120.0), &texture(64, 48, [0.0; 2], 140.0));
        assert!(error(&found, [0.0; 2], 0) < 0.01);
    }

    #[test]
    fn where_nothing_can_be_seen_nothing_moves() {
        let flat = |width, height| Pyramid::new(Grey { width, height, data: vec![90.0; width * height] });
        for (one, other) in
            [(flat(40, 24), flat(40, 24)), (flat(7, 30), flat(7, 30)), (flat(40, 24), flat(24, 40))]
        {
            assert!(flow(&one, &other).data.iter().all(|way| *way == [0.0; 2]));
        }
        assert!(flow(&flat(0, 0), &flat(0, 0)).data.is_empty());
        let broken = Pyramid::new(Grey { width: 9, height: 9, data: Vec::new() });
        assert!(flow(&broken, &flat(9, 9)).data.is_empty());
    }

    #[test]
    fn every_size_is_covered_to_its_edges() {
        for (width, height) in [(8, 8), (9, 17), (33, 50), (64, 35)] {
            let found =
                flow(&texture(width, height, [0.0; 2], 100.0), &texture(width, height, [1.0, 0.0], 100.0));
            assert_eq!(found.data.len(), width * height);
            assert!(found.data.iter().flatten().all(|value| value.is_finite()), "{width}x{height}");
        }
    }
}
