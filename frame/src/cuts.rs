//! Where one shot ends and the next begins.
//!
//! A cut is a frame whose content differs from the frame before it far more than neighbouring frames differ from each
//! other: the adaptive content detector of PySceneDetect (B. Castellano, `AdaptiveDetector`: difference in hue, saturation
//! and value, over its mean in a window of neighbours). This one departs from it in what restyling needs:
//!
//! - Frames are compared as small pictures, and every cell with the best of the 3 x 3 cells around its place, so that grain
//!   and motion count little.
//! - Hue counts as much as there is colour, so that the hue of a grey does not count at all.
//! - Frames that repeat the one before them are no measure of motion: neighbours are those that differ.
//! - A change is a cut only if most of the picture changes, if it does not go back within [`FLASH`] frames, and if it is
//!   not the same picture in another light, nor the first or last one of a fade from or to black.
//! - Whether a frame is a cut follows from the [`REACH`] frames on either side alone, so that overlapping parts of a
//!   clip agree on it: the least length of a shot goes by the stronger of two cuts and not by the earlier one.
//!
//! What comes of it on footage is in docs/cuts.md.

use super::Rgb;

/// Longer side of the small pictures, in cells.
const LONGEST: usize = 48;
/// Least difference of a cut, in levels of 0..=255.
const LEAST: f32 = 5.0;
/// How many times the mean of its neighbours' difference that of a cut is, at least.
const RATIO: f32 = 3.0;
/// How far neighbours are looked for, in frames.
const WINDOW: usize = 8;
/// Neighbours on either side, at most.
const NEIGHBOURS: usize = 4;
/// Where fewer neighbours move, as many that stand still count, so that one cut beside still frames is not all there is.
const FEW: usize = 3;
/// Repeated frames beside a frame from which on nothing moves there. Drawn film shows a frame up to four times.
const STILL: usize = 4;
/// Difference, in levels, below which a frame repeats the one before it.
const REPEATS: f32 = 0.3;
/// Difference, in levels, from which a cell is another one.
const CHANGED: f32 = 3.0;
/// Share of the cells that are other ones after a cut, at least.
const SPREAD: f32 = 0.4;
/// Value, in levels, below which a cell is black, as bars around a picture are.
const BLACK: f32 = 16.0;
/// Share of the cells that a difference is divided by at least, however much is black.
const FEWEST: f32 = 0.25;
/// Frames that a flash lasts at most.
const FLASH: usize = 3;
/// Share of a difference that remains over a flash, at most.
const BACK: f32 = 0.5;
/// Share of the step out of black, or into it, by which the light changes at the frame beside it, at least, in a fade.
const GOES_ON: f32 = 0.25;
/// Correlation from which a picture is the same one in another light.
const SAME: f32 = 0.95;
/// Least variance, in squared levels, of pictures that can be correlated.
const FLAT: f32 = 16.0;
/// Frames of the shortest shot between two cuts that are found.
const SHORTEST: usize = 3;

/// Frames on either side that the decision on a frame depends on.
pub const REACH: usize = SHORTEST - 1 + WINDOW + 1;

/// What of a frame the detector looks at: a small picture of value and colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    width: usize,
    height: usize,
    /// `[height, width]` means of red, green and blue in levels of 0..=255.
    rgb: Vec<[f32; 3]>,
    /// `[height, width]` value and the two coordinates of hue as an angle at the radius of chroma, in the same levels.
    hsv: Vec<[f32; 3]>,
}

impl Glance {
    /// Looks at a working picture.
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

    /// How far a cell of this picture is from the nearest of the cells around its place in the other, in levels.
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

    /// How much two pictures differ.
    fn compare(&self, other: &Self) -> Difference {
        if (self.width, self.height) != (other.width, other.height) {
            return Difference { levels: 255.0, spread: 1.0 };
        }
        // The same way in both directions: what comes into the picture counts as what goes out of it.
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

    /// Mean value, in levels.
    fn light(&self) -> f32 {
        self.hsv.iter().map(|cell| cell[0]).sum::<f32>() / self.hsv.len().max(1) as f32
    }

    /// Whether a brighter, darker, stronger or duller light is all that parts two pictures.
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

/// How two frames differ.
#[derive(Clone, Copy)]
struct Difference {
    /// In levels, over the picture.
    levels: f32,
    /// Share of the picture that is another one, 0..=1.
    spread: f32,
}

/// Indices of the frames with which another shot begins, in order; never 0. A decision on a frame that has [`REACH`]
/// frames on either side does not depend on any others.
pub fn cuts(frames: &[Glance]) -> Vec<usize> {
    let pairs = frames.windows(2).map(|pair| pair[0].compare(&pair[1]));
    // Frame i with the one before it; nothing is before the first.
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

/// Whether a frame differs from the one before it as frames around it do not, and everywhere.
fn stands_out(steps: &[Difference], frame: usize) -> bool {
    let step = steps[frame];
    if step.levels < LEAST || step.spread < SPREAD {
        return false;
    }
    let mean = |side: &[usize]| {
        // What moves farther off is another cut of a slide show, or does not matter.
        if side.len() >= STILL && side.iter().take(STILL).all(|&frame| steps[frame].levels < REPEATS) {
            return Some(0.0);
        }
        let moves = side.iter().map(|&frame| steps[frame].levels).filter(|&levels| levels >= REPEATS);
        let near: Vec<f32> = moves.take(NEIGHBOURS).collect();
        // Beside an end of the clip little is known, and what moves counts alone.
        let count = if side.len() < WINDOW { near.len() } else { near.len().max(FEW) };
        (count > 0).then(|| near.iter().sum::<f32>() / count as f32)
    };
    let before: Vec<usize> = (frame.saturating_sub(WINDOW).max(1)..frame).rev().collect();
    let after: Vec<usize> = (frame + 1..(frame + WINDOW + 1).min(steps.len())).collect();
    let sides: Vec<f32> = [mean(&before), mean(&after)].into_iter().flatten().collect();
    let mean = sides.iter().sum::<f32>() / sides.len().max(1) as f32;
    step.levels >= RATIO * mean
}

/// Whether what a frame changes stays changed, and is more than the light.
fn stays(frames: &[Glance], steps: &[Difference], frame: usize) -> bool {
    let Some(before) = frame.checked_sub(1) else { return false };
    let limit = BACK * steps[frame].levels;
    let remains = |one: usize, other: usize| frames[one].compare(&frames[other]).levels >= limit;
    (frame + 1..=(frame + FLASH).min(frames.len() - 1)).all(|later| remains(before, later))
        && (before.saturating_sub(FLASH)..before).all(|earlier| remains(earlier, frame))
        && !frames[before].in_another_light(&frames[frame])
        && !fades(frames, before, frame)
}

/// Whether a picture comes out of black, or goes into it, by degrees. The step beside black stands out of a fade: in
/// black no cell is near to another one's.
fn fades(frames: &[Glance], before: usize, frame: usize) -> bool {
    let goes_on = |black: usize, dim: usize, next: Option<usize>| {
        let Some(next) = next.and_then(|next| frames.get(next)) else { return false };
        let [black, dim] = [&frames[black], &frames[dim]];
        black.hsv.iter().all(|cell| cell[0] < BLACK)
            && next.light() - dim.light() >= GOES_ON * (dim.light() - black.light())
    };
    goes_on(before, frame, Some(frame + 1)) || goes_on(frame, before, before.checked_sub(1))
}
