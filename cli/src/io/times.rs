//! Timestamps of the frames of a clip.

use frame::convert::{to_f64, to_time, to_u32, to_u64, u64_to_f64};

/// The length of a tick as a fraction of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Numerator of the fraction, in seconds.
    pub numerator: u32,
    /// Denominator of the fraction.
    pub denominator: u32,
}

impl Tick {
    /// The length of the tick in seconds.
    pub fn seconds(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

/// The timestamps of a clip's frames, in ticks from its first frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    tick: Tick,
    /// Start of every frame, ascending; the first is 0.
    starts: Vec<u64>,
    /// End of the last frame.
    end: u64,
    /// Seconds from the beginning of the file to its first frame: sound may begin earlier.
    late: f64,
}

impl Times {
    /// `frames` frames at a constant rate.
    pub fn even(fps: f64, frames: u32) -> Self {
        let (rate, scale) = rate(fps);
        let starts = (0..u64::from(frames)).collect();
        Self { tick: Tick { numerator: scale, denominator: rate }, starts, end: u64::from(frames), late: 0.0 }
    }

    /// `frames` frames at a constant rate, with the start offset of these.
    pub fn at_rate(&self, fps: f64, frames: u32) -> Self {
        Self { late: self.late, ..Self::even(fps, frames) }
    }

    /// Frames with these timestamps in ticks, the last one ending at `end`, in a file whose clock begins at `zero`. A
    /// constant rate that was merely rounded to ticks is restored exactly: one of `rates`, which the file states, or
    /// one derived from the timestamps. `None` if the timestamps do not ascend.
    pub fn from_ticks(tick: Tick, times: &[i64], end: i64, zero: f64, rates: &[f64]) -> Option<Self> {
        let (first, last) = (*times.first()?, *times.last()?);
        if times.windows(2).any(|pair| pair[0] >= pair[1]) || end <= last {
            return None;
        }
        let seconds = |ticks: i64| to_time(ticks) * tick.seconds();
        let late = seconds(first) - zero;
        // The clock of the file is accurate to a microsecond.
        let late = if late.abs() < 2e-6 { 0.0 } else { late };
        let frames = u32::try_from(times.len()).ok()?;
        let rounding = tick.seconds() * 1.01;
        for fps in rates.iter().copied().chain(found_rates(tick, times)).filter(|&fps| fps > 0.0) {
            let mut even = Self { late, ..Self::even(fps, frames) };
            let step = even.tick.seconds();
            let off =
                |(nth, &time): (usize, &i64)| (seconds(time - first) - to_f64(nth) * step).abs() > rounding;
            if !times.iter().enumerate().any(off) {
                let held = to_u64((seconds(end - first) / step).round());
                even.end = held.max(even.end);
                return Some(even);
            }
        }
        let from_first = |time: i64| u64::try_from(time - first).unwrap_or(0);
        let starts = times.iter().map(|&time| from_first(time)).collect();
        Some(Self { tick, starts, end: from_first(end), late })
    }

    /// Frames with these durations in seconds, as animated images store them.
    pub fn from_durations(seconds: &[f64]) -> Self {
        // Players show a frame with a duration of 0 for a tenth of a second.
        let length = |seconds: f64| if seconds > 0.0 { seconds } else { 0.1 };
        let frames = u32::try_from(seconds.len()).unwrap_or(u32::MAX);
        let first = length(seconds.first().copied().unwrap_or(0.0));
        if seconds.iter().all(|&other| (length(other) - first).abs() < 1e-6) {
            return Self::even(1.0 / first, frames);
        }
        // MPEG's clock: hundredths of a second and milliseconds are multiples of its ticks.
        const CLOCK: u32 = 90_000;
        let ticks = |seconds: f64| to_u64((seconds * f64::from(CLOCK)).round());
        let mut starts = Vec::with_capacity(seconds.len());
        let mut time = 0.0;
        for &duration in seconds {
            starts.push(ticks(time));
            time += length(duration).max(1.0 / f64::from(CLOCK));
        }
        Self { tick: Tick { numerator: 1, denominator: CLOCK }, starts, end: ticks(time), late: 0.0 }
    }

    /// Frames `first` to `last`, counted from 1, as a separate clip that begins with the first of them.
    pub fn part(&self, first: u32, last: u32) -> Self {
        let (first, last) = (first.max(1) as usize - 1, (last as usize).min(self.starts.len()));
        let zero = self.starts.get(first).copied().unwrap_or(0);
        let end = self.starts.get(last).copied().unwrap_or(self.end);
        let starts =
            self.starts.get(first..last).unwrap_or_default().iter().map(|time| time - zero).collect();
        Self { tick: self.tick, starts, end: end - zero, late: 0.0 }
    }

