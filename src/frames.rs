//! Frame numbers in texts, and lists of them such as `1, 9-12, 24`.
//!
//! Texts number the clip's first frame 1, whatever its number in the host, so that they stay valid when the
//! clip is moved along the time line. Keyframes are stored by the host in its own numbering.

/// Mapping from the host's frame numbers to those in texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// The host's number of frame 1.
    pub first: i64,
    /// Number of frames of the clip, if the host reports it.
    pub total: Option<i64>,
    /// Whether the host reported where the clip starts.
    pub certain: bool,
}

impl Numbering {
    /// A clip from `first` to `last` in the host's numbering.
    pub fn of_clip(first: i64, last: i64) -> Self {
        Self { first, total: Some(last.saturating_sub(first).saturating_add(1)), certain: true }
    }

    /// An assumed start, if the host does not report where the clip starts.
    pub fn assumed(first: i64) -> Self {
        Self { first, total: None, certain: false }
    }

    /// The number of a host's frame in texts; 0 is the frame before the first one.
    pub fn number(&self, frame: i64) -> i64 {
        frame.saturating_sub(self.first).saturating_add(1)
    }

    /// A message for texts with frame numbers, if the numbering is uncertain or may be unexpected.
    pub fn remark(&self) -> Option<String> {
        (!self.certain).then(|| {
            format!(
                "this host does not say where the clip begins, so frame numbers in texts count from its frame {} as 1",
                self.first
            )
        })
    }
}

/// Every `step`-th frame from `first` to `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ListItem {
    first: i64,
    last: i64,
    step: i64,
    /// The text of the item.
    text: String,
    /// Whether the ends were given in reverse order.
    reversed: bool,
}

impl ListItem {
    fn has(&self, number: i64) -> bool {
        (self.first..=self.last).contains(&number) && (number - self.first) % self.step == 0
    }

    /// The frames that the item is read as, for a message.
    fn as_taken(&self) -> String {
        match self.step {
            1 => format!("{}-{}", self.first, self.last),
            step => format!("{}-{}/{step}", self.first, self.last),
        }
    }
}

/// A list of frames, numbered from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameList(Vec<ListItem>);

/// Parses an integer of at least 0, also in the form `12.0`.
fn whole(text: &str) -> Option<i64> {
    let digits = text.split_once('.').map_or(text, |(number, zeros)| {
        if zeros.is_empty() || zeros.contains(|c| c != '0') { "" } else { number }
    });
    if digits.is_empty() || digits.contains(|c: char| !c.is_ascii_digit()) {
        None
    } else {
        digits.parse().ok()
    }
}

/// Splits at the first separator that follows a digit.
fn parted<'a>(text: &'a str, separators: &[&str]) -> Option<(&'a str, &'a str)> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    // A dot belongs to the number, unless it is part of the separator `..`.
    let at = text.find("..").map_or(at, |dots| dots.min(at));
    let (number, rest) = text.split_at(at);
    separators.iter().find_map(|separator| Some((number, rest.strip_prefix(separator)?)))
}

fn item(text: &str) -> Option<ListItem> {
    // A part such as `05` next to a colon belongs to a time, not to a range.
    let padded = |part: &str| part.len() > 1 && part.starts_with('0');
    if text.contains(':') && text.split(':').any(padded) {
        return None;
    }
    let Some((first, rest)) = parted(text, &["...", "..=", "..", "-", ":", "to"]) else {
        let frame = whole(text)?;
        return Some(ListItem { first: frame, last: frame, step: 1, text: text.to_owned(), reversed: false });
    };
    let first = whole(first)?;
    let (last, step) = match rest {
        "end" | "last" => (i64::MAX, 1),
        // The order of three numbers with two colons is ambiguous: start, stop, step or start, step, stop.
        _ if text.matches(':').count() > 1 => return None,
        _ => match parted(rest, &["/", "x", ":"]) {
            Some((last, step)) => (whole(last)?, whole(step).filter(|step| *step > 0)?),
            None => (whole(rest)?, 1),
        },
    };
    let reversed = first > last;
    // Every second frame from 6 down to 1: 6, 4 and 2.
    let (first, last) = if reversed { (last + (first - last) % step, first) } else { (first, last) };
    Some(ListItem { first, last, step, text: text.to_owned(), reversed })
}

