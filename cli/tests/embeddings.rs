//! Textual inversion embeddings: every layout, prompts with embeddings compared with the reference workflow's own
//! encoding, and the messages for the user. `golden/embeddings/generate.py` made the files.

#![allow(clippy::cast_possible_truncation, reason = "tests convert small numbers")]

use testing::networks;
use testing::plugin as support;
use testing::seeded;

use std::path::Path;
use std::process::Output;

use candle_core::{DType, Device, IndexOp, Tensor};
use engine::families::{Family, identify};
use engine::nn::{Embeddings, Tensors, TextEncoder, prompt};
use engine::weights::{Embedding, find_named};
use networks::{golden, open, tensor};

/// The allowed absolute difference from the reference workflow's encodings, whose values reach about 4.
const LIMIT: f32 = 2e-5;

/// The embeddings that a prompt names, from the folder of golden files.
fn named(text: &str) -> Embeddings {
    let mut embeddings = Embeddings::new();
    for name in prompt::read(text).unwrap().embeddings() {
        let path = find_named(name, &[golden("embeddings")]).into_iter().next().expect(name);
        let file = Embedding::of(&open(path)).expect("an embedding");
        let first = file.read_first(&Device::Cpu).unwrap().unwrap();
        let second = file.read_second(&Device::Cpu).unwrap();
        embeddings.insert(name.to_owned(), engine::nn::Embedding { first, second });
    }
    embeddings
}

fn largest(got: &Tensor, want: &Tensor) -> f32 {
    assert_eq!(got.dims(), want.dims());
    (got - want).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

/// Every fourth token, which is what the golden file contains.
fn thinned(context: &Tensor) -> Tensor {
    let places: Vec<u32> = (0..context.dim(1).unwrap() as u32).step_by(4).collect();
    context.index_select(&Tensor::new(places, &Device::Cpu).unwrap(), 1).unwrap()
}

#[test]
fn prompts_are_encoded_as_the_reference_does() {
    let file = open(golden("embeddings/encoded.safetensors"));
    let tower = |part: &str| Tensors::from_map(part, seeded::tensors(&file.metadata()[part]));
    let (l, g) = (tower("l"), tower("g"));
    let one = TextEncoder::load(&l, None, DType::F32, &Device::Cpu).unwrap();
    let two = TextEncoder::load(&l, Some(&g), DType::F32, &Device::Cpu).unwrap();
    let prompts: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&file.metadata()["prompts"]).unwrap();
    assert_eq!(prompts.len(), 8);
    for (name, prompt) in &prompts {
        let skip = if name.ends_with(".skip2") { 2 } else { 0 };
        let encoder = if name.starts_with("both") { &two } else { &one };
        let text = encoder.encode(prompt, skip, &named(prompt)).unwrap();
        let error = largest(&thinned(&text.context), &tensor(&file, name));
        println!("{name:12} {error:.2e}");
        assert!(error <= LIMIT, "{name}: {error:e}");
        if let Some(pooled) = text.pooled {
            let error = largest(&pooled, &tensor(&file, &format!("{name}.pooled")));
            assert!(error <= LIMIT, "{name}, pooled: {error:e}");
        }
        // The words without the embedding give a different result.
        let plain = prompt.replace("embedding:", "");
        let without = encoder.encode(&plain, skip, &Embeddings::new()).unwrap();
        assert!(
            without.context.dims() != text.context.dims() || largest(&without.context, &text.context) > 0.1
        );
    }
}