    /// The same timestamps in ticks fine enough for a late start, which ffmpeg rounds to ticks, too.
    pub fn finer(&self) -> Self {
        /// Minimum number of ticks per second: a start is then off by at most 1/40 000 s.
        const ENOUGH: u32 = 20_000;
        let Tick { numerator, denominator } = self.tick;
        let factor = ENOUGH.div_ceil(denominator);
        let each = u64::from(numerator) * u64::from(factor);
        Self {
            tick: Tick { numerator: 1, denominator: denominator * factor },
            starts: self.starts.iter().map(|start| start * each).collect(),
            end: self.end * each,
            late: self.late,
        }
    }

    /// The length of a tick.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// The start of a frame in ticks; `index` counts from 0. Frames beyond the last are as long as the last.
    pub fn start(&self, index: usize) -> u64 {
        match self.starts.get(index) {
            Some(start) => *start,
            None => {
                let length = self.end - self.starts.last().copied().unwrap_or(0);
                self.end + (index - self.starts.len()) as u64 * length
            }
        }
    }

    /// The start of a frame in seconds from the first one; `index` counts from 0, and the number of frames gives the
    /// end of the clip.
    pub fn seconds(&self, index: usize) -> f64 {
        u64_to_f64(self.start(index)) * self.tick.seconds()
    }

    /// Seconds from the beginning of the file to its first frame; negative if the sound begins later.
    pub fn late(&self) -> f64 {
        self.late
    }

    /// Whether all frames, including the last, are one tick long.
    pub fn is_even(&self) -> bool {
        self.starts_evenly() && self.end == self.starts.len() as u64
    }

    fn starts_evenly(&self) -> bool {
        self.starts.iter().enumerate().all(|(nth, &start)| nth as u64 == start)
    }

    /// The duration in ticks of the frame `last`, counted from 0, if it differs from that of the frame before.
    pub fn last_held(&self, last: usize) -> Option<u64> {
        let length = self.start(last + 1) - self.start(last);
        let before = last.checked_sub(1).map_or(1, |before| self.start(last) - self.start(before));
        (length != before).then_some(length)
    }

