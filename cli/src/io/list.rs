//! Formats lists for messages.

/// Formats numbers as a list, runs as `3-7`; a long list is abbreviated.
pub fn numbers(numbers: &[u32]) -> String {
    const SHOWN: usize = 8;
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let text = |&(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let mut words: Vec<String> = runs.iter().take(SHOWN).map(text).collect();
    if runs.len() > SHOWN {
        words.push(format!("and {} more places", runs.len() - SHOWN));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_and_long_lists_cut() {
        assert_eq!(numbers(&[3]), "3");
        assert_eq!(numbers(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
        let many: Vec<u32> = (0..20).map(|n| n * 2).collect();
        assert!(numbers(&many).ends_with("14, and 12 more places"));
    }
}
