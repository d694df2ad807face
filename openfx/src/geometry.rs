//! Rectangles as the effect sees them.

use openfx_sys::OfxRectD;

/// Pixels; `x2` and `y2` are the first ones outside. `y` grows upwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RectI {
    /// Left column.
    pub x1: i32,
    /// Bottom row.
    pub y1: i32,
    /// Right of the last column.
    pub x2: i32,
    /// Above the last row.
    pub y2: i32,
}

impl RectI {
    /// Columns, 0 if the rectangle is inside out.
    pub fn width(&self) -> usize {
        extent(self.x1, self.x2)
    }

    /// Rows, 0 if the rectangle is inside out.
    pub fn height(&self) -> usize {
        extent(self.y1, self.y2)
    }

    /// Whether no pixel is inside.
    pub fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }

    /// What both cover; empty where they do not touch.
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

/// Canonical coordinates: pixels at full scale, times the pixel aspect ratio in x.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RectD {
    /// Left.
    pub x1: f64,
    /// Bottom.
    pub y1: f64,
    /// Right.
    pub x2: f64,
    /// Top.
    pub y2: f64,
}

impl From<OfxRectD> for RectD {
    fn from(rect: OfxRectD) -> Self {
        Self { x1: rect.x1, y1: rect.y1, x2: rect.x2, y2: rect.y2 }
    }
}

impl RectD {
    /// Whether it has an area and its corners are numbers.
    pub fn is_usable(&self) -> bool {
        [self.x1, self.y1, self.x2, self.y2].iter().all(|corner| corner.is_finite())
            && self.x2 > self.x1
            && self.y2 > self.y1
    }
}
