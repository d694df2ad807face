//! Tags such as `<lora:name:0.8>`, which name a file and contain no words.

use std::sync::LazyLock;

use regex::Regex;

use super::habits::compiled;
use super::{Reading, shown};

/// Number of LoRAs that can be chosen: the parameters lora1File to lora4File.
const PLACES: usize = 4;

/// A tag that was removed from a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The tag as written, shortened.
    whole: String,
    /// The file that it names; empty if none.
    name: String,
    weight: String,
    /// Whether there are parameters for this kind of file.
    supported: bool,
}

/// Also matches spaces or equals signs instead of colons, and HTML escapes.
static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(r"(?i)(?:<|&lt;)\s*(lora|lyco|lycoris|locon|loha|lokr|hypernet)\s*[:=\s]([^<>]*?)(?:>|&gt;)")
});

/// Splits a prompt into its text without tags and the tags.
pub fn taken_out(text: &str) -> (String, Vec<Tag>) {
    let Some(regex) = TAG.as_ref() else { return (text.to_owned(), Vec::new()) };
    let tags = regex.captures_iter(text).map(|found| {
        let body = found[2].trim();
        let number = |weight: &str| weight.parse::<f64>().is_ok();
        let (name, weight) = match body.split_once([':', '=']) {
            Some((name, rest)) => (name, rest.split([':', '=']).next().unwrap_or_default().trim()),
            None => body.rsplit_once(' ').filter(|(_, weight)| number(weight)).unwrap_or((body, "")),
        };
        // A comma, as many languages have it in numbers.
        let weight = weight.replace(',', ".");
        Tag {
            whole: shown(&found[0]),
            name: name.trim().to_owned(),
            weight: if number(&weight) { weight } else { "1".to_owned() },
            supported: !found[1].eq_ignore_ascii_case("hypernet"),
        }
    });
    (regex.replace_all(text, "").into_owned(), tags.collect())
}

impl Tag {
    /// One sentence per tag of prompts that are used together. Each LoRA gets its own parameter, whichever prompt
    /// names it.
    pub fn remarks<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        let mut remarks = Vec::new();
        for tag in readings.into_iter().flat_map(|reading| &reading.tags) {
            let Self { whole, name, weight, supported } = tag;
            let sentence = if !supported {
                format!("`{whole}` was taken out of a prompt; hypernetworks are not supported")
            } else if name.is_empty() {
                format!("`{whole}` was taken out of a prompt; it names no file")
            } else {
                let place = names.iter().position(|known| known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                }) + 1;
                let advice = if place <= PLACES {
                    format!(
                        "choose {name} in lora{place}File, set lora{place}Weight to {weight} and delete the tag from the prompt"
                    )
                } else {
                    format!(
                        "{name} has no place, since there are {PLACES} LoRAs, lora1File to lora{PLACES}File"
                    )
                };
                format!("`{whole}` was taken out of a prompt, where it loads nothing; {advice}")
            };
            if !remarks.contains(&sentence) {
                remarks.push(sentence);
            }
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn remarks(texts: &[&str]) -> Vec<String> {
        let readings: Vec<Reading> = texts.iter().map(|text| read(text).unwrap()).collect();
        assert!(readings.iter().all(|reading| reading.remarks.is_empty()), "{readings:?}");
        Tag::remarks(&readings)
    }

    #[test]
    fn loras_are_taken_out_and_said() {
        assert!(TAG.is_some());
        let reading = read("a cat <lora:ink style:0.8>, sitting").unwrap();
        assert_eq!(reading.pieces, read("a cat , sitting").unwrap().pieces);
        assert_eq!(
            Tag::remarks([&reading]),
            [
                "`<lora:ink style:0.8>` was taken out of a prompt, where it loads nothing; choose ink style in lora1File, set \
              lora1Weight to 0.8 and delete the tag from the prompt"
            ]
        );
        for (text, says) in [
            (
                "a <lyco:x>",
                "`<lyco:x>` was taken out of a prompt, where it loads nothing; choose x in lora1File, set lora1Weight to 1 and",
            ),
            ("a <LoRA:x:0.5:0.7>", "lora1Weight to 0.5 and"),
            ("a <LORA:x:0,8>", "choose x in lora1File, set lora1Weight to 0.8 and"),
            ("a <lora x 0.8>", "choose x in lora1File, set lora1Weight to 0.8 and"),
            ("a <lora=my ink=0.8>", "choose my ink in lora1File, set lora1Weight to 0.8 and"),
            (
                "a &lt;lora:x:0.8&gt; b",
                "`&lt;lora:x:0.8&gt;` was taken out of a prompt, where it loads nothing; choose x in lora1File",
            ),
            ("a <hypernet:x:1>", "hypernetworks are not supported"),
            ("a <lora:>", "`<lora:>` was taken out of a prompt; it names no file"),
        ] {
            let said = remarks(&[text]);
            assert!(said.len() == 1 && said[0].contains(says), "{text}: {said:?}");
        }
    }

    #[test]
    fn every_lora_has_a_place_of_its_own() {
        let said =
            remarks(&["<lora:a:1> <lora:b:1><lora:b:1> x", "<lora:b:0.5> <lora:c:1> <lora:d:1> <lora:e:1>"]);
        let places = [
            "a in lora1File",
            "b in lora2File",
            "b in lora2File, set lora2Weight to 0.5",
            "c in lora3File",
            "d in lora4File",
        ];
        assert_eq!(said.len(), 6, "{said:?}");
        for (sentence, place) in said.iter().zip(places) {
            assert!(sentence.contains(&format!("choose {place}")), "{sentence}");
        }
        assert!(
            said[5].ends_with("e has no place, since there are 4 LoRAs, lora1File to lora4File"),
            "{said:?}"
        );
    }
}
