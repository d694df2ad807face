//! Prompts as people have them from other programs.

use super::super::read;

fn remarks(text: &str) -> Vec<String> {
    read(text).unwrap().remarks
}

/// The one remark of a prompt, and that it names the place.
fn one(text: &str, place: &str, says: &str) {
    let all = remarks(text);
    assert_eq!(all.len(), 1, "{text}: {all:?}");
    assert!(all[0].contains(&format!("`{place}`")) && all[0].contains(says), "{text}: {}", all[0]);
}

#[test]
fn all_patterns_compile() {
    assert_eq!(super::TEXT.len(), super::IN_TEXT.len());
    assert_eq!(super::WORDS.len(), super::IN_WORDS.len());
    assert_eq!(super::CONJUNCTION.len(), super::IN_CAPITALS.len());
    assert!(super::CLOSED.is_some());
}

#[test]
fn ordinary_prompts_are_not_commented_on() {
    for text in [
        "",
        "a watercolour painting",
        "masterpiece, (best quality:1.2), ((detailed)), 16:9, at 12:30, f/2.8, 85mm",
        "tag \\(series\\), (saber \\(fate\\):0.8)",
        "a photo: the sea\nand a boat",
        "embedding:bad, (embedding:sub/worse.pt:0.8) low-quality",
        "rock and roll, brand new, R&B, C#, #1 dad, half-life 2 - the game",
        "A DOG AND A CAT",
        "https://example.com/a",
        "snake_case, a__b, 3:4 ratio, 1girl",
        "((photo:1.2)), (a, (sketch:1.3)), ((best quality, (x:1.2)))",
        "(negative:1.2), a film negative, well-known -- a photo--graph",
        "50%, 20% grey, a well-negotiated deal, MASK OF ZORRO",
        "5 steps, size: large, I <3 you, a < b, 10 m^2",
    ] {
        assert_eq!(remarks(text), [""; 0], "{text}");
    }
}

#[test]
fn commands_comments_and_powers_at_any_place() {
    one("MASK(0 0.5, 0 1)", "MASK(0 0.5, 0 1)", "a command of another program");
    one("SDXL(1024 1024)", "SDXL(1024 1024)", "a command of another program");
    one("A CAT, FILL()", "FILL()", "a command of another program");
    one("a photo # note", "# note", "there are no comments within a prompt");
    one("a (red)*1.2 cat", "(red)*1.2", "write the weight inside");
    one("a red^1.2 cat", "red^1.2", "write (word:1.2)");
    one("embeddings:nope", "embeddings:nope", "write embedding:name");
}

#[test]
fn brackets() {
    one("a [blurry] cat", "[blurry]", "(words:0.9)");
    one("a [[blurry]] cat", "[blurry]", "(words:0.9)");
    one("[cat:dog:0.5]", "[cat:dog:0.5]", "between steps");
    one("[cat::10]", "[cat::10]", "between steps");
    one("[cat:1.2]", "[cat:1.2]", "a weight is written (cat:1.2)");
    one("[cat|dog|cow]", "[cat|dog|cow]", "alternate");
    one("a {red|blue} cat", "{red|blue}", "none of them is chosen");
    one("a {cat}", "{cat}", "(words:1.1)");
    one("a [(cat:1.2)] dog", "[(cat:1.2)]", "(words:0.9)");
    one("a （cat）", "（", "plain parentheses");
    one("a \\[cat\\]", "\\[", "only \\( and \\) are escapes");
    assert_eq!(remarks("[a], [b] and [c]").len(), 1);
    assert!(remarks("[a], [b] and [c]")[0].ends_with("(and 2 more)"));
}

