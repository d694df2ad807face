//! Rectangles in pixels and in canonical coordinates.

use openfx_sys::OfxRectD;

/// A rectangle in pixels, half-open: `x2` and `y2` are outside. `y` points up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RectI {
    /// First column in pixels.
    pub x1: i32,
    /// Bottom row in pixels.
    pub y1: i32,
    /// One past the last column.
    pub x2: i32,
    /// One past the top row.
    pub y2: i32,
}

impl RectI {
    /// Number of columns; 0 if `x2 <= x1`.
    pub fn width(&self) -> usize {
        extent(self.x1, self.x2)
    }

    /// Number of rows; 0 if `y2 <= y1`.
    pub fn height(&self) -> usize {
        extent(self.y1, self.y2)
    }

    /// Whether it contains no pixel.
    pub fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }

    /// The intersection; empty if the rectangles are disjoint.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let both = Self {
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
            x2: self.x2.min(other.x2),
            y2: self.y2.min(other.y2),
        };
        if both.is_empty() { Self::default() } else { both }
    }
}

fn extent(from: i32, to: i32) -> usize {
    usize::try_from(i64::from(to) - i64::from(from)).unwrap_or(0)
}

/// A rectangle in canonical coordinates: pixels at full scale, with x multiplied by the pixel aspect ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RectD {
    /// Left edge, in canonical coordinates.
    pub x1: f64,
    /// Bottom edge, in canonical coordinates.
    pub y1: f64,
    /// Right edge, in canonical coordinates.
    pub x2: f64,
    /// Top edge, in canonical coordinates.
    pub y2: f64,
}

impl From<OfxRectD> for RectD {
    fn from(rect: OfxRectD) -> Self {
        Self { x1: rect.x1, y1: rect.y1, x2: rect.x2, y2: rect.y2 }
    }
}

impl RectD {
    /// Whether it has a positive area and finite coordinates.
    pub fn is_usable(&self) -> bool {
        [self.x1, self.y1, self.x2, self.y2].iter().all(|corner| corner.is_finite())
            && self.x2 > self.x1
            && self.y2 > self.y1
    }
}
