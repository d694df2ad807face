//! Prompt schedules: converts a prompt's text to weighted prompts for every frame.
//!
//! A line `24: a watercolour` sets that prompt at frame 24 of the clip, whose first frame is 1. Between two
//! such lines the conditioning is interpolated linearly; before the first and after the last it is constant.
//! A text without numbered lines is a single prompt, unchanged. docs/prompts.md describes the grammar.

mod comments;
mod doubts;
mod grammar;
mod listed;
mod mark;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod track;
mod words;

use grammar::Text;
pub use source::Unreadable;
pub use track::TrackBuilder;
use words::beside;

use super::frames::Numbering;

/// A parsed schedule: prompts with the frames at which they are reached, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    keys: Vec<(i64, String)>,
    /// Whether the text contains frame numbers.
    numbered: bool,
    remarks: Vec<String>,
}

impl Schedule {
    /// Parses a prompt parameter's text.
    ///
    /// # Errors
    /// The text looks like a schedule but is invalid; the error includes the line.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        Ok(match grammar::parse(text)? {
            Text::Prompt(remarks) => {
                Self { keys: vec![(1, text.trim().to_owned())], numbered: false, remarks }
            }
            Text::Schedule(parts) => {
                let whole = |prompt: &str| beside(&beside(&parts.head, prompt), &parts.tail);
                let mut keys: Vec<(i64, String)> =
                    parts.items.iter().map(|(frame, prompt, _)| (*frame, whole(prompt))).collect();
                keys.sort_by_key(|key| key.0);
                Self { keys, numbered: true, remarks: parts.remarks }
            }
        })
    }

    /// The prompts at a frame, numbered from 1, with weights that add up to 1.
    pub fn at(&self, number: i64) -> Vec<(&str, f32)> {
        let after = self.keys.partition_point(|k| k.0 <= number);
        let text = |i: usize| self.keys[i].1.as_str();
        if after == 0 {
            return vec![(text(0), 1.0)];
        }
        let (start, _) = self.keys[after - 1];
        match self.keys.get(after) {
            Some((end, _)) if number > start => {
                // Converted after the subtraction, because numbers may be arbitrarily large.
                #[expect(clippy::cast_precision_loss, reason = "rounds to the digits that a weight has")]
                let w = (number - start) as f32 / (end - start) as f32;
                vec![(text(after - 1), 1.0 - w), (text(after), w)]
            }
            _ => vec![(text(after - 1), 1.0)],
        }
    }

    /// Messages about what may not be intended: ambiguous syntax, and frames outside of the clip.
    pub fn remarks(&self, numbering: &Numbering) -> Vec<String> {
        let mut said = self.remarks.clone();
        if !self.numbered {
            return said;
        }
        said.extend(numbering.remark());
        let (Some((first, _)), Some(total)) = (self.keys.first(), numbering.total) else { return said };
        let clip = match numbering.first {
            1 => format!("the clip, whose frames are 1 to {total}"),
            host => format!("the clip, whose frames are 1 to {total} here (its first is the host's {host})"),
        };
        if *first > total {
            said.push(format!("the schedule begins at frame {first}, which is past the end of {clip}"));
        } else if let Some((beyond, _)) = self.keys.iter().find(|key| key.0 > total) {
            said.push(format!("all of the schedule from frame {beyond} on is past the end of {clip}"));
        } else if self.keys.len() == 1 && *first > 1 {
            said.push(format!("the schedule has frame {first} only, so its prompt holds for the whole clip"));
        }
        said
    }
}
