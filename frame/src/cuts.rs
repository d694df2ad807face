//! Cut detection: where one shot ends and the next begins.
//!
//! A cut is a frame whose content differs from the previous frame far more than neighbouring frames differ
//! from each other. The method is the adaptive content detector of PySceneDetect (B. Castellano,
//! `AdaptiveDetector`: difference in hue, saturation and value, divided by its mean in a window of
//! neighbours), with these changes for restyling:
//!
//! - Frames are compared at low resolution, and every cell with the most similar of the 3 x 3 cells around
//!   its position, so that grain and motion have little influence.
//! - Hue is weighted by chroma, so that the hue of greys has no influence.
//! - Frames that repeat the previous one are not used to measure motion: the neighbours are the frames that
//!   differ.
//! - A change is a cut only if most of the picture changes, if the picture does not return within [`FLASH`]
//!   frames, and if it is not only a change of light or the first or last frame of a fade from or to black.
//! - Whether a frame is a cut depends only on the [`REACH`] frames on either side, so that overlapping parts
//!   of a clip give the same result: of two cuts that are closer than the shortest shot, the stronger one is
//!   kept, not the earlier one.
//!
//! Results on footage are in docs/cuts.md.

#![expect(clippy::cast_precision_loss, reason = "pixel arithmetic: sides, coordinates and samples")]

use super::Rgb;

/// Longer side of the low-resolution pictures, in cells.
const LONGEST: usize = 48;
/// Minimum difference at a cut, in levels of 0..=255.
const LEAST: f32 = 5.0;
/// Minimum ratio of a cut's difference to the mean difference of its neighbours.
const RATIO: f32 = 3.0;
/// Range in which neighbours are searched, in frames.
const WINDOW: usize = 8;
/// Maximum number of neighbours on either side.
const NEIGHBOURS: usize = 4;
/// Minimum number of neighbours to average; if fewer differ, still ones are included, so that a second cut
/// beside still frames is not the only neighbour.
const FEW: usize = 3;
/// Number of repeated frames next to a frame from which that side counts as still. Animation repeats a frame
/// up to four times.
const STILL: usize = 4;
/// Difference in levels below which a frame repeats the previous one.
const REPEATS: f32 = 0.3;
/// Difference in levels from which a cell counts as changed.
const CHANGED: f32 = 3.0;
/// Minimum share of changed cells at a cut.
const SPREAD: f32 = 0.4;
/// HSV value in levels below which a cell is black, such as letterbox bars.
const BLACK: f32 = 16.0;
/// Minimum share of cells by which a difference is divided, even if more of the picture is black.
const FEWEST: f32 = 0.25;
/// Maximum length of a flash in frames.
const FLASH: usize = 3;
/// Maximum share of a difference that remains after a flash.
const BACK: f32 = 0.5;
/// Minimum change of brightness in the frame next to a fade's first or last step, as a share of that step.
const GOES_ON: f32 = 0.25;
/// Correlation from which two pictures count as the same under different light.
const SAME: f32 = 0.95;
/// Minimum variance of pictures whose correlation is meaningful, in squared levels.
const FLAT: f32 = 16.0;
/// Minimum length of a shot between two cuts, in frames.
const SHORTEST: usize = 3;

/// Number of frames on either side on which the decision about a frame depends.
pub const REACH: usize = SHORTEST - 1 + WINDOW + 1;

/// A frame as the detector sees it: a low-resolution picture in RGB and HSV.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    width: usize,
    height: usize,
    /// `[height, width]` mean red, green and blue in levels of 0..=255.
    rgb: Vec<[f32; 3]>,
    /// `[height, width]` value, and hue and chroma in Cartesian coordinates, in the same levels.
    hsv: Vec<[f32; 3]>,
}