#[test]
fn words_that_are_commands_elsewhere() {
    one("a cat BREAK a dog", "BREAK", "75 tokens");
    one("a cat AND a dog", "AND", "promptMix");
    one("a cat AND_SALT a dog", "AND_SALT", "promptMix");
    one("a cat TIMES 2", "TIMES", "another program");
    one("a cat ATTN", "ATTN", "another program");
    one("a cat MASK()", "MASK()", "another program");
    one("a cat FEATHER()", "FEATHER()", "another program");
    one("a cat SHIFT()", "SHIFT()", "another program");
    one("a cat STYLE(A1111)", "STYLE(A1111)", "another program");
    one("a cat %date%", "%date%", "filled in");
    one("a cat -neg dog", "-neg", "negativePrompt");
    one("a __colour__ cat", "__colour__", "wildcards");
    one("# my prompt\na cat", "# my prompt", "no comments");
    one("a cat // mine\n//yours", "// mine", "no comments within a prompt (and one more)");
    one("a cat at https://example.com // mine", "// mine", "no comments");
    one("a cat\n\t//yours", "//yours", "no comments");
    one("a /* old */ cat", "/* old */", "no comments");
    one("a cat --ar 16:9 --v 5", "--ar", "parameters");
    for label in ["Negative prompt:", "negative prompt :", "Negative:", "negative_prompt =", "Neg prompt:"] {
        one(&format!("a cat\n{label} ugly"), label, "negativePrompt");
        one(&format!("a cat {label} ugly, a cat:1.2, x"), label, "steers towards it");
    }
    one("a cat, Negative prompt: 3d", "Negative prompt:", "negativePrompt");
    one(
        "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7",
        "Steps: 20, Sampler: Euler a, CFG scale:…",
        "parameters",
    );
    one(
        "a cat\nSteps: 20, Seed: 3, Sampler: DPM++ 2M",
        "Steps: 20, Seed: 3, Sampler: DPM++ 2M",
        "parameters",
    );
    one("Sampler: Euler a, CFG scale: 7", "Sampler: Euler a, CFG scale: 7", "delete them from the prompt");
    assert_eq!(remarks("a cat\nNegative prompt: ugly\nSteps: 20, Sampler: Euler").len(), 2);
    one("a lora:x:0.8", "lora:x:0.8", "lora1File");
    one("a <lora:x:0.8, cat", "<lora:x:0.8", "lora1File");
    one("a {prompt}", "{prompt}", "filled in");
    one("${a=x}", "${a=x}", "filled in");
    one("a {}", "{}", "filled in");
    one("a `0.5*t` b", "0.5*t", "backquotes");
    one("```\na photo\n```", "a photo", "backquotes");
}

#[test]
fn weights_in_other_spellings() {
    one("a cat:1.2, sitting", "cat:1.2", "needs parentheses");
    one("a cat::2 dog", "cat::2", "needs parentheses");
    one("1.3::a cat::, sitting", "1.3::a cat::", "needs parentheses");
    one("a (cat：1.2)", "cat：1.2", "plain colon");
    one("(\"a cat\", \"a dog\").blend(0.5, 0.5)", ").blend(0.5, 0.5)", "promptMix");
    one("cat++ on grass", "cat++", "(word:1.2)");
    one("a photo--, sea", "photo--", "(word:1.2)");
    for separator in [";", "=", " ", "|", ", "] {
        one(&format!("a (cat{separator}1.2)"), &format!("(cat{separator}1.2)"), "write (cat:1.2)");
    }
    one("a (red cat)1.3, b", "(red cat)1.3", "inside");
    one("a (cat)^1.2", "(cat)^1.2", "inside");
    one("a cat :1.2", "cat :1.2", "needs parentheses");
    one("a (cat)++", "(cat)++", "inside");
    one("(cat:1,2)", "(cat:1,2)", "`1,2` of");
    one("(cat:1.2.3) x", "(cat:1.2.3)", "of weight 1.1");
    one("(cat:)", "(cat:)", "no number behind its colon");
    one("(:1.2)", "(:1.2)", "no words before");
    one("(cat:nan)", "(cat:nan)", "no number");
    one("a (cat:1.2", "(cat:1.2", "close it");
    one("a cat:1.2) b", "cat:1.2)", "without its (");
    one("a cat :) b", ":)", "without its (");
}

#[test]
fn embeddings_in_other_spellings() {
    one("bad,embedding:x y", "bad,embedding:x", "behind a blank");
    one("EMBEDDING:x", "EMBEDDING:x", "small letters");
    one("a [embedding:x]", "[embedding:x]", "behind a blank");
    one("a <easynegative>", "<easynegative>", "embedding:name");
    one("a <ti:x>", "<ti:x>", "plain words");
}
