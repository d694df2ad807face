//! Grey pictures and their pyramids.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use super::Rgb;

/// Smallest permitted shorter side of a level, in pixels.
const COARSEST: usize = 16;

/// A grey picture in levels of 0..=255, top row first.
#[derive(Debug, Clone, PartialEq)]
pub struct Grey {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `[height, width]` values in levels of 0..=255.
    pub data: Vec<f32>,
}

impl Grey {
    /// Rec. 601 luma of a working picture, rounded to whole levels, so that storing it as bytes does not
    /// change it.
    pub fn luma(picture: &Rgb) -> Self {
        let data = picture.luma().map(|luma| (255.0 * luma).round() as f32).collect();
        Self { width: picture.width, height: picture.height, data }
    }

    /// The values as bytes, without their fractions.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.data.iter().map(|level| level.clamp(0.0, 255.0) as u8).collect()
    }

    /// Bilinear value at a position between pixels; edge pixels extend outwards.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let column = |dx: f32| (left + dx).clamp(0.0, (self.width - 1) as f32) as usize;
        let row = |dy: f32| (top + dy).clamp(0.0, (self.height - 1) as f32) as usize * self.width;
        let (x0, x1, y0, y1) = (column(0.0), column(1.0), row(0.0), row(1.0));
        let across = |y: usize| self.data[y + x0] + fx * (self.data[y + x1] - self.data[y + x0]);
        across(y0) + fy * (across(y1) - across(y0))
    }

    /// Halves the size: means of 2x2 pixels.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let value =
            |x: usize, y: usize| self.data[y.min(self.height - 1) * self.width + x.min(self.width - 1)];
        let mean = |at: usize| {
            let (x, y) = (2 * (at % width), 2 * (at / width));
            0.25 * (value(x, y) + value(x + 1, y) + value(x, y + 1) + value(x + 1, y + 1))
        };
        Self { width, height, data: (0..width * height).map(mean).collect() }
    }
}

/// A picture at successively halved sizes, with its gradients, for optical flow.
#[derive(Debug, Clone)]
pub struct Pyramid {
    /// The levels, finest first.
    pub(super) levels: Vec<Level>,
}

/// One level of a pyramid.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// The grey picture at this level's size.
    pub(super) grey: Grey,
    /// Horizontal and vertical gradient, in grey levels per pixel.
    pub(super) slopes: Vec<[f32; 2]>,
}

impl Pyramid {
    /// Builds all levels of a picture. A picture without pixels has no levels.
    pub fn new(picture: Grey) -> Self {
        let mut levels = Vec::new();
        let mut grey = picture;
        if grey.width.min(grey.height) == 0 || grey.data.len() != grey.width * grey.height {
            return Self { levels };
        }
        while grey.width.min(grey.height) >= 2 * COARSEST {
            let half = grey.halved();
            levels.push(Level::new(std::mem::replace(&mut grey, half)));
        }
        levels.push(Level::new(grey));
        Self { levels }
    }

    /// The level of full size, if any.
    pub(super) fn finest(&self) -> Option<&Grey> {
        self.levels.first().map(|level| &level.grey)
    }
}

impl Level {
    fn new(grey: Grey) -> Self {
        let (width, height) = (grey.width, grey.height);
        let slope = |at: usize| {
            let (x, y) = (at % width, at / width);
            let value = |x: usize, y: usize| grey.data[y * width + x];
            [
                0.5 * (value((x + 1).min(width - 1), y) - value(x.saturating_sub(1), y)),
                0.5 * (value(x, (y + 1).min(height - 1)) - value(x, y.saturating_sub(1))),
            ]
        };
        let slopes = (0..width * height).map(slope).collect();
        Self { grey, slopes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_is_in_whole_levels() {
        let picture = Rgb { width: 2, height: 1, data: vec![1.0, 0.1, 1.0, 0.5, 1.0, 0.9] };
        assert_eq!(Grey::luma(&picture).data, [255.0, (255.0f32 * (0.0299 + 0.2935 + 0.1026)).round()]);
    }

    #[test]
    fn every_level_has_half_the_size_down_to_the_coarsest() {
        let pyramid = |width, height| Pyramid::new(Grey { width, height, data: vec![7.0; width * height] });
        let sizes = |pyramid: &Pyramid| {
            pyramid.levels.iter().map(|level| (level.grey.width, level.grey.height)).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&pyramid(131, 70)), [(131, 70), (66, 35), (33, 18)]);
        assert_eq!(sizes(&pyramid(31, 90)), [(31, 90)]);
        assert!(sizes(&pyramid(0, 5)).is_empty());
        assert!(
            pyramid(131, 70).levels.iter().all(|level| level.grey.data.iter().all(|value| *value == 7.0))
        );
    }
}
