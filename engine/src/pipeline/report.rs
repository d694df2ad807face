//! The report of a request, for the log and the user interface.

use std::fmt;
use std::time::Duration;

use protocol::Segment;

/// Where the result of a stage came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// From the cache in memory.
    Memory,
    /// From the cache on disk.
    Disk,
    /// Computed, in this time.
    Computed(Duration),
}

/// The cost of a part of a request: of a stage, or of something that a stage needed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Cost {
    /// `weights` (reading them), `text`, or the name of a stage.
    pub name: &'static str,
    /// How many times it was done.
    pub count: usize,
    /// Total time in seconds, without that of other parts.
    pub seconds: f64,
    /// Peak memory use in bytes, including the weights; `None` if it was not measured.
    pub peak: Option<u64>,
}

/// The stages of a request, with their origins, costs and messages.
#[derive(Clone, Debug)]
pub struct Report {
    segment: Segment,
    costs: Vec<Cost>,
    /// The device and number format, even if nothing had to be computed.
    placement: String,
    /// How the evaluations were divided, if memory was insufficient for doing everything at once.
    pub slices: Option<String>,
    stages: Vec<(&'static str, Origin)>,
    /// PSNR of the reconstruction and of the VAE round trip, in dB.
    pub psnr: Option<(f64, f64)>,
    /// Messages about automatic selections, one sentence each.
    facts: Vec<String>,
    /// Messages that the user should see, one sentence each.
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

    /// Adds a message for the user, unless it is there already.
    pub(super) fn say(&mut self, sentence: impl Into<String>) {
        let mut sentence = sentence.into();
        // After the first line of a library's error follows a backtrace.
        sentence.truncate(sentence.find('\n').unwrap_or(sentence.len()));
        if !self.notices.contains(&sentence) {
            self.notices.push(sentence);
        }
    }

    /// Messages about automatic selections, one sentence each: information that requires no action.
    pub fn facts(&self) -> &[String] {
        &self.facts
    }

    /// Messages that the user should see, one sentence each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Adds a stage. Only the first origin counts: later requests for it find it in memory.
    pub(super) fn stage(&mut self, name: &'static str, origin: Origin) {
        if !self.stages.iter().any(|(known, _)| *known == name) {
            self.stages.push((name, origin));
        }
    }

    /// Adds to the cost of a part.
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

    /// Total time in seconds of all parts so far.
    pub(super) fn spent(&self) -> f64 {
        self.costs.iter().map(|cost| cost.seconds).sum()
    }

    /// The costs of all parts as JSON, with device and number format.
    pub(super) fn costs_json(&self) -> String {
        serde_json::json!({ "placement": self.placement, "slices": self.slices, "parts": self.costs })
            .to_string()
    }

    /// Total time of the stages that were computed.
    pub(super) fn computed(&self) -> Duration {
        self.stages.iter().map(|(_, o)| if let Origin::Computed(t) = o { *t } else { Duration::ZERO }).sum()
    }

    /// A summary of the work, without the messages.
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

/// The summary returned by [`Report::work`].
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