/// Replaces dashes of all kinds and operators with surrounding spaces by one character each.
fn plain(text: &str) -> String {
    let text = text.trim().to_lowercase().replace(['–', '—', '−', '‐', '‑'], "-").replace(['×', '*'], "x");
    let mut out = String::with_capacity(text.len());
    let operator = |c: char| matches!(c, '-' | '/' | 'x' | ':' | 't' | 'o');
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if blank && !operator(c) && !out.ends_with(operator) {
            out.push(' ');
        }
        blank = false;
        out.push(c);
    }
    out
}

impl FrameList {
    /// Parses a list; an empty one means every frame. Items are separated by commas, semicolons or spaces. An
    /// item is a frame, a range (`9-12`, `9..12`, `9:12`, `9 to 12`, `9-end`) or every n-th frame of a range
    /// (`1-24/4`, `1-24x4`). A reversed range is read as if it were not, which [`remarks`](Self::remarks)
    /// reports.
    ///
    /// # Errors
    /// The text of the first item that is none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        if !text.trim().is_empty() && text.chars().all(|c| c.is_whitespace() || ",;".contains(c)) {
            // Separators without items are an error; only an empty list means every frame.
            return Err(text.trim().to_owned());
        }
        for part in text.split([',', ';', '\n', '\r', '\t']).map(plain) {
            for text in part.split(' ').filter(|text| !text.is_empty()) {
                items.push(item(text).ok_or_else(|| text.to_owned())?);
            }
        }
        Ok(Self(items))
    }

    /// Whether the list has no items.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a frame, numbered from 1, is listed.
    pub fn lists(&self, number: i64) -> bool {
        self.0.iter().any(|item| item.has(number))
    }

    /// Whether a frame, numbered from 1, starts a shot in a list of shots: a single frame starts a shot, and
    /// a range is a shot, followed by another.
    pub fn begins_shot(&self, number: i64) -> bool {
        let begins = |item: &ListItem| match item.step {
            1 if item.first < item.last => number == item.first || Some(number) == item.last.checked_add(1),
            _ => item.has(number),
        };
        self.0.iter().any(begins)
    }

    /// Messages about a list of shots called `name` that may not be intended: overlapping shots, and frames
    /// between shots that belong to none.
    pub fn shot_remarks(&self, name: &str) -> Vec<String> {
        let mut shots: Vec<&ListItem> =
            self.0.iter().filter(|item| item.step == 1 && item.first < item.last).collect();
        shots.sort_by_key(|item| (item.first, item.last));
        let mut said = Vec::new();
        for pair in shots.windows(2) {
            let (shot, next) = (pair[0], pair[1]);
            let behind = shot.last.saturating_add(1);
            let begun = self.0.iter().any(|item| item.first == item.last && item.first == behind);
            if next.first <= shot.last {
                said.push(format!(
                    "`{}` and `{}` in {name} overlap, and a shot ends wherever one of them begins or ends",
                    shot.text, next.text
                ));
            } else if next.first > behind && !begun {
                let last = next.first - 1;
                let frames = if behind == last {
                    format!("frame {last} is")
                } else {
                    format!("the frames {behind} to {last} are")
                };
                said.push(format!("{frames} in no shot of {name}, and make up one between them"));
            }
        }
        said
    }

    /// Whether a frame, numbered from 1, is in the list. An empty list contains every frame.
    pub fn has(&self, number: i64) -> bool {
        self.is_empty() || self.lists(number)
    }

    /// Messages about items that may not be intended: reversed ranges, and items without any frame of the
    /// clip. `name` is the parameter's name; only every `step`-th frame of the clip is used.
    pub fn remarks(&self, name: &str, numbering: &Numbering, step: i64) -> Vec<String> {
        let mut said: Vec<String> = numbering.remark().into_iter().filter(|_| !self.is_empty()).collect();
        for item in self.0.iter().filter(|item| item.reversed) {
            said.push(format!(
                "`{}` in {name} runs backwards and was read as {}",
                item.text,
                item.as_taken()
            ));
        }
        let last = numbering.total.unwrap_or(i64::MAX);
        let step = step.max(1);
        // Searches for a frame of the item that is used; if there is one, it is within one common period of
        // both steps.
        let touches = |item: &ListItem| {
            let period = item.step.saturating_mul(step);
            let end = item.last.min(last).min(item.first.saturating_add(period));
            let mut numbers = std::iter::successors(Some(item.first), |n| n.checked_add(item.step));
            numbers.by_ref().take_while(|n| *n <= end).any(|n| n >= 1 && (n - 1) % step == 0)
        };
        let outside: Vec<&ListItem> = self.0.iter().filter(|item| !touches(item)).collect();
        let frames = match (numbering.total, step) {
            (Some(total), 1) => format!("whose frames are 1 to {total}"),
            (Some(total), _) => {
                format!(
                    "whose frames are 1 to {total} and of which frameStep takes 1, {}, and so on",
                    1 + step
                )
            }
            (None, 1) => "whose frames count from 1".to_owned(),
            (None, _) => format!("of which frameStep takes the frames 1, {}, and so on", 1 + step),
        };
        for item in self.0.iter().filter(|item| touches(item)) {
            if item.first == 0 {
                said.push(format!(
                    "`{}` in {name} begins at 0, and frames count from 1; if the list counts from 0, add 1 to its numbers",
                    item.text
                ));
            }
            if item.last < i64::MAX && numbering.total.is_some_and(|total| item.last > total) {
                said.push(format!("`{}` in {name} goes past the end of the clip, {frames}", item.text));
            }
        }
        if !outside.is_empty() && outside.len() == self.0.len() {
            said.push(format!("{name} touches no frame of the clip, {frames}"));
        } else {
            for item in outside {
                said.push(format!("`{}` in {name} touches no frame of the clip, {frames}", item.text));
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(text: &str) -> Vec<i64> {
        let list = FrameList::parse(text).unwrap();
        (-5..40).filter(|number| list.has(*number)).collect()
    }

    #[test]
    fn frames_and_ranges() {
        assert_eq!(listed(" 1, 9-12;24\n30"), [1, 9, 10, 11, 12, 24, 30]);
        assert!(FrameList::parse(" ").unwrap().has(i64::MIN) && !FrameList::parse("").unwrap().lists(1));
        for text in ["9-12", "9 - 12", "9–12", "9..12", "9...12", "9:12", "9 to 12", "9.0-12.0", "9-12/1"] {
            assert_eq!(listed(text), [9, 10, 11, 12], "{text}");
        }
        for text in ["1-24/8", "1-24x8", "1-24 x 8", "1-24:8", "1..24/8", "1-24 / 8", "1, 9 17"] {
            assert_eq!(listed(text), [1, 9, 17], "{text}");
        }
        assert_eq!(listed("36-end, 2"), [2, 36, 37, 38, 39]);
    }

    #[test]
    fn a_range_that_runs_backwards_has_the_frames_that_were_meant() {
        assert_eq!(listed("6-1/2"), [2, 4, 6]);
        assert_eq!(listed("9-1/4, 12"), [1, 5, 9, 12]);
        let said = FrameList::parse("6-1/2").unwrap().remarks("list", &Numbering::of_clip(1, 16), 1);
        assert_eq!(said, ["`6-1/2` in list runs backwards and was read as 2-6/2"]);
    }

    #[test]
    fn ranges_are_shots_where_shots_are_listed() {
        let begin = |text: &str| -> Vec<i64> {
            let list = FrameList::parse(text).unwrap();
            (-5..40).filter(|number| list.begins_shot(*number)).collect()
        };
        assert_eq!(begin("9, 17"), [9, 17]);
        assert_eq!(begin("1-8, 9-16, 17-27"), [1, 9, 17, 28]);
        assert_eq!(begin("9-16"), [9, 17]);
        assert_eq!(begin("1-8, 30-end"), [1, 9, 30]);
        assert_eq!(begin("1-24/8"), [1, 9, 17]);
        assert_eq!(begin("9-9"), [9]);
    }

    #[test]
    fn shots_that_do_not_join_are_told() {
        let told = |text| FrameList::parse(text).unwrap().shot_remarks("cutFrames");
        for text in ["", "9, 17", "1-8, 9-16, 17-27", "9-16", "1-8, 30, 9-12", "1-4, 5, 7-12", "1-24/8, 3-4"]
        {
            assert_eq!(told(text), [""; 0], "{text}");
        }
        assert_eq!(
            told("4-12, 1-6"),
            ["`1-6` and `4-12` in cutFrames overlap, and a shot ends wherever one of them begins or ends"]
        );
        assert_eq!(
            told("1-4,7-12"),
            ["the frames 5 to 6 are in no shot of cutFrames, and make up one between them"]
        );
        assert_eq!(told("1-4,6-12"), ["frame 5 is in no shot of cutFrames, and make up one between them"]);
    }

    #[test]
    fn separators_alone_are_no_list_of_every_frame() {
        assert_eq!(FrameList::parse(" , ").unwrap_err(), ",");
        assert_eq!(FrameList::parse("1, ,").unwrap(), FrameList::parse("1").unwrap());
    }

    #[test]
    fn what_is_no_frame_is_named() {
        let none = [
            "two", "1-", "-", "3-4-5", "1.5", "-3", "-3--2", "1-24/0", "1:24:4", "1-24/x", "50%", "5s",
            "00:05", "1:05", "05:1",
        ];
        for text in none.into_iter().chain(["99999999999999999999", "1-2-", "x4", "1.", ".."]) {
            assert_eq!(FrameList::parse(&format!("7, {text}")), Err(text.to_owned()));
        }
    }

    #[test]
    fn a_range_that_runs_backwards_is_turned_round_and_told() {
        assert_eq!(listed("12-9"), [9, 10, 11, 12]);
        let said = FrameList::parse("12-9, 3").unwrap().remarks("controlNet1Frames", &clip(), 1);
        assert_eq!(said, ["`12-9` in controlNet1Frames runs backwards and was read as 9-12"]);
    }

    /// A clip of 48 frames from 1001.
    fn clip() -> Numbering {
        Numbering::of_clip(1001, 1048)
    }

    #[test]
    fn numbers_count_from_the_first_frame() {
        assert_eq!([1001, 1048, 1000, 0].map(|frame| clip().number(frame)), [1, 48, 0, -1000]);
        assert_eq!(Numbering::of_clip(-7, 3).number(-7), 1);
        assert_eq!(clip().remark(), None);
        assert!(Numbering::assumed(0).remark().unwrap().ends_with("from its frame 0 as 1"));
    }

    #[test]
    fn what_touches_nothing_is_told() {
        let told = |text, step| FrameList::parse(text).unwrap().remarks("list", &clip(), step);
        assert_eq!(told("", 1), [""; 0]);
        assert_eq!(told("1, 48, 40-48, 40-end", 1), [""; 0]);
        assert_eq!(
            told("0-3", 1),
            [
                "`0-3` in list begins at 0, and frames count from 1; if the list counts from 0, add 1 to its numbers"
            ]
        );
        for text in ["40-60", "1-99999999999"] {
            let past = format!("`{text}` in list goes past the end of the clip, whose frames are 1 to 48");
            assert_eq!(told(text, 1), [past]);
        }
        assert_eq!(told("49, 1001-1048", 1), ["list touches no frame of the clip, whose frames are 1 to 48"]);
        assert_eq!(told("0, 8", 1), ["`0` in list touches no frame of the clip, whose frames are 1 to 48"]);
        assert_eq!(
            told("2, 3", 2),
            [
                "`2` in list touches no frame of the clip, whose frames are 1 to 48 and of which frameStep takes 1, 3, and so on"
            ]
        );
        assert_eq!(told("2-48/3", 2), [""; 0], "5 is one of both");
        assert_eq!(told("2-48/2", 2).len(), 1);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[0-9a-z,.:;/x –-]{0,24}", number: i64, first: i64, total in 1i64.., step in 1i64..70) {
            if let Ok(list) = FrameList::parse(&text) {
                let _ = list.has(number);
                let numbering = Numbering { first, total: Some(total), certain: false };
                let _ = (numbering.number(number), list.remarks("list", &numbering, step));
            }
        }

        #[test]
        fn an_item_touches_what_it_has(first in 0i64..60, length in 0i64..60, own in 1i64..9, step in 1i64..9, total in 1i64..60) {
            let list = FrameList::parse(&format!("{first}-{}/{own}", first + length)).unwrap();
            let touched = (1..=total).step_by(step as usize).any(|number| list.lists(number));
            let numbering = Numbering::of_clip(1, total);
            let said = list.remarks("list", &numbering, step);
            prop_assert_eq!(!said.iter().any(|said| said.contains("touches no frame")), touched);
        }
    }
}
