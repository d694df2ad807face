//! The tokenizer against the reference workflow's lists.

use testing::networks as support;

use engine::nn::tokenizer::{END, tokenize, tokenize_padded};

#[test]
fn all_prompts_of_the_reference() {
    // A copy of ../shared/reference/vectors/tokens.json, made by the reference workflow's own code; CLIP-L only.
    let text = std::fs::read_to_string(support::golden("tokens/tokens.json")).unwrap();
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(all.len() >= 10);
    for (prompt, want) in &all {
        let got = tokenize(prompt).unwrap();
        let want: Vec<Vec<(u32, f64)>> = serde_json::from_value(want.clone()).unwrap();
        assert_eq!(got.chunks.len(), want.len(), "chunks of {prompt:?}");
        for (number, (got, want)) in got.chunks.iter().zip(&want).enumerate() {
            assert_eq!(got.len(), 77);
            let ids = |chunk: &[(u32, f64)]| chunk.iter().map(|(id, _)| *id).collect::<Vec<_>>();
            let wide: Vec<(u32, f64)> = got.iter().map(|(id, weight)| (*id, f64::from(*weight))).collect();
            // The list leaves the padding at the end of a chunk away.
            assert_eq!(ids(&wide[..want.len()]), ids(want), "chunk {number} of {prompt:?}");
            assert!(wide[want.len()..].iter().all(|token| *token == (49407, 1.0)), "padding of {prompt:?}");
            for (got, want) in wide.iter().zip(want) {
                assert!((got.1 - want.1).abs() < 1e-6, "weight {} for {} in {prompt:?}", got.1, want.1);
            }
        }
    }
}

#[test]
fn openclip_is_padded_with_zeros_behind_the_end_token() {
    let text = std::fs::read_to_string(support::golden("tokens/tokens.json")).unwrap();
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    for prompt in all.keys() {
        let (l, g) = (tokenize(prompt).unwrap(), tokenize_padded(prompt, 0).unwrap());
        assert_eq!(l.chunks.len(), g.chunks.len());
        for (l, g) in l.chunks.iter().zip(&g.chunks) {
            let end = l.iter().position(|(id, _)| *id == END).unwrap();
            assert_eq!(l[..=end], g[..=end], "{prompt:?}");
            assert_eq!(g.len(), l.len());
            assert!(g[end + 1..].iter().all(|token| *token == (0, 1.0)), "{prompt:?}");
        }
    }
}
