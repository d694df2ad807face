//! Prompts with weights: any text becomes chunks of 77 tokens with finite weights.
#![no_main]

use libfuzzer_sys::fuzz_target;
use engine::nn::tokenizer::tokenize;

fuzz_target!(|text: &str| {
    // A weight outside the allowed range is an error.
    let Ok(tokens) = tokenize(text) else { return };
    assert!(!tokens.chunks.is_empty());
    for chunk in &tokens.chunks {
        assert_eq!(chunk.len(), 77);
        assert!(chunk.iter().all(|(id, weight)| *id < 49408 && weight.is_finite()));
    }
});
