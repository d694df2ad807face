//! What a request came to, for the log and the read-out.

use std::fmt;
use std::time::Duration;

use protocol::Segment;

/// Where a stage's result came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// It was still in memory.
    Memory,
    /// It was in the cache folder.
    Disk,
    /// It was computed, in this time.
    Computed(Duration),
}

/// What a part of a request cost: a stage, or what it needed for it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Cost {
    /// `weights` (reading them), `text`, or the name of a stage.
    pub name: &'static str,
    /// Times that it was done.
    pub count: usize,
    /// Seconds, all times together, without those of other parts.
    pub seconds: f64,
    /// Bytes that were in use at the peak, the weights included; `None` where it was not looked at.
    pub peak: Option<u64>,
}

/// The stages that a request went through.
#[derive(Clone, Debug)]
pub struct Report {
    segment: Segment,
    costs: Vec<Cost>,
    /// What it ran on, or would have.
    placement: String,
    /// How the work was cut up, where memory did not suffice for all at once.
    pub slices: Option<String>,
    stages: Vec<(&'static str, Origin)>,
    /// PSNR of the reconstruction and of the VAE round trip, in dB.
    pub psnr: Option<(f64, f64)>,
    /// What was chosen for the user, a sentence each.
    facts: Vec<String>,
    /// What the user should know, a sentence each.
    notices: Vec<String>,
}

impl Report {
    pub(super) fn new(segment: Segment, placement: String, facts: Vec<String>) -> Self {
        Self {
            segment,
            costs: Vec::new(),
            placement,
            slices: None,
            stages: Vec::new(),
            psnr: None,
            facts,
            notices: Vec::new(),
        }
    }

    /// Notes a sentence for the user, once.
    pub(super) fn say(&mut self, sentence: impl Into<String>) {
        let mut sentence = sentence.into();
        // What follows the first line of a library's error is a backtrace.
        sentence.truncate(sentence.find('\n').unwrap_or(sentence.len()));
        if !self.notices.contains(&sentence) {
            self.notices.push(sentence);
        }
    }

    /// What was chosen for the user, a sentence each: information that asks for nothing.
    pub fn facts(&self) -> &[String] {
        &self.facts
    }

    /// What the user should know, a sentence each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Notes a stage. The first word on a stage stands: later ones find it in memory.
    pub(super) fn stage(&mut self, name: &'static str, origin: Origin) {
        if !self.stages.iter().any(|(known, _)| *known == name) {
            self.stages.push((name, origin));
        }
    }

    /// Notes what a part cost, with what it cost before.
    pub(super) fn cost(&mut self, name: &'static str, seconds: f64, peak: Option<u64>) {
        match self.costs.iter_mut().find(|cost| cost.name == name) {
            Some(cost) => {
                cost.count += 1;
                cost.seconds += seconds;
                cost.peak = cost.peak.max(peak);
            }
            None => self.costs.push(Cost { name, count: 1, seconds, peak }),
        }
    }

    /// Seconds of all parts so far.
    pub(super) fn spent(&self) -> f64 {
        self.costs.iter().map(|cost| cost.seconds).sum()
    }

    /// The parts' costs as JSON, with what they ran on.
    pub(super) fn costs_json(&self) -> String {
        serde_json::json!({ "placement": self.placement, "slices": self.slices, "parts": self.costs })
            .to_string()
    }

    /// Time of all stages that were computed.
    pub(super) fn computed(&self) -> Duration {
        self.stages.iter().map(|(_, o)| if let Origin::Computed(t) = o { *t } else { Duration::ZERO }).sum()
    }

    /// What was done, without the notices.
    pub fn work(&self) -> impl fmt::Display + '_ {
        Work(self)
    }

    /// The stages with their origins, in the order in which they finished.
    pub fn stages(&self) -> &[(&'static str, Origin)] {
        &self.stages
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.work())?;
        for notice in self.facts.iter().chain(&self.notices) {
            write!(f, "; {notice}")?;
        }
        Ok(())
    }
}

/// See [`Report::work`].
struct Work<'a>(&'a Report);

impl fmt::Display for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report) = self;
        let last = report.segment.frame(report.segment.count.saturating_sub(1));
        write!(f, "frames {} to {last} {}", report.segment.first, report.placement)?;
        for (i, (name, origin)) in report.stages.iter().enumerate() {
            let comma = if i == 0 { ":" } else { "," };
            match origin {
                Origin::Memory => write!(f, "{comma} {name} from memory")?,
                Origin::Disk => write!(f, "{comma} {name} from disk")?,
                Origin::Computed(t) => write!(f, "{comma} {name} computed in {:.1} s", t.as_secs_f64())?,
            }
        }
        if let Some((reconstruction, plain)) = report.psnr {
            write!(f, "; reconstruction {reconstruction:.2} dB, VAE round trip {plain:.2} dB")?;
        }
        if let Some(slices) = &report.slices {
            write!(f, "; {slices} for want of memory")?;
        }
        Ok(())
    }
}