#[test]
fn every_layout_is_recognised_and_read() {
    let cases = [
        ("webui.pt", "a textual inversion embedding for a small model (text width 64), 3 vectors", [3, 64]),
        (
            "parameters.pt",
            "a textual inversion embedding for a small model (text width 64), 2 vectors",
            [2, 64],
        ),
        (
            "diffusers.bin",
            "a textual inversion embedding for a small model (text width 64), 1 vector",
            [1, 64],
        ),
        (
            "sub/params.safetensors",
            "a textual inversion embedding for a small model (text width 64), 4 vectors",
            [4, 64],
        ),
        ("sdxl.safetensors", "a textual inversion embedding for SDXL, 2 vectors", [2, 64]),
    ];
    for (name, description, shape) in cases {
        let file = open(golden(&format!("embeddings/{name}")));
        assert_eq!(identify(&file).description, description, "{name}");
        let vectors = Embedding::of(&file).unwrap().read_first(&Device::Cpu).unwrap().unwrap();
        assert_eq!(vectors.dims(), shape, "{name}");
        let spread = vectors.flatten_all().unwrap().var(0).unwrap().to_scalar::<f32>().unwrap().sqrt();
        assert!(
            (0.3..0.5).contains(&spread),
            "{name}: the vectors were drawn with a deviation of 0.4, not {spread}"
        );
    }
}

/// Writes a file of zero vectors.
fn zeros(
    folder: &Path,
    name: &str,
    tensors: &[(&str, &[usize])],
) -> std::sync::Arc<engine::weights::TensorFile> {
    let tensors: std::collections::HashMap<String, Tensor> = tensors
        .iter()
        .map(|(name, shape)| ((*name).to_owned(), Tensor::zeros(*shape, DType::F16, &Device::Cpu).unwrap()))
        .collect();
    let path = folder.join(name);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    open(path)
}

#[test]
fn files_of_all_families_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (sd15, xl) = ((Family::SD15, &[768][..]), (Family::SDXL, &[768, 1280][..]));
    /// Name, tensors with their shapes, description, and whether it fits SD1.5 and SDXL.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a [usize])], &'a str, [bool; 2]);
    let cases: [Case<'_>; 9] = [
        (
            "n",
            &[("emb_params", &[0, 768])],
            "a textual inversion embedding without any vector",
            [false, false],
        ),
        (
            "a",
            &[("emb_params", &[8, 768])],
            "a textual inversion embedding for SD1.5, 8 vectors",
            [true, false],
        ),
        ("b", &[("<cat>", &[768])], "a textual inversion embedding for SD1.5, 1 vector", [true, false]),
        ("c", &[("cat-toy", &[2, 768])], "a textual inversion embedding for SD1.5, 2 vectors", [true, false]),
        (
            "d",
            &[("clip_g", &[2, 1280]), ("clip_l", &[2, 768])],
            "a textual inversion embedding for SDXL, 2 vectors",
            [true, true],
        ),
        ("e", &[("emb_params", &[1, 1024])], "a textual inversion embedding for SD2", [false, false]),
        (
            "f",
            &[("clip_g", &[2, 1280])],
            "a textual inversion embedding for SDXL without its part for CLIP-L",
            [false, false],
        ),
        (
            "g",
            &[("<a>", &[768]), ("<b>", &[768])],
            "several textual inversion embeddings in one file",
            [false, false],
        ),
        (
            "h",
            &[("text_projection", &[768, 768])],
            "not a model that Unsample knows (its first tensor is `text_projection`)",
            [false, false],
        ),
    ];
    for (name, tensors, description, fits) in cases {
        let file = zeros(folder.path(), &format!("{name}.safetensors"), tensors);
        let identity = identify(&file);
        assert_eq!(identity.description, description);
        for ((family, widths), fits) in [sd15, xl].into_iter().zip(fits) {
            let checked = identity.require_embedding(&file, family, widths);
            assert_eq!(checked.is_ok(), fits, "{description}: {checked:?}");
        }
    }
    let file = zeros(folder.path(), "x.safetensors", &[("emb_params", &[8, 768])]);
    assert_eq!(
        identify(&file).require_embedding(&file, Family::SDXL, &[768, 1280]).unwrap_err().to_string(),
        "x.safetensors is a textual inversion embedding for SD1.5, 8 vectors; an SDXL checkpoint takes textual inversion \
         embeddings for SDXL"
    );
}

