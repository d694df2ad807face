//! Parameter values over time.

use std::ffi::CString;

use crate::whole::to_i32;

/// A value of any parameter type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One to three integers, a boolean, or the index of a choice.
    Ints(Vec<i32>),
    /// One to four doubles.
    Doubles(Vec<f64>),
    /// A string, or the option name of a string choice.
    Text(CString),
    /// The bytes of a bytes parameter.
    Bytes(Vec<u8>),
    /// No value: a group, page or button.
    None,
}

/// The value of a parameter: a constant, or keyframes.
#[derive(Clone, Debug)]
pub struct Curve {
    fixed: Value,
    /// Sorted by time, at most one per time.
    keys: Vec<(f64, Value)>,
    /// Whether values between keys are interpolated linearly; otherwise a key holds until the next one.
    smooth: bool,
}

impl Curve {
    /// A curve without keys.
    pub fn new(fixed: Value, smooth: bool) -> Self {
        Self { fixed, keys: Vec::new(), smooth }
    }

    /// The value at a time in frames.
    pub fn at(&self, time: f64) -> Value {
        let Some((first, last)) = self.keys.first().zip(self.keys.last()) else {
            return self.fixed.clone();
        };
        if time <= first.0 || time.is_nan() {
            return first.1.clone();
        }
        if time >= last.0 {
            return last.1.clone();
        }
        let after = self.keys.partition_point(|key| key.0 <= time);
        let ((t0, a), (t1, b)) = (&self.keys[after - 1], &self.keys[after]);
        if !self.smooth {
            return a.clone();
        }
        mix(a, b, (time - t0) / (t1 - t0))
    }

    /// Removes all keys and sets a constant.
    pub fn set(&mut self, value: Value) {
        self.keys.clear();
        self.fixed = value;
    }

    /// Sets or replaces the key at a time.
    pub fn set_key(&mut self, time: f64, value: Value) {
        let place = self.keys.partition_point(|key| key.0 < time);
        match self.keys.get_mut(place) {
            Some(key) if key.0 == time => key.1 = value,
            _ => self.keys.insert(place, (time, value)),
        }
    }

    /// The keys in the order of their times.
    pub fn keys(&self) -> &[(f64, Value)] {
        &self.keys
    }

    /// Removes the key at a time. Returns whether there was one.
    pub fn delete(&mut self, time: f64) -> bool {
        let Some(place) = self.keys.iter().position(|key| key.0 == time) else {
            return false;
        };
        let gone = self.keys.remove(place);
        if self.keys.is_empty() {
            self.fixed = gone.1;
        }
        true
    }

    /// Removes all keys and keeps the value of the first one.
    pub fn delete_all(&mut self) {
        if let Some(first) = self.keys.first() {
            self.fixed = first.1.clone();
        }
        self.keys.clear();
    }

    /// The derivative per frame of each double; at a key, that of the segment after it.
    pub fn derivative(&self, time: f64) -> Vec<f64> {
        let flat = |value: &Value| doubles(value).iter().map(|_| 0.0).collect();
        let after = self.keys.partition_point(|key| key.0 <= time);
        if after == 0 || after >= self.keys.len() || !self.smooth {
            return flat(&self.at(time));
        }
        let ((t0, a), (t1, b)) = (&self.keys[after - 1], &self.keys[after]);
        let pairs = doubles(a).into_iter().zip(doubles(b));
        pairs.map(|(a, b)| (b - a) / (t1 - t0)).collect()
    }

    /// The integral of each double between two times.
    pub fn integral(&self, from: f64, to: f64) -> Vec<f64> {
        if to < from {
            return self.integral(to, from).into_iter().map(|sum| -sum).collect();
        }
        // The curve is piecewise linear, so the trapezoidal rule between neighbouring keys is exact.
        let mut stops = vec![from];
        stops.extend(self.keys.iter().map(|key| key.0).filter(|&t| t > from && t < to));
        stops.push(to);
        let mut sums = vec![0.0; doubles(&self.at(from)).len()];
        for pair in stops.windows(2) {
            let (a, b) = (doubles(&self.at(pair[0])), doubles(&self.at(pair[1])));
            for (sum, (a, b)) in sums.iter_mut().zip(a.into_iter().zip(b)) {
                *sum += (a + b) / 2.0 * (pair[1] - pair[0]);
            }
        }
        sums
    }
}

fn doubles(value: &Value) -> Vec<f64> {
    match value {
        Value::Doubles(values) => values.clone(),
        Value::Ints(values) => values.iter().map(|&v| f64::from(v)).collect(),
        _ => Vec::new(),
    }
}

fn mix(a: &Value, b: &Value, part: f64) -> Value {
    let between = |a: f64, b: f64| a + (b - a) * part;
    match (a, b) {
        (Value::Doubles(a), Value::Doubles(b)) => {
            Value::Doubles(a.iter().zip(b).map(|(&a, &b)| between(a, b)).collect())
        }
        (Value::Ints(a), Value::Ints(b)) => Value::Ints(
            a.iter().zip(b).map(|(&a, &b)| to_i32(between(f64::from(a), f64::from(b)).round())).collect(),
        ),
        (a, _) => a.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Curve {
        let mut curve = Curve::new(Value::Doubles(vec![5.0]), true);
        curve.set_key(30.0, Value::Doubles(vec![2.0]));
        curve.set_key(10.0, Value::Doubles(vec![0.0]));
        curve.set_key(20.0, Value::Doubles(vec![1.0]));
        curve
    }

    #[test]
    fn keys_are_joined_by_straight_lines() {
        let curve = ramp();
        let at = |time| doubles(&curve.at(time))[0];
        assert_eq!([at(-5.0), at(10.0), at(15.0), at(25.0), at(99.0)], [0.0, 0.0, 0.5, 1.5, 2.0]);
        assert_eq!(curve.derivative(15.0), [0.1]);
        assert_eq!(curve.derivative(0.0), [0.0]);
        assert_eq!(curve.derivative(30.0), [0.0]);
        assert!((curve.integral(0.0, 40.0)[0] - 40.0).abs() < 1e-12);
        assert_eq!(curve.integral(20.0, 10.0), [-5.0]);
    }

    #[test]
    fn texts_and_choices_hold() {
        let mut curve = Curve::new(Value::Ints(vec![0]), false);
        curve.set_key(1.0, Value::Ints(vec![3]));
        curve.set_key(9.0, Value::Ints(vec![7]));
        assert_eq!(curve.at(8.9), Value::Ints(vec![3]));
        assert_eq!(curve.at(9.0), Value::Ints(vec![7]));
        let mut smooth = Curve::new(Value::Ints(vec![0]), true);
        smooth.set_key(0.0, Value::Ints(vec![0]));
        smooth.set_key(4.0, Value::Ints(vec![10]));
        assert_eq!(smooth.at(1.0), Value::Ints(vec![3]));
    }

    #[test]
    fn keys_come_and_go() {
        let mut curve = ramp();
        curve.set_key(20.0, Value::Doubles(vec![9.0]));
        assert_eq!(curve.keys().len(), 3);
        assert!(curve.delete(20.0) && !curve.delete(21.0));
        curve.delete_all();
        assert_eq!(curve.at(0.0), Value::Doubles(vec![0.0]));
        curve.set(Value::Doubles(vec![4.0]));
        assert_eq!(curve.at(100.0), Value::Doubles(vec![4.0]));
    }
}