impl Glance {
    /// Downscales a working picture.
    pub fn new(picture: &Rgb) -> Self {
        let longer = picture.width.max(picture.height).max(1);
        let cells = |side: usize| (side * LONGEST).div_ceil(longer).clamp(1, side.max(1)).min(LONGEST);
        let (width, height) = (cells(picture.width), cells(picture.height));
        let plane = picture.width * picture.height;
        let mean = |cell: usize| {
            let (x, y) = (cell % width, cell / width);
            let columns = x * picture.width / width..(x + 1) * picture.width / width;
            let rows = y * picture.height / height..(y + 1) * picture.height / height;
            let count = (columns.len() * rows.len()).max(1) as f32;
            [0, 1, 2].map(|channel| {
                let row = |y: usize| channel * plane + y * picture.width;
                let sums = rows.clone().filter_map(|y| {
                    picture
                        .data
                        .get(row(y) + columns.start..row(y) + columns.end)
                        .map(|r| r.iter().sum::<f32>())
                });
                255.0 * sums.sum::<f32>() / count
            })
        };
        let rgb: Vec<[f32; 3]> = (0..width * height).map(mean).collect();
        let hsv = rgb.iter().map(|&[r, g, b]| [r.max(g).max(b), r - (g + b) / 2.0, (g - b) * 0.75f32.sqrt()]);
        Self { width, height, hsv: hsv.collect(), rgb }
    }

    /// Distance in levels between a cell and the most similar of the cells around its position in the other
    /// picture.
    fn distance(&self, other: &Self, cell: usize) -> f32 {
        let (x, y) = (cell % self.width, cell / self.width);
        let [value, across, along] = self.hsv[cell];
        let mut least = f32::INFINITY;
        for y in y.saturating_sub(1)..(y + 2).min(self.height) {
            for x in x.saturating_sub(1)..(x + 2).min(self.width) {
                let there = other.hsv[y * self.width + x];
                let colour = (across - there[1]).hypot(along - there[2]);
                least = least.min(0.5 * ((value - there[0]).abs() + colour));
            }
        }
        least
    }

    /// The difference between two pictures; symmetric.
    fn compare(&self, other: &Self) -> Difference {
        if (self.width, self.height) != (other.width, other.height) {
            return Difference { levels: 255.0, spread: 1.0 };
        }
        // Compared in both directions: content that enters the picture counts as much as content that leaves
        // it.
        let (mut there, mut back, mut changed, mut lit) = (0.0, 0.0, 0, 0);
        for cell in 0..self.hsv.len() {
            if self.hsv[cell][0].max(other.hsv[cell][0]) < BLACK {
                continue;
            }
            let (one, two) = (self.distance(other, cell), other.distance(self, cell));
            there += one;
            back += two;
            lit += 1;
            changed += usize::from(one.max(two) > CHANGED);
        }
        let counted = (lit as f32).max(FEWEST * self.hsv.len() as f32).max(1.0);
        Difference { levels: f32::max(there, back) / counted, spread: changed as f32 / lit.max(1) as f32 }
    }

    /// Mean HSV value, in levels.
    fn light(&self) -> f32 {
        self.hsv.iter().map(|cell| cell[0]).sum::<f32>() / self.hsv.len().max(1) as f32
    }

    /// Whether the pictures differ only in the intensity or contrast of the light.
    fn in_another_light(&self, other: &Self) -> bool {
        let lit: Vec<usize> =
            (0..self.hsv.len()).filter(|&cell| self.hsv[cell][0].max(other.hsv[cell][0]) >= BLACK).collect();
        let count = (3 * lit.len()).max(1) as f32;
        let mean = |of: &Self| lit.iter().flat_map(|&cell| of.rgb[cell]).sum::<f32>() / count;
        let (mine, its) = (mean(self), mean(other));
        let (mut both, mut one, mut two) = (0.0, 0.0, 0.0);
        for &cell in &lit {
            for (a, b) in self.rgb[cell].into_iter().zip(other.rgb[cell]) {
                both += (a - mine) * (b - its);
                one += (a - mine) * (a - mine);
                two += (b - its) * (b - its);
            }
        }
        one.min(two) >= FLAT * count && both >= SAME * (one * two).sqrt()
    }
}

/// Difference between two frames.
#[derive(Clone, Copy)]
struct Difference {
    /// Mean difference in levels.
    levels: f32,
    /// Share of changed cells, 0..=1.
    spread: f32,
}

