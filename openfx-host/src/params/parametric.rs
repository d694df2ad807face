//! The curves of parametric parameters: control points joined by straight lines.
//!
//! Sufficient for plugins that require the suite; curves are neither drawn nor animated.

use openfx_sys::*;

use crate::props::PropertySet;
use crate::status::SuiteResult;

/// The curves of one parametric parameter.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    curves: Vec<Vec<(f64, f64)>>,
}

impl Curves {
    /// Empty curves, as many as the properties say.
    pub fn new(props: &PropertySet) -> Self {
        let count = props.first::<i32>(kOfxParamPropParametricDimension).unwrap_or(0);
        Self { curves: vec![Vec::new(); usize::try_from(count).unwrap_or(0)] }
    }

    fn curve(&mut self, index: i32) -> SuiteResult<&mut Vec<(f64, f64)>> {
        let index = usize::try_from(index).map_err(|_| kOfxStatErrBadIndex)?;
        // The plugin may set the dimension after it defined the parameter.
        if index >= self.curves.len() && index < 64 {
            self.curves.resize(index + 1, Vec::new());
        }
        self.curves.get_mut(index).ok_or(kOfxStatErrBadIndex)
    }

    /// The value of a curve at a position; the identity if it has no points.
    pub fn value(&mut self, index: i32, position: f64) -> SuiteResult<f64> {
        let points = self.curve(index)?;
        let Some((first, last)) = points.first().zip(points.last()) else {
            return Ok(position);
        };
        if position <= first.0 {
            return Ok(first.1);
        }
        if position >= last.0 {
            return Ok(last.1);
        }
        let after = points.partition_point(|point| point.0 <= position);
        let ((x0, y0), (x1, y1)) = (points[after - 1], points[after]);
        Ok(y0 + (y1 - y0) * (position - x0) / (x1 - x0))
    }

    /// Number of control points of a curve.
    pub fn count(&mut self, index: i32) -> SuiteResult<i32> {
        i32::try_from(self.curve(index)?.len()).map_err(|_| kOfxStatErrValue)
    }

    /// Position and value of a control point.
    pub fn point(&mut self, index: i32, nth: i32) -> SuiteResult<(f64, f64)> {
        let points = self.curve(index)?;
        usize::try_from(nth).ok().and_then(|nth| points.get(nth).copied()).ok_or(kOfxStatErrBadIndex)
    }

    /// Adds a control point, or replaces the one at the same position.
    pub fn add(&mut self, index: i32, key: f64, value: f64) -> SuiteResult<()> {
        let points = self.curve(index)?;
        let place = points.partition_point(|point| point.0 < key);
        match points.get_mut(place) {
            Some(point) if point.0 == key => point.1 = value,
            _ => points.insert(place, (key, value)),
        }
        Ok(())
    }

    /// Removes a control point of a curve.
    pub fn remove(&mut self, index: i32, nth: i32) -> SuiteResult<()> {
        self.point(index, nth)?;
        let nth = usize::try_from(nth).map_err(|_| kOfxStatErrBadIndex)?;
        self.curve(index)?.remove(nth);
        Ok(())
    }

    /// Removes all control points of a curve.
    pub fn clear(&mut self, index: i32) -> SuiteResult<()> {
        self.curve(index)?.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_joined_by_straight_lines() {
        let mut curves = Curves::default();
        assert_eq!(curves.value(0, 0.3), Ok(0.3));
        curves.add(0, 1.0, 2.0).unwrap();
        curves.add(0, 0.0, 1.0).unwrap();
        assert_eq!(curves.value(0, 0.5), Ok(1.5));
        assert_eq!(curves.value(0, 9.0), Ok(2.0));
        assert_eq!(curves.count(0), Ok(2));
        assert_eq!(curves.point(0, 2), Err(kOfxStatErrBadIndex));
        curves.remove(0, 0).unwrap();
        assert_eq!(curves.point(0, 0), Ok((1.0, 2.0)));
        assert_eq!(curves.count(-1), Err(kOfxStatErrBadIndex));
    }
}