/// Renders a frame with the golden embeddings in the models folder.
fn render(models: &Path, folder: &Path, set: &[(&str, &str)]) -> Output {
    support::write_clip(&folder.join("clip"), 2);
    let mut command = std::process::Command::new(support::tool());
    command
        .env("UNSAMPLE_MODELS", models)
        .env("XDG_DATA_HOME", folder)
        .arg("render")
        .arg(folder.join("clip"));
    command.arg("-o").arg(folder.join("out/%04d.png")).arg("--bundle").arg(support::bundle());
    command.args(["--frames", "1-1"]);
    let cache = format!("cacheFolder={}", folder.join("cache").display());
    let diagnostics = format!("diagnosticsFile={}", folder.join("stages.safetensors").display());
    let all = [("workingSize", "32"), ("steps", "1"), ("segmentFrames", "2")];
    command.args(["--set", &cache, "--set", &diagnostics]);
    for (name, value) in all.iter().chain(set) {
        command.args(["--set", &format!("{name}={value}")]);
    }
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn copied(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let name = Path::new(name).file_name().unwrap();
        let from = find_named(name.to_str().unwrap(), &[golden("embeddings")]);
        std::fs::copy(&from[0], folder.path().join(name)).unwrap();
    }
    folder
}

/// The text encoding in the diagnostics, at the tokens after the start token.
fn encoded(folder: &Path, name: &str) -> Tensor {
    tensor(&open(folder.join("stages.safetensors")), name).i((0, 1..6)).unwrap()
}

#[test]
fn a_render_uses_embeddings_and_their_contents_are_in_the_keys() {
    let (models, folder) = (copied(&["webui.pt", "params.safetensors"]), tempfile::tempdir().unwrap());
    let set =
        [("prompt", "an ink drawing"), ("negativePrompt", "(embedding:webui:1.2), blurry"), ("cfg", "3")];
    let first = render(models.path(), folder.path(), &set);
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(!stderr(&first).contains("in a prompt"), "{}", stderr(&first));
    let (style, negative) =
        (encoded(folder.path(), "text.positive"), encoded(folder.path(), "text.negative"));
    let picture = std::fs::read(folder.path().join("out/0001.png")).unwrap();

    // Another file under the same name is another embedding, even if the result of the first is cached.
    std::fs::remove_file(models.path().join("webui.pt")).unwrap();
    std::fs::rename(models.path().join("params.safetensors"), models.path().join("webui.safetensors"))
        .unwrap();
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    let second = render(models.path(), folder.path(), &set);
    assert!(second.status.success(), "{}", stderr(&second));
    assert_eq!(largest(&encoded(folder.path(), "text.positive"), &style), 0.0);
    assert!(largest(&encoded(folder.path(), "text.negative"), &negative) > 0.1);
    assert_ne!(std::fs::read(folder.path().join("out/0001.png")).unwrap(), picture);
}

#[test]
fn what_cannot_be_used_is_one_sentence_and_the_source() {
    let models = copied(&["webui.pt", "sdxl.safetensors"]);
    let wide = std::collections::HashMap::from([(
        "emb_params".to_owned(),
        Tensor::zeros((2, 768), DType::F32, &Device::Cpu).unwrap(),
    )]);
    candle_core::safetensors::save(&wide, models.path().join("sd15.safetensors")).unwrap();
    let broken = std::collections::HashMap::from([(
        "emb_params".to_owned(),
        Tensor::full(f32::NAN, (2, 64), &Device::Cpu).unwrap(),
    )]);
    candle_core::safetensors::save(&broken, models.path().join("broken.safetensors")).unwrap();
    let huge = std::collections::HashMap::from([(
        "emb_params".to_owned(),
        Tensor::full(-2e4f32, (2, 64), &Device::Cpu).unwrap(),
    )]);
    candle_core::safetensors::save(&huge, models.path().join("huge.safetensors")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            "prompt",
            "embedding:huge",
            "huge.safetensors cannot be used: the tensor `emb_params` makes values of up to 2e4",
        ),
        (
            "prompt",
            "embedding:missing",
            "a prompt names embedding:missing, and there is no file of this name in",
        ),
        ("prompt", "embedding:webui:1.2", "a weight needs parentheses, as in (embedding:webui:1.2)"),
        (
            "negativePrompt",
            "embedding:sd15",
            "sd15.safetensors is a textual inversion embedding for SD1.5, 2 vectors; \
          the checkpoint takes textual inversion embeddings of width 64",
        ),
        (
            "prompt",
            "embedding:broken",
            "broken.safetensors is damaged: the tensor `emb_params` holds NaN or infinite values",
        ),
        ("prompt", "a, embedding: ", "`embedding:` in a prompt has no name behind it"),
        ("prompt", "a (cat:1e30)", "the weight 1e30 of `cat` in a prompt is outside of -100 to 100"),
        (
            "checkpoint",
            "webui.pt",
            "prompts use it: put it into the models folder and write embedding:webui in a prompt",
        ),
        ("lora1File", "webui.pt", "write embedding:webui in a prompt"),
    ];
    for (name, value, sentence) in cases {
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
        let output = render(models.path(), folder.path(), &[(name, value)]);
        assert_eq!(output.status.code(), Some(1), "{value}: {}", stderr(&output));
        assert!(stderr(&output).contains(sentence), "{value}: {}", stderr(&output));
    }
}