    /// Frames per second; an average if the rate varies.
    pub fn fps(&self) -> f64 {
        let tick = self.tick;
        if self.starts_evenly() {
            return f64::from(tick.denominator) / f64::from(tick.numerator);
        }
        to_f64(self.starts.len()) / (u64_to_f64(self.end) * tick.seconds())
    }
}

/// Candidate frame rates of timestamps: from the median step and from the mean one, which is meaningful only if
/// a step has many ticks.
fn found_rates(tick: Tick, times: &[i64]) -> Vec<f64> {
    let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    let Some(&usual) = steps.get(steps.len() / 2) else { return Vec::new() };
    let mean = to_time(steps.iter().sum::<i64>()) / to_f64(steps.len());
    let mut rates = vec![1.0 / (to_time(usual) * tick.seconds())];
    if usual >= 10 {
        rates.push(1.0 / (mean * tick.seconds()));
    }
    rates
}

/// A frame rate as a fraction; NTSC rates (multiples of 1000/1001) are exact.
pub fn rate(fps: f64) -> (u32, u32) {
    let fps = if fps.is_finite() && fps > 0.001 && fps < 100_000.0 { fps } else { 25.0 };
    let whole = (fps * 1.001).round();
    if fps.fract().abs() > 1e-6 && (whole * 1000.0 / 1001.0 - fps).abs() < 1e-4 {
        return (to_u32(whole * 1000.0), 1001);
    }
    for scale in [1_u32, 2, 3, 4, 10, 100] {
        let scaled = fps * f64::from(scale);
        if (scaled - scaled.round()).abs() < 1e-6 {
            return (to_u32(scaled.round()), scale);
        }
    }
    (to_u32((fps * 10_000.0).round()), 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Tick = Tick { numerator: 1, denominator: 1000 };

    #[test]
    fn rates_are_exact() {
        assert_eq!(rate(30000.0 / 1001.0), (30000, 1001));
        assert_eq!(rate(24000.0 / 1001.0), (24000, 1001));
        assert_eq!(rate(25.0), (25, 1));
        assert_eq!(rate(12.5), (25, 2));
        assert_eq!(rate(f64::NAN), (25, 1));
    }

    #[test]
    fn a_rounded_rate_is_exact_again() {
        let times =
            Times::from_ticks(MILLISECOND, &[500, 533, 567, 600], 633, 0.0, &[30000.0 / 1001.0]).unwrap();
        assert_eq!(times.tick(), Tick { numerator: 1001, denominator: 30000 });
        assert!(times.is_even() && (times.late() - 0.5).abs() < 1e-9);
        assert!((times.seconds(4) - 4.0 * 1001.0 / 30000.0).abs() < 1e-9);
    }

    #[test]
    fn finer_ticks_mean_the_same_times() {
        for (fps, tick) in [(2.0, 20_000), (24.0, 20_016), (30000.0 / 1001.0, 30_000), (90_000.0, 90_000)] {
            let times = Times { late: 0.739, ..Times::even(fps, 3) };
            let finer = times.finer();
            assert_eq!(finer.tick(), Tick { numerator: 1, denominator: tick });
            assert_eq!(finer.late(), 0.739);
            for index in 0..=3 {
                assert!((finer.seconds(index) - times.seconds(index)).abs() < 1e-9, "{fps}");
            }
        }
        let held = Times::from_durations(&[0.1, 0.1, 3.0]).finer();
        assert_eq!((held.last_held(2), held.last_held(1)), (Some(270_000), None));
    }

    #[test]
    fn uneven_times_stay() {
        let ticks = [100, 140, 240, 260];
        let times = Times::from_ticks(MILLISECOND, &ticks, 300, 0.1, &[20.0]).unwrap();
        assert_eq!((0..4).map(|n| times.start(n)).collect::<Vec<_>>(), [0, 40, 140, 160]);
        assert!(!times.is_even() && times.late() == 0.0);
        assert!((times.fps() - 20.0).abs() < 1e-9);
        let part = times.part(2, 3);
        assert_eq!((part.start(0), part.start(1)), (0, 100));
        assert!((part.seconds(2) - 0.12).abs() < 1e-9);
        assert!((times.seconds(1) - 0.04).abs() < 1e-9 && (times.seconds(4) - 0.2).abs() < 1e-9);
        assert!(Times::from_ticks(MILLISECOND, &[0, 40, 40], 50, 0.0, &[20.0]).is_none());
    }

    #[test]
    fn a_rate_that_the_file_says_wrongly_is_not_taken() {
        // For AVI, ffprobe gives the field rate first.
        let fields = Tick { numerator: 1, denominator: 24 };
        for rates in [&[24.0, 12.0][..], &[24.0]] {
            assert_eq!(Times::from_ticks(fields, &[0, 2, 4, 6], 8, 0.0, rates), Some(Times::even(12.0, 4)));
        }
        // A lost field in the middle does not produce a separate rate.
        let lost = Times::from_ticks(fields, &[0, 2, 4, 7, 9], 11, 0.0, &[24.0]).unwrap();
        assert_eq!(lost.fps(), 12.0);
        let thirds: Vec<i64> = (0..13).map(|nth| nth * 1000 / 30).collect();
        let even = Times::from_ticks(MILLISECOND, &thirds, 433, 0.0, &[50.0]).unwrap();
        assert!(even.is_even() && (even.fps() - 30.0).abs() < 0.1, "{}", even.fps());
    }

    #[test]
    fn the_last_frame_may_be_held() {
        let held = Times::from_ticks(MILLISECOND, &[0, 100, 200], 3200, 0.0, &[10.0]).unwrap();
        assert!(!held.is_even() && (held.fps() - 10.0).abs() < 1e-9);
        assert_eq!((held.last_held(2), held.last_held(1)), (Some(30), None));
        let short = Times::from_ticks(MILLISECOND, &[0, 100, 400], 450, 0.0, &[10.0]).unwrap();
        assert_eq!(short.last_held(2), Some(50));
        assert_eq!(Times::even(25.0, 4).last_held(3), None);
        assert_eq!(Times::even(25.0, 1).last_held(0), None);
    }

    #[test]
    fn frames_beyond_the_last_are_as_long_as_it() {
        let times = Times::from_ticks(MILLISECOND, &[0, 300, 400], 500, 0.0, &[]).unwrap();
        assert_eq!([3, 4, 6].map(|index| times.start(index)), [500, 600, 800]);
        assert_eq!(Times::even(25.0, 3).start(5), 5);
    }

    #[test]
    fn durations_add_up() {
        let times = Times::from_durations(&[0.03, 0.0, 0.07]);
        assert_eq!([times.start(0), times.start(1), times.start(2)], [0, 2700, 11700]);
        assert!((times.seconds(3) - 0.2).abs() < 1e-9);
        let third = 1.0 / 30.0;
        assert_eq!(Times::from_durations(&[third; 3]), Times::even(30.0, 3));
    }
}