/// Indices of the frames that start a new shot, in ascending order; never 0. A decision about a frame with
/// [`REACH`] frames on either side does not depend on frames further away.
pub fn cuts(frames: &[Glance]) -> Vec<usize> {
    let pairs = frames.windows(2).map(|pair| pair[0].compare(&pair[1]));
    // Difference of frame i from the previous one; the first frame has none.
    let steps: Vec<Difference> =
        std::iter::once(Difference { levels: 0.0, spread: 0.0 }).chain(pairs).collect();
    let strength: Vec<f32> = (0..frames.len())
        .map(|frame| {
            if stands_out(&steps, frame) && stays(frames, &steps, frame) { steps[frame].levels } else { 0.0 }
        })
        .collect();
    let stronger = |one: usize, other: usize| {
        strength[one] > strength[other] || (strength[one] == strength[other] && one < other)
    };
    (0..frames.len())
        .filter(|&frame| strength[frame] > 0.0)
        .filter(|&frame| {
            let near = frame.saturating_sub(SHORTEST - 1)..(frame + SHORTEST).min(frames.len());
            near.into_iter().all(|other| other == frame || stronger(frame, other))
        })
        .collect()
}

/// Whether a frame differs from the previous one much more than its neighbours do, in most of the picture.
fn stands_out(steps: &[Difference], frame: usize) -> bool {
    let step = steps[frame];
    if step.levels < LEAST || step.spread < SPREAD {
        return false;
    }
    let mean = |side: &[usize]| {
        // Motion beyond repeated frames belongs to another cut, as in a slide show, or is irrelevant.
        if side.len() >= STILL && side.iter().take(STILL).all(|&frame| steps[frame].levels < REPEATS) {
            return Some(0.0);
        }
        let moves = side.iter().map(|&frame| steps[frame].levels).filter(|&levels| levels >= REPEATS);
        let near: Vec<f32> = moves.take(NEIGHBOURS).collect();
        // At an end of the clip there are few frames, so only those that differ are averaged.
        let count = if side.len() < WINDOW { near.len() } else { near.len().max(FEW) };
        (count > 0).then(|| near.iter().sum::<f32>() / count as f32)
    };
    let before: Vec<usize> = (frame.saturating_sub(WINDOW).max(1)..frame).rev().collect();
    let after: Vec<usize> = (frame + 1..(frame + WINDOW + 1).min(steps.len())).collect();
    let sides: Vec<f32> = [mean(&before), mean(&after)].into_iter().flatten().collect();
    let mean = sides.iter().sum::<f32>() / sides.len().max(1) as f32;
    step.levels >= RATIO * mean
}

/// Whether a change persists and is more than a change of light.
fn stays(frames: &[Glance], steps: &[Difference], frame: usize) -> bool {
    let Some(before) = frame.checked_sub(1) else { return false };
    let limit = BACK * steps[frame].levels;
    let remains = |one: usize, other: usize| frames[one].compare(&frames[other]).levels >= limit;
    (frame + 1..=(frame + FLASH).min(frames.len() - 1)).all(|later| remains(before, later))
        && (before.saturating_sub(FLASH)..before).all(|earlier| remains(earlier, frame))
        && !frames[before].in_another_light(&frames[frame])
        && !fades(frames, before, frame)
}

/// Whether a picture fades from or to black. The step next to black stands out from the rest of a fade,
/// because in black no cell is similar to any other.
fn fades(frames: &[Glance], before: usize, frame: usize) -> bool {
    let goes_on = |black: usize, dim: usize, next: Option<usize>| {
        let Some(next) = next.and_then(|next| frames.get(next)) else { return false };
        let [black, dim] = [&frames[black], &frames[dim]];
        black.hsv.iter().all(|cell| cell[0] < BLACK)
            && next.light() - dim.light() >= GOES_ON * (dim.light() - black.light())
    };
    goes_on(before, frame, Some(frame + 1)) || goes_on(frame, before, before.checked_sub(1))
}
