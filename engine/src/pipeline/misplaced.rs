//! Common mistakes in file parameters: web addresses and prompt tags.

use std::path::Path;

/// Prefixes of web addresses, in lower case; for addresses without a scheme, the sites that host models.
const ADDRESSES: [&str; 10] = [
    "http://",
    "https://",
    "ftp://",
    "hf://",
    "civitai:",
    "urn:air:",
    "www.",
    "civitai.com/",
    "huggingface.co/",
    "hf.co/",
];

/// The tags that refer to a LoRA.
const LORAS: [&str; 4] = ["lora", "lyco", "lycoris", "locon"];

/// A message if the text is a web address or a prompt tag instead of a file, with what to do; `None` for anything else,
/// and for paths that exist.
pub(super) fn misplaced(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|_| !path.exists())?.trim();
    let small = text.to_lowercase();
    if ADDRESSES.iter().any(|start| small.starts_with(start)) {
        let pull =
            if small.contains("huggingface.co/") || small.contains("hf.co/") || small.starts_with("hf:") {
                " (`unsample models pull` lists models that it fetches from the Hugging Face hub)"
            } else {
                ""
            };
        return Some(format!(
            "{text} is an address and no file, and nothing is downloaded while rendering: download it{pull} and choose the \
             file, or put it into the models folder and write its name"
        ));
    }
    let inside = text.strip_prefix('<').map_or(text, |rest| rest.strip_suffix('>').unwrap_or(rest));
    let (kind, named) = inside.split_once(':')?;
    let kind = kind.trim().to_lowercase();
    let (name, weight) = named.split_once(':').map_or((named, None), |(name, weight)| (name, Some(weight)));
    let (name, weight) = (name.trim(), weight.map(str::trim).filter(|weight| !weight.is_empty()));
    if name.is_empty() {
        None
    } else if LORAS.contains(&kind.as_str()) {
        let weight = weight.map_or(String::new(), |weight| format!(", {weight},"));
        Some(format!(
            "{text} is a tag of a prompt and no file: write the name alone, {name}, as lora1File and its weight{weight} as \
             lora1Weight (or with 2, 3 or 4 for 1)"
        ))
    } else if kind == "embedding" || (kind == "ti" && text.starts_with('<')) {
        Some(format!("{text} is a word of a prompt and no file: write embedding:{name} into the prompt"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_tags_are_no_files_and_say_what_to_do() {
        for (text, part) in [
            ("https://civitai.com/models/4201", "download it and choose the file"),
            ("HTTP://example.com/a.safetensors", "nothing is downloaded"),
            ("civitai.com/models/4201", "is an address and no file"),
            ("https://huggingface.co/a/b/resolve/main/c.safetensors", "`unsample models pull`"),
            ("<lora:ink:0.8>", "write the name alone, ink, as lora1File and its weight, 0.8, as lora1Weight"),
            ("<lora:ink>", "write the name alone, ink, as lora1File and its weight as lora1Weight"),
            ("lora:ink:0.8:0.5", "write the name alone, ink,"),
            ("<LyCO: ink :1>", "write the name alone, ink,"),
            ("embedding:bad", "write embedding:bad into the prompt"),
            ("<ti:bad>", "write embedding:bad into the prompt"),
        ] {
            let said = misplaced(Path::new(text)).unwrap_or_default();
            assert!(said.starts_with(text) && said.contains(part), "{text}: {said}");
        }
        for text in ["ink", "/m/ink.safetensors", "C:\\m\\ink", "m:ink", "lora:", "src", "file:///m/a", "<a>"]
        {
            assert_eq!(misplaced(Path::new(text)), None, "{text}");
        }
    }
}
