//! Lists of frames as people write them: `1, 9-12, 24`.

use std::ops::RangeInclusive;

/// Frames of the clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameList(Vec<RangeInclusive<i64>>);

impl FrameList {
    /// Reads a list; an empty one means every frame. Commas, semicolons and spaces part its items.
    ///
    /// # Errors
    /// The item that is neither a frame nor a range.
    pub fn parse(text: &str) -> Result<Self, String> {
        let items = text.split([',', ';', ' ', '\t', '\n', '\r']).filter(|item| !item.is_empty());
        let range = |item: &str| {
            // A minus in front belongs to the number.
            let dash = item.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(at, _)| at);
            let range = match dash {
                Some(at) => item[..at].parse().ok().zip(item[at + 1..].parse().ok()),
                None => item.parse().ok().map(|frame| (frame, frame)),
            };
            range.map(|(first, last)| first..=last).ok_or_else(|| item.to_owned())
        };
        items.map(range).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a frame is in the list.
    pub fn has(&self, frame: i64) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_ranges() {
        let list = FrameList::parse(" 1, 9-12;24 -3--2").unwrap();
        let frames: Vec<i64> = (-5..30).filter(|frame| list.has(*frame)).collect();
        assert_eq!(frames, [-3, -2, 1, 9, 10, 11, 12, 24]);
        assert!(FrameList::parse(" ").unwrap().has(i64::MIN));
        for (text, item) in [("1, two", "two"), ("1-", "1-"), ("-", "-"), ("3-4-5", "3-4-5"), ("1.5", "1.5")]
        {
            assert_eq!(FrameList::parse(text), Err(item.to_owned()));
        }
    }

    #[test]
    fn a_range_that_runs_backwards_is_empty() {
        assert!(!FrameList::parse("5-3").unwrap().has(4));
    }
}