#[test]
fn a_name_of_two_embeddings_is_told_each_time() {
    let (models, folder) = (copied(&["webui.pt"]), tempfile::tempdir().unwrap());
    let sub = models.path().join("sub");
    std::fs::create_dir(&sub).unwrap();
    std::fs::copy(models.path().join("webui.pt"), sub.join("webui.pt")).unwrap();
    for _ in 0..2 {
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
        let output = render(models.path(), folder.path(), &[("prompt", "a cat, embedding:webui")]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("embedding:webui is the name of several files"),
            "{}",
            stderr(&output)
        );
    }
    let _ = std::fs::remove_dir_all(folder.path().join("out"));
    let output = render(models.path(), folder.path(), &[("prompt", "a cat, embedding:sub/webui")]);
    assert!(!stderr(&output).contains("several files"), "{}", stderr(&output));
}

#[test]
fn what_is_read_otherwise_is_said() {
    let (models, folder) = (copied(&["webui.pt"]), tempfile::tempdir().unwrap());
    let zero = std::collections::HashMap::from([(
        "emb_params".to_owned(),
        Tensor::zeros((2, 64), DType::F32, &Device::Cpu).unwrap(),
    )]);
    candle_core::safetensors::save(&zero, models.path().join("zero.safetensors")).unwrap();
    let set = [
        ("prompt", "a cat <lora:ink:0.8> [blurry] embedding:zero"),
        ("negativePrompt", "(WebUI:1.2), bad"),
        ("cfg", "1"),
    ];
    let output = render(models.path(), folder.path(), &set);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    for sentence in [
        "`<lora:ink:0.8>` was taken out of a prompt, where it loads nothing; choose ink in lora1File",
        "`[blurry]` in a prompt is read as plain words",
        "zero.safetensors holds nothing but zeros, so it says nothing where a prompt names it",
        "`WebUI` in a prompt is read as plain words, and there is an embedding of this name in the models folder; to use \
         it write embedding:webui",
    ] {
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn names_are_found_with_folders_and_in_other_capitals() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a/neg.pt", "b/neg.safetensors", "b/Neg.bin", "c/v1.5.pt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let find = |name: &str| -> Vec<String> {
        find_named(name, &[folder.path().into()])
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_string_lossy().replace('\\', "/"))
            .collect()
    };
    assert_eq!(find("neg"), ["b/neg.safetensors", "a/neg.pt", "b/Neg.bin"]);
    assert_eq!(find("NEG.PT"), ["a/neg.pt"]);
    assert_eq!(find("a/neg"), ["a/neg.pt"]);
    assert_eq!(find("B\\neg"), ["b/neg.safetensors", "b/Neg.bin"]);
    assert_eq!(find("v1.5"), ["c/v1.5.pt"]);
    assert_eq!(find("v1"), [""; 0]);
}
