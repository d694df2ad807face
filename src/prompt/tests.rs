use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Schedule {
    Schedule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Frames and prompts of a schedule.
fn keys(text: &str) -> Vec<(i64, String)> {
    let schedule = read(text);
    assert!(schedule.numbered, "{text} was read as one prompt");
    schedule.keys
}

fn two(a: &str, b: &str) -> Vec<(i64, String)> {
    vec![(1, a.to_owned()), (24, b.to_owned())]
}

fn error(text: &str) -> String {
    match Schedule::parse(text) {
        Err(error) => error.to_string(),
        Ok(schedule) => panic!("{text} was read as {schedule:?}"),
    }
}

fn said(text: &str) -> Vec<String> {
    read(text).remarks(&Numbering::of_clip(1, 48))
}

#[test]
fn plain_text_is_one_prompt() {
    let text = "a cat, (oil:1.3)\nand a dog";
    assert_eq!(read(text).at(-5), [(text, 1.0)]);
    assert_eq!(read("").at(3), [("", 1.0)]);
    for text in [
        "photo: a man",
        "a man; a dog; a tree",
        "a cat\n---\na dog",
        "{a|b} cat, {2::red|1::blue}",
        "{\"a\"|\"b\"}",
        "\"a quoted prompt\", oil",
        "a sign that says \"24\"",
        "1girl, 2boys",
        "2.39:1 film, 1:8 scale model",
        "1:8 scale model",
        "16:9 photo",
        "3:4, ink\noil",
        "oil, 16:9\nink, 4:3",
        "a clock at 12:30",
        "a \\n b",
        "50% grey\n3 men",
        "<lora:name:0.8> (word:1.2) BREAK [x] AND y",
        "3 girls: a painting",
        "ratio 16:9",
        "a photo, 1:1",
        "1 girl\n2 boys",
        "1,000 cats\n2,000 dogs",
        "a cat --- 16:9",
        "a cat -- a dog",
        "# a photo\n// b",
        "[[blurry]], [{a|b}]",
        "end credits: a film",
        "prompts: a cat",
    ] {
        let schedule = read(text);
        assert_eq!(schedule.at(20), [(text, 1.0)]);
        assert_eq!(schedule.remarks(&Numbering::of_clip(1, 48)), [""; 0], "{text}");
    }
}

#[test]
fn lines_are_blended_linearly() {
    let s = read("10: ink\n20: oil\nthick\n");
    assert_eq!(s.at(1), [("ink", 1.0)]);
    assert_eq!(s.at(10), [("ink", 1.0)]);
    assert_eq!(s.at(15), [("ink", 0.5), ("oil thick", 0.5)]);
    assert_eq!(s.at(20), [("oil thick", 1.0)]);
    assert_eq!(s.at(99), [("oil thick", 1.0)]);
    assert_eq!(keys("24: b\n1: a"), two("a", "b"), "in any order");
}

#[test]
fn every_way_of_writing_it() {
    for text in [
        "1: a photo\n24: a sketch",
        "1: a photo\r\n24: a sketch\r\n",
        "1: a photo\r24: a sketch",
        "1:a photo\n24:a sketch",
        "1 : a photo\n\n 24 : a sketch",
        "1.0: a photo\n24.0: a sketch",
        "1: a photo; 24: a sketch",
        "1: a photo;\n24: a sketch;",
        "1: a photo, 24: a sketch",
        "1:\na photo\n24:\na sketch",
        "1: a photo\\n24: a sketch",
        "\"1\": \"a photo\",\n\"24\": \"a sketch\",",
        "\"1\": \"a photo\",\n\"24\": \"a sketch\"",
        "\"1\" :\"a photo\", \"24\" :\"a sketch\"",
        "\"1\": \"a photo\"\n\"24\": \"a sketch\"",
        "\"1\": a photo,\n\"24\": a sketch",
        "1: \"a photo\",\n24: \"a sketch\",",
        "'1': 'a photo',\n'24': 'a sketch'",
        "“1”: “a photo”,\n“24”: “a sketch”",
        "„1“: „a photo“,\n„24“: „a sketch“",
        "1 = \"a photo\",\n24 = \"a sketch\"",
        "Frame 1: a photo\nframe 24: a sketch",
        "f1: a photo\nf24: a sketch",
        "- 1: a photo\n- 24: a sketch",
        "[1]: a photo\n[24]: a sketch",
        "1：a photo\n24：a sketch",
        "{\"1\": \"a photo\", \"24\": \"a sketch\"}",
        "{\n  \"1\": \"a photo\",\n  \"24\": \"a sketch\",\n}\n",
        "{\"1\":\"a photo\",\"24\":\"a sketch\",}",
        "{\"24\": \"a sketch\", \"1\": \"a photo\"}",
        "{ 1: \"a photo\", 24: \"a sketch\" }",
        "{'1': 'a photo', '24': 'a sketch'}",
        "{\n\"1\":\n\"a photo\",\n\"24\":\n\"a sketch\"\n}",
        "\u{feff}1: a photo\n24: a sketch",
        "\u{200b}1: a photo\n\u{200b}24: a sketch",
        "1: a photo, 24: a sketch,",
        "**1:** a photo\n**24:** a sketch",
        "> 1: a photo\n> 24: a sketch",
        "+ 1: a photo\n+ 24: a sketch",
        "1f: a photo\n24f: a sketch",
        "frame_1: a photo\nframe=24: a sketch",
        "# 1: a photo\n# 24: a sketch",
        "```json\n{\"1\": \"a photo\",\n\"24\": \"a sketch\"}\n```",
        "```\n1: a photo\n24: a sketch\n```",
        "{\"1\":\"a photo\" \"24\":\"a sketch\"}",
        "\"1\": \"a photo\" \"24\": \"a sketch\"",
        "{\"1\": \"a photo\",, \"24\": \"a sketch\"}",
        "{\"1\": \"\"\"a photo\"\"\", \"24\": \"a sketch\"}",
        "animation_prompts = {\"1\": \"a photo\", \"24\": \"a sketch\"}",
        "prompts = {\n1: 'a photo',\n24: 'a sketch'\n}",
        "\"animation_prompts\": {\"1\": \"a photo\", \"24\": \"a sketch\"},",
        "{\"prompt_map\": {\"1\": \"a photo\", \"24\": \"a sketch\"}, \"head_prompt\": \"\"}",
    ] {
        assert_eq!(keys(text), two("a photo", "a sketch"), "{text}");
        assert_eq!(said(text), [""; 0], "{text}");
    }
}

#[test]
fn texts_are_kept_as_they_are() {
    for (text, a) in [
        ("1: a; b\n24: x", "a; b"),
        ("1: (a:1.3), <lora:b:0.8>\n24: x", "(a:1.3), <lora:b:0.8>"),
        ("1: \"open\" sign\n24: x", "\"open\" sign"),
        ("1: \"a\" and \"b\"\n24: x", "\"a\" and \"b\""),
        ("1: 'tis the season\n24: x", "'tis the season"),
        ("1: a, \n24: x", "a"),
        ("1: a,\n24: x,", "a"),
        ("\"1\": \"a \\\"b\\\" c\",\n\"24\": \"x\"", "a \"b\" c"),
        ("\"1\": \"a \\(b\\)\",\n\"24\": \"x\"", "a \\(b\\)"),
        ("\"1\": \"a \"b\" c\",\n\"24\": \"x\"", "a \"b\" c"),
        ("{\"1\": \"a\\nb \\u00e9\", \"24\": \"x\"}", "a b é"),
        ("{\"1\": \"a,\n  b\", \"24\": \"x\"}", "a,   b"),
        ("{\"1\": \"{a|b}, 3: c\", \"24\": \"x\"}", "{a|b}, 3: c"),
        ("1: a {b|c}\n24: x", "a {b|c}"),
        ("1: a\n16:9 photo\n24: x", "a 16:9 photo"),
    ] {
        assert_eq!(keys(text), two(a, "x"), "{text}");
    }
}

#[test]
fn a_head_goes_before_every_prompt_and_a_tail_behind() {
    let all = two("best, a, grain", "best, b, grain");
    for text in [
        "best\n1: a\n24: b\n---\ngrain",
        "best,\n1: a\n24: b\n------\n\ngrain\n",
        "best; 1: a; 24: b; ---; grain",
        "best; 1: a; 24: b --- grain",
        "best\n---\n1: a\n24: b\n—\ngrain",
        "best\n\"1\": \"a\",\n\"24\": \"b\",\n---\ngrain",
        "best\n{\"1\": \"a\", \"24\": \"b\"}\n---\ngrain",
        "best\\n1: a\\n24: b\\n---\\ngrain",
        "best --- 1: a; 24: b --- grain",
        "best\n\"1\": \"a\", \"24\": \"b\" ---grain",
        "best\n1: a\n24: b\n---grain",
        "best\n1: a\n24: b\n***\ngrain",
        "best\n1: a\n24: b\n- - -\ngrain",
        "best\n1: a\n24: b\n--\ngrain",
        "best, {\"1\": \"a\", \"24\": \"b\"}\n===\ngrain",
        "{\"head_prompt\": \"best\", \"prompt_map\": {\"1\": \"a\", \"24\": \"b\"}, \"tail_prompt\": \"grain\"}",
        "\"head_prompt\": \"best\",\n\"prompt_map\": {\n\"1\": \"a\", \"24\": \"b\"\n},\n\"tail_prompt\": \"grain\",",
    ] {
        assert_eq!(keys(text), all, "{text}");
        assert_eq!(said(text), [""; 0], "{text}");
    }
    assert_eq!(keys("best\nmore\n1:\n24: b"), two("best more", "best more, b"));
    assert_eq!(keys("16:9 photo\n1: a\n24: b"), two("16:9 photo, a", "16:9 photo, b"));
    assert_eq!(read("best\n20: b").at(1), [("best, b", 1.0)]);
}

#[test]
fn a_digit_behind_the_colon() {
    assert_eq!(keys("1: a\n24:3d render"), two("a", "3d render"));
    assert_eq!(keys("1: a\n24:3 cats"), two("a", "3 cats"));
    assert_eq!(keys("1:1girl\n24:2girls"), two("1girl", "2girls"));
    assert_eq!(keys("16: 9 cats"), [(16, "9 cats".to_owned())]);
    let alone = read("4:3d render");
    assert_eq!(alone.at(9), [("4:3d render", 1.0)]);
    let [sentence] = &said("4:3d render")[..] else { panic!() };
    assert!(sentence.starts_with("line 1 `4:3d render` looks like a part of a schedule"), "{sentence}");
    let [sentence] = &said("1: a\n16:9 photo\n24: b")[..] else { panic!() };
    assert!(sentence.starts_with("line 2 `16:9 photo` was read as a ratio"), "{sentence}");
}

#[test]
fn what_cannot_be_a_schedule_is_named_with_its_line() {
    for (text, expected) in [
        ("1: a\n1.5: b", "line 2 `1.5: b`: a frame is a whole number"),
        ("1: a\n-4: b", "line 2 `-4: b`: frames count from 1"),
        ("1: a\n\n24: b\n24: c", "line 4 `24: c`: frame 24 is in line 3 already"),
        ("1: a\n1.0: b", "line 2 `1.0: b`: frame 1 is in line 1 already"),
        ("1-12: a\n13-24: b", "line 1 `1-12: a`: an item begins at one frame, up to the next item's"),
        ("\"1-24\": \"a\"", "line 1 `\"1-24\": \"a\"`: an item begins at one frame, up to the next item's"),
        ("0%: a\n50%: b", "line 1 `0%: a`: percentages are not supported; write the frame"),
        ("1: a\nmax_f-1: b", "line 2 `max_f-1: b`: expressions are not supported; write the frame"),
        ("00:00: a\n00:02: b", "line 1 `00:00: a`: times are not supported; write the frame"),
        ("0s: a\n1.5s: b", "line 1 `0s: a`: times are not supported; write the frame"),
        ("1: a\n99999999999999999999: b", "no clip has that many frames"),
        (
            "\"0\": \"a\", \"0:16\": \"b\"\n\"24\": \"c\"",
            "line 1 `\"0:16\": \"b\"`: an item begins at one frame",
        ),
        (
            "\"0\": \"a\", \"16\": \"b\"\n\"24\": \"c\n",
            "line 2 `\"24\": \"c`: the quotation mark is not closed",
        ),
        ("{\"1\": \"a\",\n\"24\": \"b\"\n", "line 1 `{\"1\": \"a\",`: the brace is not closed"),
        ("\"1\": \"a\",\n\"24\": \"b\"\n}", "line 3 `}`: it closes a brace that was not opened"),
        ("{\"1\": \"a\",\n\"24\": \"b}", "line 2 `\"24\": \"b}`: the quotation mark is not closed"),
        ("{\"1\": \"a,\n\"24\": \"b\"}", "line 1 `\"1\": \"a,`: the quotation mark is not closed"),
        ("1: \"a\n24: b", "line 1 `1: \"a`: the quotation mark is not closed"),
        ("{\"1\": \"a\"} b", "line 1 `b`: it stands behind the closing brace"),
        ("{\"1\": \"a\"}\n24: b", "line 2 `24: b`: it stands behind the closing brace"),
        (
            "{\"prompt\": \"a\"}",
            "line 1 `\"prompt\": \"a\"}`: before the colon the number of a frame is expected",
        ),
        ("{\"1\": {\"prompt\": \"a\"}}", "a text in quotation marks is expected behind the colon"),
        ("{\"1\": [\"a\"]}", "a text in quotation marks is expected behind the colon"),
        ("{\"1\": 5}", "a text in quotation marks is expected behind the colon"),
        ("1: a\n---\n24: b", "line 3 `24: b`: it stands behind ---"),
        ("1: a\n24: b\n---\nc\n---\nd", "line 5 `---`: there is a --- in line 3 already"),
        ("1: a photo --- 4: a sketch", "line 1 `4: a sketch`: it stands behind ---"),
        ("1: a photo ---4: a sketch", "line 1 `4: a sketch`: it stands behind ---"),
        ("{\"1\": \"a\" + \"b\"}", "behind its colon there are several texts"),
        ("{\"1\": \"a\" \"b\"}", "behind its colon there are several texts"),
        ("{\"0\": \"a\", \"max_f\": \"b\"}", "line 1 `\"max_f\": \"b\"}`: expressions are not supported"),
        ("\"0\": \"a\", \"max_f\": \"b\"", "expressions are not supported"),
        ("[{\"frame\": 1, \"prompt\": \"a\"}]", "a list cannot be a schedule; write {\"1\": \"a photo\""),
        ("[[1, \"a\"], [24, \"b\"]]", "a list cannot be a schedule"),
        (
            "{\"prompt_map\": {\"1\": \"a\"}, \"head_prompt\": }",
            "the text around prompt_map is not valid JSON",
        ),
        (
            "{\n\"prompt_map\": {\n\"1\": \"a\", \"1\": \"b\"}}",
            "line 3 `\"1\": \"b\"}`: frame 1 is in line 3 already",
        ),
        ("Frames 1-3: a\nFrames 4-6: b", "an item begins at one frame"),
        ("1 to 3: a\n4 to 6: b", "an item begins at one frame"),
        (
            "\"0\": \"(a:`sin(t)`)\",\n\"24\": \"b\"",
            "line 1 `\"0\": \"(a:`sin(t)`)\",`: expressions are not supported",
        ),
        (
            "\"1\": \"a --neg b\"",
            "line 1 `\"1\": \"a --neg b\"`: --neg is not supported; negativePrompt takes a schedule, too",
        ),
    ] {
        let sentence = error(text);
        assert!(sentence.contains(expected), "{text}: {sentence}");
    }
}

#[test]
fn what_may_have_been_meant_another_way_is_told() {
    for (text, expected) in [
        ("\"0\": \"a\",\n\"24\": \"b\"", "lies one frame before the clip, whose frames count from 1"),
        ("1: a | 24: b", "`24:` in the prompt of line 1"),
        ("1:a photo 24:b", "`24:` in the prompt of line 1"),
        ("1 :a | 24 :b", "`24:` in the prompt of line 1"),
        ("1: a\n---\nb 24: c", "`24:` behind ---"),
        ("1: a\n24: b---\nc", "a --- in the prompt of line 2"),
        ("1: a\n4 b", "line 2 `4 b` was read as words"),
        ("1: a\n4; b", "line 2 `4; b` was read as words"),
        ("1: a\n4, b", "line 2 `4, b` was read as words"),
        ("1: a\n4 = b", "line 2 `4 = b` was read as words"),
        ("1: a\nend: b", "line 2 `end: b` was read as words"),
        ("1: a\n4 b\nlast: c", "(and 1 more)"),
        ("1: a\n# 4: b\n8: c", "line 2 `# 4: b` was left out as a comment"),
        ("# mine\n1: a\n// yours\n8: c", "line 1 `# mine` was left out as a comment (and 1 more)"),
        ("{\"1\": \"a\", // mine\n\"24\": \"b\"}", "line 1 `// mine` was left out as a comment"),
        ("Shot 1: a\nShot 2: b", "looks like a list by frames"),
        ("t1: a\nt4: b", "looks like a list by frames"),
        ("start: a\nend: b", "looks like a list by frames"),
        ("1\ta\n4\tb", "looks like a list by frames"),
        ("1,a\n4,b", "looks like a list by frames"),
        ("1|a\n4|b", "looks like a list by frames"),
        ("1=a\n4=b", "looks like a list by frames"),
        ("\"1: a\"\n\"4: b\"", "looks like a list by frames"),
        ("(0:(a)),(4:(b))", "looks like a list by frames"),
        ("1:1 girl\n4:1 boy", "line 1 `1:1 girl` was read as a ratio, and the text as one prompt"),
        ("1:3 girls\n4:3 boys", "line 1 `1:3 girls` was read as a ratio, and the text as one prompt"),
        (
            "{\"n_prompt\": [\"x\"], \"prompt_map\": {\"1\": \"a\"}, \"tail_prompt\": \"b\"}",
            "only prompt_map, head_prompt and tail_prompt are used, not n_prompt",
        ),
        ("best\n1: a\n24: b\nsmile", "a line --- before them"),
        ("a poster; 24: b", "looks like a part of a schedule"),
        ("1.5: a", "looks like a part of a schedule"),
        ("1. a\n24. b", "looks like a list by frames"),
        ("1 - a\n24 - b", "looks like a list by frames"),
        (
            "1001: a\n1024: b",
            "begins at frame 1001, which is past the end of the clip, whose frames are 1 to 48",
        ),
        ("1: a\n100: b", "from frame 100 on is past the end of the clip"),
        ("1: a\n24: b\n48: c\n60: d\n100: e", "from frame 60 on is past the end of the clip"),
        ("24: a", "has frame 24 only"),
        ("big 1: a photo\n4: neon\n24: b", "`1:` in line 1 was read as words of the head"),
        ("1 a photo\n24 a sketch\n48 a neon", "looks like a list by frames"),
        ("Frame 1 - a\nFrame 24 - b", "looks like a list by frames"),
        ("(0: a photo), (10: neon)", "looks like a list by frames"),
        ("- frame: 1\n  prompt: a", "looks like a list by frames"),
        ("[1] a photo\n[4] neon", "looks like a list by frames"),
        ("1: a\n(4) b", "line 2 `(4) b` was read as words"),
        ("1: a\n[4] b", "line 2 `[4] b` was read as words"),
        ("1: a photo\n4: neon, 8 night", "`8 night` in the prompt of line 2"),
        ("1: a photo, 2 dogs\n4: neon", "`2 dogs` in the prompt of line 1"),
        ("1:3 girls", "looks like a part of a schedule"),
        ("24:3 cats", "looks like a part of a schedule"),
        ("1: a photo, 16:9\n4: neon", "line 1 `16:9` was read as a ratio, not as a frame"),
        ("1: a photo\n4: \n8: night", "the prompt at frame 4 in line 2 is empty"),
        ("{\"1\": \"\"}", "the prompt at frame 1 in line 1 is empty"),
        ("1: a\n24: b\n-- tail", "`-- tail` was read as words of a prompt"),
    ] {
        let sentences = said(text);
        assert!(sentences.len() == 1 && sentences[0].contains(expected), "{text}: {sentences:?}");
    }
    let moved = read("1001: a\n1024: b").remarks(&Numbering::of_clip(1001, 1048));
    assert!(moved[0].ends_with("1 to 48 here (its first is the host's 1001)"), "{moved:?}");
    assert_eq!(read("a").remarks(&Numbering::assumed(0)), [""; 0]);
    assert_eq!(read("1: a\n2: b").remarks(&Numbering::assumed(0)).len(), 1);
}

#[test]
fn the_first_item_may_stand_behind_the_heads_comma() {
    let all = two("best, a", "best, b");
    for text in ["best, 1: a\n24: b", "best, 1: a; 24: b", "best,\n1: a,\n24: b,"] {
        assert_eq!((keys(text), said(text)), (all.clone(), Vec::new()), "{text}");
    }
    assert_eq!(read("best, 1: a, 24: b").at(24), [("best, 1: a, 24: b", 1.0)]);
    assert!(said("best, 1: a, 24: b")[0].contains("looks like a part of a schedule"));
    // The numbers do not ascend from 30.
    assert_eq!(keys("best, 30: a\n24: b"), [(24, "best, 30: a, b".to_owned())]);
    assert!(said("best, 30: a\n24: b").iter().any(|said| said.starts_with("`30:` in line 1")));
}

#[test]
fn what_in_a_schedule_is_no_doubt() {
    for text in [
        "1: a photo, 85 mm\n24: neon, 3d render",
        "1: a photo, 1girl, 2boys\n24: b",
        "1: a cat at 10:30 am\n24: b",
        "24: a, 12 dogs\n1: b",
        "best\n1:\n24: b",
    ] {
        assert_eq!(said(text), [""; 0], "{text}");
    }
}

#[test]
fn behind_words_a_comment_is_words() {
    let schedule = read("1: a // note\n24: https://b");
    assert_eq!(schedule.at(1), [("a // note", 1.0)]);
    assert_eq!(schedule.at(24), [("https://b", 1.0)]);
}

#[test]
fn zero_is_the_frame_before_the_first() {
    assert_eq!(read("0: a\n4: b").at(1), [("a", 0.75), ("b", 0.25)]);
}

#[test]
fn numbers_of_any_size() {
    let s = read(&format!("0: a\n{}: b", i64::MAX));
    let [(a, one), (b, two)] = s.at(i64::MAX / 2)[..] else { panic!("{:?}", s.at(9)) };
    assert_eq!((a, b), ("a", "b"));
    assert!((one + two - 1.0).abs() < 1e-6 && (0.0..=1.0).contains(&one), "{one} and {two}");
}

#[test]
fn tracks_mix_two_prompts() {
    let (a, b) = (read("a"), read("1: b\n5: a"));
    let mut t = TrackBuilder::default();
    for number in 1..4 {
        t.frame(number, &[(&a, 0.75), (&b, 0.25)]);
    }
    let track = t.finish();
    assert_eq!(track.texts, ["a", "b"]);
    assert_eq!(track.mix[0], [(0, 0.75), (1, 0.25)]);
    assert_eq!(track.mix[2], [(0, 0.875), (1, 0.125)]);
}

/// Fragments of schedules, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("1: "),
        Just("24:"),
        Just("\"7\": "),
        Just("'8':"),
        Just("“9”："),
        Just("{"),
        Just("}"),
        Just("\""),
        Just("'"),
        Just("”"),
        Just(","),
        Just(";"),
        Just("\n"),
        Just("\r\n"),
        Just("---"),
        Just("—"),
        Just("16:9"),
        Just("4:3d"),
        Just("1.5:"),
        Just("-3:"),
        Just("0: "),
        Just("max_f: "),
        Just("\\n"),
        Just("\\\""),
        Just("`t`"),
        Just(" "),
        Just("a"),
        Just("é|"),
        Just("=\""),
        Just("frame 3:"),
        Just("\u{2028}"),
        Just("***\n"),
        Just("# "),
        Just("//"),
        Just("```\n"),
        Just("\"prompt_map\": {"),
        Just("= "),
        Just("[{"),
        Just("\u{200b}"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn weights_add_up_to_one(text in prop_oneof![pieces(), any::<String>()], number: i64) {
        if let Ok(schedule) = Schedule::parse(&text) {
            let _ = schedule.remarks(&Numbering::of_clip(1, 48));
            for number in [number, i64::MIN, 0, 1, 2, 12, i64::MAX] {
                let prompts = schedule.at(number);
                prop_assert!((1..=2).contains(&prompts.len()));
                let sum: f32 = prompts.iter().map(|(_, weight)| *weight).sum();
                prop_assert!((sum - 1.0).abs() < 1e-5 && prompts.iter().all(|(_, weight)| (0.0..=1.0).contains(weight)));
            }
        }
    }

    #[test]
    fn one_prompt_stays_itself(text in "[a-z(){}|;,.\"' \n-]{0,40}") {
        // Without a digit there is no number and so no schedule, except for an object with other keys.
        if let Ok(schedule) = Schedule::parse(&text) {
            prop_assert_eq!(schedule.at(1), [(text.trim(), 1.0)]);
        }
    }

    #[test]
    fn an_object_is_what_serde_json_reads(texts in prop::collection::btree_map(1i64..1000, "[ -~é]{0,20}", 1..6), pretty: bool) {
        let object: serde_json::Map<String, serde_json::Value> =
            texts.iter().map(|(frame, text)| (frame.to_string(), text.as_str().into())).collect();
        let json = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
        match Schedule::parse(&json) {
            Ok(schedule) => {
                let expected: Vec<(i64, String)> = texts.iter().map(|(frame, text)| (*frame, text.trim().to_owned())).collect();
                prop_assert_eq!(schedule.keys, expected);
            }
            // Backquotes and `--neg` are syntax of other programs.
            Err(_) => prop_assert!(texts.values().any(|text| text.contains('`') || text.contains("--neg"))),
        }
    }
}
