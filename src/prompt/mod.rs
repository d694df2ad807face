//! Prompt text with a schedule in it, turned into weights of plain prompts for every frame.
//!
//! A line `24: a watercolour` starts that prompt at frame 24 of the clip, whose first frame is 1. Between two such lines
//! the conditioning is blended linearly; before the first and after the last it stays. A text without any numbered line
//! is one prompt, unchanged. docs/prompts.md has the whole grammar.

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

/// Parsed schedule text: prompts by the frame at which they are reached, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    keys: Vec<(i64, String)>,
    /// Whether the text has numbers at all.
    numbered: bool,
    remarks: Vec<String>,
}

impl Schedule {
    /// Reads a prompt parameter's text.
    ///
    /// # Errors
    /// Text that looks like a schedule and cannot be one, with the line.
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

    /// The prompts at a frame, numbered from 1, with their weights, which add up to 1.
    pub fn at(&self, number: i64) -> Vec<(&str, f32)> {
        let after = self.keys.partition_point(|k| k.0 <= number);
        let text = |i: usize| self.keys[i].1.as_str();
        if after == 0 {
            return vec![(text(0), 1.0)];
        }
        let (start, _) = self.keys[after - 1];
        match self.keys.get(after) {
            Some((end, _)) if number > start => {
                // Numbers of any size can be written.
                let w = (number - start) as f32 / (end - start) as f32;
                vec![(text(after - 1), 1.0 - w), (text(after), w)]
            }
            _ => vec![(text(after - 1), 1.0)],
        }
    }

    /// What in this text may not be what was meant, a sentence each: what was read another way than it looks, and numbers
    /// that the clip does not reach.
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
