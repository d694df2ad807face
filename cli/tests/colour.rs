//! The interpretation of a clip's values all the way through a host: reported colour spaces, hidden colours,
//! highlights.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests convert small numbers")]

use openfx_host as host;
use testing::plugin as support;
use testing::stage;

use std::ffi::CStr;
use std::path::Path;

use image::{ImageBuffer, Rgb, Rgba};
use openfx_sys::*;

use host::instance::Instance;
use host::session::{ColourManagement, Settings};
use stage::{load, recipe};
use support::{fine, pixels, render, scene};

/// A tensor of a diagnostics file, as floats.
fn tensor(file: &Path, name: &str) -> Vec<f32> {
    let bytes = std::fs::read(file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let data = tensors.tensor(name).unwrap().data().to_vec();
    data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Writes two 16-bit images with one value per channel.
fn write_flat(folder: &Path, value: [f32; 3]) {
    std::fs::create_dir_all(folder).unwrap();
    for frame in 1..=2 {
        let picture: ImageBuffer<Rgb<u16>, Vec<u16>> =
            ImageBuffer::from_pixel(40, 32, Rgb(value.map(|v| (v * 65535.0).round() as u16)));
        picture.save(folder.join(format!("{frame:04}.png"))).unwrap();
    }
}

/// Renders a flat clip with more arguments; returns the colour that the model sees, and the messages.
fn seen(value: [f32; 3], more: &[&str]) -> ([f32; 3], String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_flat(&at("in"), value);
    let file = at("d.safetensors");
    let set = format!("diagnosticsFile={}", file.display());
    let mut arguments = vec!["--frames", "1-1", "--set", &set, "--set", "steps=1"];
    arguments.extend(more);
    let said = fine(&render(&at("in"), &at("out"), &at("cache"), &arguments));
    let working = tensor(&file, "frames.working");
    let plane = 40 * 32;
    ([working[0], working[plane], working[2 * plane]], said)
}

#[track_caller]
fn close(got: [f32; 3], want: [f32; 3]) {
    for (g, w) in got.into_iter().zip(want) {
        assert!((g - w).abs() < 2.0 / 255.0, "{got:?} for {want:?}");
    }
}

#[test]
fn the_effect_asks_to_be_told_and_hosts_that_cannot_tell_are_not_asked() {
    let style = |settings: Settings| {
        let (plugin, _) = load(settings);
        let cache = tempfile::tempdir().unwrap();
        let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
        let declared = plugin.description.props.string(kOfxImageEffectPropColourManagementStyle);
        let agreed = instance.effect.props.string(kOfxImageEffectPropColourManagementStyle);
        let space =
            |name: &CStr| instance.effect.clip(name).unwrap().props.string(kOfxImageClipPropColourspace);
        (declared, agreed, space(c"Source"), space(c"Output"))
    };
    let core = kOfxImageEffectColourManagementCore.to_str().unwrap().to_owned();
    let none = kOfxImageEffectColourManagementNone.to_str().unwrap().to_owned();
    let named = ColourManagement::Named("ACEScg".into());
    let told = style(Settings { colour: named.clone(), ..Settings::default() });
    assert_eq!(told, (core.clone(), core, "ACEScg".into(), "ACEScg".into()));
    let off = style(Settings { colour: ColourManagement::Off, ..Settings::default() });
    assert_eq!(off, (none.clone(), none.clone(), String::new(), String::new()));
    // Nuke hides effects that request a colour space, or fails on them.
    let nuke = Settings { name: "uk.co.thefoundry.nuke".into(), colour: named, ..Settings::default() };
    assert_eq!(style(nuke), (none.clone(), none, String::new(), String::new()));
}

#[test]
fn a_clip_is_read_in_the_colour_space_that_the_host_tells() {
    let grey = 0.18f32;
    let srgb = 0.461_356;
    for (space, value, want) in [
        ("srgb_display", 0.5, 0.5),
        ("none", 0.5, 0.5),
        ("lin_rec709_srgb", grey, srgb),
        ("ACEScg", grey, srgb),
        ("ACEScct", 0.413_588_4, srgb),
        ("rec2100_pq_display", 0.5807, 1.0),
        ("rec2100_hlg_display", 0.75, 1.0),
        // 26 cd/m2, the grey card of BT.2408.
        ("rec2100_pq_display", 0.3788, 0.395),
    ] {
        let (got, said) = seen([value; 3], &["--colourspace", space]);
        close(got, [want; 3]);
        assert!(!said.contains("colour space"), "{said}");
    }
    // The colour of BT.2020 that is Rec.709's red.
    let red = [0.6274f32, 0.0691, 0.0164].map(|v| v.powf(1.0 / 2.2));
    close(seen(red, &["--set", "inputColour=gamma22", "--set", "inputPrimaries=rec2020"]).0, [1.0, 0.0, 0.0]);
    // The user's choice has priority over what the host reports.
    close(
        seen([0.5; 3], &["--colourspace", "rec2100_pq_display", "--set", "inputColour=display"]).0,
        [0.5; 3],
    );
    let (got, said) = seen([0.5; 3], &["--colourspace", "arri_logc4"]);
    close(got, [0.5; 3]);
    assert!(said.contains("Unsample does not know the clip's colour space arri_logc4"), "{said}");
}

/// Writes a clip with a matte and the given colours in its hidden part.
fn write_matte(folder: &Path, hidden: impl Fn(u32, u32) -> [u8; 3]) {
    std::fs::create_dir_all(folder).unwrap();
    for frame in 1..=2 {
        let picture: ImageBuffer<Rgba<u8>, Vec<u8>> = ImageBuffer::from_fn(40, 32, |x, y| {
            let inside = x.abs_diff(20) < 12 && y.abs_diff(16) < 10;
            let edge = x.abs_diff(20) == 11 || y.abs_diff(16) == 9;
            let [r, g, b] = if inside {
                scene(x, y, frame).map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8)
            } else {
                hidden(x, y)
            };
            Rgba([
                r,
                g,
                b,
                if !inside {
                    0
                } else if edge {
                    90
                } else {
                    255
                },
            ])
        });
        picture.save(folder.join(format!("{frame:04}.png"))).unwrap();
    }
}

#[test]
fn hidden_colours_change_no_visible_pixel_and_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_matte(&at("black"), |_, _| [0; 3]);
    write_matte(&at("noise"), |x, y| [(x * 53) as u8, (y * 97) as u8, (x * y * 31) as u8]);
    // Both use the same cache: the second must find the stages of the first.
    let control = ["--set", "controlNet1Model=pocket_lines", "--set", "controlNet1Preprocessor=canny"];
    let said = |name: &str, out: &str| fine(&render(&at(name), &at(out), &at("cache"), &control));
    let first = said("black", "a");
    let second = said("noise", "b");
    assert!(first.contains("unsampled computed"), "{first}");
    assert!(second.contains("resampled from disk"), "{second}");
    let (a, b) = (pixels(&at("a")), pixels(&at("b")));
    let source = pixels(&at("noise"));
    for ((a, b), source) in a.iter().zip(&b).zip(&source) {
        for ((a, b), source) in a.chunks_exact(4).zip(b.chunks_exact(4)).zip(source.chunks_exact(4)) {
            assert_eq!(b[3], source[3]);
            if source[3] > 0 {
                assert_eq!(a, b);
            } else {
                assert_eq!(b, source);
            }
        }
    }
    // A clip in which nothing is visible is passed through, and the user is told.
    std::fs::create_dir_all(at("gone")).unwrap();
    let clear: ImageBuffer<Rgba<u8>, Vec<u8>> = ImageBuffer::from_pixel(40, 32, Rgba([200, 90, 10, 0]));
    clear.save(at("gone/0001.png")).unwrap();
    let told = fine(&render(&at("gone"), &at("c"), &at("cache"), &[]));
    assert!(told.contains("completely hidden by their alpha channel"), "{told}");
    assert_eq!(pixels(&at("c")), pixels(&at("gone")));
}
