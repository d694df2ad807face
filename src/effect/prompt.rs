//! Prompt text with a schedule in it, turned into weights of plain prompts for every frame.
//!
//! A line `24: a watercolour` starts that prompt at frame 24. Between two such lines the conditioning is blended
//! linearly; before the first and after the last it stays. Lines without a number continue the prompt before them. A
//! text without any numbered line is one prompt, and so is `16:9 photo`: a digit directly behind the colon makes a ratio.

use crate::pipeline::PromptTrack;

/// Parsed schedule text: prompts by the frame at which they are reached, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    keys: Vec<(i64, String)>,
}

/// Splits `24: text` into its number and text.
fn numbered(line: &str) -> Option<(i64, &str)> {
    let (number, text) = line.split_once(':')?;
    let ratio = text.starts_with(|letter: char| letter.is_ascii_digit());
    if ratio { None } else { Some((number.trim().parse().ok()?, text.trim())) }
}

impl Schedule {
    /// Reads a prompt parameter's text.
    pub fn parse(text: &str) -> Self {
        if !text.lines().any(|line| numbered(line).is_some()) {
            return Self { keys: vec![(0, text.trim().to_owned())] };
        }
        let mut keys: Vec<(i64, String)> = Vec::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
            match (numbered(line), keys.last_mut()) {
                (Some((frame, prompt)), _) => keys.push((frame, prompt.to_owned())),
                (None, Some((_, prompt))) => {
                    if !prompt.is_empty() {
                        prompt.push(' ');
                    }
                    prompt.push_str(line);
                }
                // Text before the first number is there from the beginning.
                (None, None) => keys.push((i64::MIN, line.to_owned())),
            }
        }
        // A stable sort keeps the order of lines with the same number; the later one wins.
        keys.sort_by_key(|k| k.0);
        let mut unique: Vec<(i64, String)> = Vec::with_capacity(keys.len());
        for key in keys {
            if unique.last().is_some_and(|last| last.0 == key.0) {
                unique.pop();
            }
            unique.push(key);
        }
        Self { keys: unique }
    }

    /// The prompts at `frame` with their weights, which add up to 1.
    pub fn at(&self, frame: i64) -> Vec<(&str, f32)> {
        let after = self.keys.partition_point(|k| k.0 <= frame);
        let text = |i: usize| self.keys[i].1.as_str();
        if after == 0 {
            return vec![(text(0), 1.0)];
        }
        let (start, _) = self.keys[after - 1];
        match self.keys.get(after) {
            // A prompt that holds from the beginning of time cannot be blended over a finite distance.
            Some((end, _)) if start > i64::MIN && frame > start => {
                // Numbers of any size can be written, and their distance need not be one.
                let w = frame.saturating_sub(start) as f32 / end.saturating_sub(start) as f32;
                vec![(text(after - 1), 1.0 - w), (text(after), w)]
            }
            _ => vec![(text(after - 1), 1.0)],
        }
    }
}

/// Builds the track of a segment from the parameter's text at every frame and the mix with a second prompt.
#[derive(Default)]
pub struct TrackBuilder {
    texts: Vec<String>,
    mix: Vec<Vec<(usize, f32)>>,
}

impl TrackBuilder {
    fn index(&mut self, text: &str) -> usize {
        self.texts.iter().position(|t| t == text).unwrap_or_else(|| {
            self.texts.push(text.to_owned());
            self.texts.len() - 1
        })
    }

    /// Adds a frame: `prompts` are the parameter texts (parsed at this frame) with their shares.
    pub fn frame(&mut self, frame: i64, prompts: &[(&Schedule, f32)]) {
        let mut mix: Vec<(usize, f32)> = Vec::new();
        for (schedule, share) in prompts {
            for (text, weight) in schedule.at(frame) {
                if share * weight == 0.0 {
                    continue;
                }
                let index = self.index(text);
                match mix.iter_mut().find(|m| m.0 == index) {
                    Some(m) => m.1 += share * weight,
                    None => mix.push((index, share * weight)),
                }
            }
        }
        self.mix.push(mix);
    }

    /// The finished track.
    pub fn finish(self) -> PromptTrack {
        PromptTrack { texts: self.texts, mix: self.mix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_one_prompt() {
        let s = Schedule::parse("a cat, (oil:1.3)\nand a dog");
        assert_eq!(s.at(-5), [("a cat, (oil:1.3)\nand a dog", 1.0)]);
        assert_eq!(Schedule::parse("").at(3), [("", 1.0)]);
    }

    #[test]
    fn a_ratio_starts_no_line() {
        for text in ["16:9 photo", "3:4, ink\noil"] {
            assert_eq!(Schedule::parse(text).at(20), [(text, 1.0)]);
        }
        assert_eq!(Schedule::parse("16: 9 cats").at(16), [("9 cats", 1.0)]);
    }

    #[test]
    fn lines_are_blended_linearly() {
        let s = Schedule::parse("10: ink\n20: oil\nthick\n");
        assert_eq!(s.at(1), [("ink", 1.0)]);
        assert_eq!(s.at(10), [("ink", 1.0)]);
        assert_eq!(s.at(15), [("ink", 0.5), ("oil thick", 0.5)]);
        assert_eq!(s.at(20), [("oil thick", 1.0)]);
        assert_eq!(s.at(99), [("oil thick", 1.0)]);
    }

    #[test]
    fn order_repeats_and_leading_text() {
        let s = Schedule::parse("photo\n20: b\n10: a\n20: c");
        assert_eq!(s.at(5), [("photo", 1.0)]);
        assert_eq!(s.at(10), [("a", 1.0)]);
        assert_eq!(s.at(20), [("c", 1.0)]);
        assert_eq!(Schedule::parse("-4: a").at(-9), [("a", 1.0)]);
    }

    #[test]
    fn numbers_of_any_size() {
        let s = Schedule::parse(&format!("{}: a\n{}: b", i64::MIN + 1, i64::MAX));
        let [(a, one), (b, two)] = s.at(0)[..] else { panic!("{:?}", s.at(0)) };
        assert_eq!((a, b), ("a", "b"));
        assert!((one + two - 1.0).abs() < 1e-6 && (0.0..=1.0).contains(&one), "{one} and {two}");
    }

    #[test]
    fn tracks_mix_two_prompts() {
        let (a, b) = (Schedule::parse("a"), Schedule::parse("0: b\n4: a"));
        let mut t = TrackBuilder::default();
        for frame in 0..3 {
            t.frame(frame, &[(&a, 0.75), (&b, 0.25)]);
        }
        let track = t.finish();
        assert_eq!(track.texts, ["a", "b"]);
        assert_eq!(track.mix[0], [(0, 0.75), (1, 0.25)]);
        assert_eq!(track.mix[2], [(0, 0.875), (1, 0.125)]);
    }
}
