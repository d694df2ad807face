//! The prompts of a segment for every frame.

use super::Schedule;
use protocol::PromptTrack;

/// Builds the prompt track of a segment from the parsed parameter texts at every frame and the mix with a
/// second prompt.
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

    /// Adds a frame. `prompts` are the schedules at this frame, with their shares.
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

    /// The prompt track of all frames added.
    pub fn finish(self) -> PromptTrack {
        PromptTrack { texts: self.texts, mix: self.mix }
    }
}
