//! Clips, images and their memory.

use super::host::{HostState, Value};
use super::*;

/// A picture in memory; the bytes of each row have the row's number.
struct Picture {
    bounds: [i32; 4],
    row_bytes: i32,
    depth: &'static CStr,
    components: &'static CStr,
    /// Offset of row `y1` in a block of this size in bytes.
    origin: usize,
    block: usize,
}

impl Picture {
    /// 4 x 3 pixels of 8-bit RGBA, rows upwards, no padding.
    fn small() -> Self {
        Self {
            bounds: [0, 0, 4, 3],
            row_bytes: 16,
            depth: kOfxBitDepthByte,
            components: kOfxImageComponentRGBA,
            origin: 0,
            block: 48,
        }
    }

    /// Address of the block, and the image's property set.
    fn build(&self) -> (*mut u8, usize) {
        let block = vec![0xee_u8; self.block].leak();
        let word = |word: &CStr| Value::from(word.to_str().expect("ASCII"));
        let address = block.as_mut_ptr().expose_provenance();
        let set = host(|state| {
            let set = state.new_set();
            let bounds: Vec<Value> = self.bounds.iter().map(|side| (*side).into()).collect();
            state.put(set, kOfxImagePropBounds, &bounds);
            state.put(set, kOfxImagePropRowBytes, &[self.row_bytes.into()]);
            state.put(set, kOfxImageEffectPropPixelDepth, &[word(self.depth)]);
            state.put(set, kOfxImageEffectPropComponents, &[word(self.components)]);
            let data = Value::Pointer(address + self.origin);
            state.put(set, kOfxImagePropData, &[data]);
            set
        });
        (ptr::with_exposed_provenance_mut(address), set)
    }
}

/// Sets the picture of a clip at frame 1.
fn with_image(effect: usize, clip: &str, picture: &Picture) -> *mut u8 {
    let (block, image) = picture.build();
    host(|state| {
        if !state.effects[effect].clips.contains_key(clip) {
            state.add_clip(effect, clip);
        }
        state.add_image(effect, clip, 1, image);
    });
    block
}

fn lent() -> usize {
    host(|state| state.lent.len())
}

#[test]
fn rows_are_found_upwards_downwards_and_padded() {
    let upwards = Picture { bounds: [-2, 5, 2, 8], row_bytes: 20, block: 60, ..Picture::small() };
    let downwards =
        Picture { row_bytes: -20, origin: 40, bounds: upwards.bounds, block: 60, ..Picture::small() };
    let effect = instance::<31>("MLT");
    for picture in [upwards, downwards] {
        let block = with_image(effect, "Output", &picture);
        let origin = picture.origin as isize;
        let stride = picture.row_bytes as isize;
        let status = render::<31>(effect, 1.0, |handle, args| {
            let mut output = handle.output(args.time)?;
            assert_eq!(output.info().row_bytes.abs(), 20);
            for y in 5..8 {
                let row = output.row_mut(y).expect("inside");
                assert_eq!(row.len(), 16);
                row.fill(y as u8);
            }
            for y in [4, 8, i32::MIN, i32::MAX] {
                assert!(output.row_mut(y).is_none());
            }
            Ok(())
        });
        assert_eq!(status, kOfxStatOK);
        for y in 5..8 {
            for x in 0..20 {
                // SAFETY: inside of the block that was leaked for this.
                let byte = unsafe { *block.offset(origin + (y - 5) * stride + x) };
                assert_eq!(byte, if x < 16 { y as u8 } else { 0xee }, "{x} {y}");
            }
        }
    }
    assert_eq!(lent(), 0);
}

#[test]
fn every_format_has_its_size() {
    let effect = instance::<32>("any");
    for (depth, bytes) in
        [(kOfxBitDepthByte, 1), (kOfxBitDepthShort, 2), (kOfxBitDepthHalf, 2), (kOfxBitDepthFloat, 4)]
    {
        for (components, count) in
            [(kOfxImageComponentRGBA, 4), (kOfxImageComponentRGB, 3), (kOfxImageComponentAlpha, 1)]
        {
            let row = 4 * bytes * count;
            let picture =
                Picture { row_bytes: row as i32, depth, components, block: 3 * row, ..Picture::small() };
            with_image(effect, "Source", &picture);
            let status = render::<32>(effect, 1.0, move |handle, _| {
                let image = handle.image(&handle.clip("Source"), 1.0)?;
                let image = image.expect("there is one");
                assert_eq!(image.row(2).map(<[u8]>::len), Some(row));
                assert_eq!(image.to_vec().len(), 3 * row);
                Ok(())
            });
            assert_eq!(status, kOfxStatOK);
        }
    }
    assert_eq!(lent(), 0);
}

#[test]
fn pictures_that_cannot_be_addressed_are_refused_and_given_back() {
    let effect = instance::<33>("any");
    let small = Picture::small;
    for picture in [
        Picture { row_bytes: 15, ..small() },
        Picture { row_bytes: 0, ..small() },
        Picture { depth: c"OfxBitDepthOdd", ..small() },
        Picture { components: c"OfxImageComponentYUVA", ..small() },
        Picture { bounds: [i32::MIN, i32::MIN, i32::MAX, i32::MAX], row_bytes: i32::MIN, ..small() },
        Picture { bounds: [0, i32::MIN, 4, i32::MAX], row_bytes: i32::MAX, ..small() },
    ] {
        with_image(effect, "Source", &picture);
        let status =
            render::<33>(effect, 1.0, |handle, _| handle.image(&handle.clip("Source"), 1.0).map(|_| ()));
        assert_eq!(status, kOfxStatErrImageFormat);
        assert_eq!(lent(), 0);
    }
}

#[test]
fn pictures_are_given_back_from_a_panic_and_an_error() {
    let effect = instance::<34>("any");
    with_image(effect, "Source", &Picture::small());
    with_image(effect, "Output", &Picture::small());
    for panics in [false, true] {
        let status = render::<34>(effect, 1.0, move |handle, _| {
            let _source = handle.image(&handle.clip("Source"), 1.0)?;
            let _again = handle.image(&handle.clip("Source"), 1.0)?;
            let _output = handle.output(1.0)?;
            assert_eq!(lent(), 3);
            if panics {
                panic!("with three pictures");
            }
            Err(Error::failed("with three pictures"))
        });
        assert_eq!(status, kOfxStatFailed);
        assert_eq!(lent(), 0);
    }
}

#[test]
fn no_picture_is_no_error_but_for_the_output() {
    let effect = instance::<35>("any");
    host(|state| state.add_clip(effect, "Source"));
    let status = render::<35>(effect, 1.0, |handle, _| {
        let clip = handle.clip("Source");
        assert!(clip.exists() && clip.connected());
        assert!(handle.image(&clip, 1.0)?.is_none());
        assert!(handle.image(&clip, f64::NAN)?.is_none());
        let missing = handle.clip("Hint");
        assert!(!missing.exists() && !missing.connected());
        assert_eq!(missing.frame_range(), None);
        assert_eq!(missing.region_of_definition(1.0), None);
        assert!(handle.image(&missing, 1.0)?.is_none());
        handle.output(1.0).map(|_| ())
    });
    assert_eq!(status, kOfxStatFailed);
    let said = host(|state| state.messages.pop());
    assert_eq!(said.expect("a sentence").1, "the host gave no picture to render into");
}

/// MLT returns OK with NULL, HostSupport refuses the handle, others return an error for the name.
#[test]
fn a_clip_that_is_not_there_is_not_there_however_the_host_puts_it() {
    let effect = instance::<45>("any");
    for answer in [None, Some(kOfxStatErrBadHandle), Some(kOfxStatErrUnknown), Some(kOfxStatFailed)] {
        host(|state| state.faults.no_clip_answer = answer);
        let status = render::<45>(effect, 1.0, |handle, _| {
            let clip = handle.clip("Hint");
            assert!(!clip.exists() && !clip.connected());
            assert!(handle.image(&clip, 1.0)?.is_none());
            Ok(())
        });
        assert_eq!(status, kOfxStatOK);
    }
}

#[test]
fn empty_pictures_have_no_rows() {
    let effect = instance::<36>("any");
    for bounds in [[0, 0, 0, 0], [5, 5, 1, 1], [0, 0, 4, 0]] {
        let picture = Picture { bounds, ..Picture::small() };
        with_image(effect, "Source", &picture);
        let status = render::<36>(effect, 1.0, |handle, _| {
            if let Some(image) = handle.image(&handle.clip("Source"), 1.0)? {
                assert!(image.info().bounds.is_empty());
                assert!((-1..6).all(|y| image.row(y).is_none()));
                assert!(image.to_vec().is_empty());
            }
            Ok(())
        });
        assert_eq!(status, kOfxStatOK);
    }
}

/// Two slices of the same memory, one of them mutable, must never exist at once.
#[test]
fn input_and_output_never_share_memory() {
    let effect = instance::<37>("in place");
    let (_, image) = Picture::small().build();
    host(|state| {
        for clip in ["Source", "Output"] {
            state.add_clip(effect, clip);
            state.add_image(effect, clip, 1, image);
        }
    });
    let status = render::<37>(effect, 1.0, |handle, _| {
        let clip = handle.clip("Source");
        let source = handle.image(&clip, 1.0)?;
        assert!(matches!(handle.output(1.0), Err(Error::ImageFormat(_))));
        drop(source);
        let output = handle.output(1.0)?;
        assert!(handle.image(&clip, 1.0).is_err());
        assert!(handle.output(1.0).is_err());
        drop(output);
        assert!(handle.image(&clip, 1.0)?.is_some());
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
    assert_eq!(lent(), 0);
}

#[test]
fn what_is_known_of_a_clip_is_believed_with_care() {
    let effect = instance::<38>("any");
    let set = host(|state| state.add_clip(effect, "Source"));
    let range = |first: f64, last: f64| {
        host(|state| {
            let values = [first.into(), last.into()];
            state.put(set, kOfxImageEffectPropFrameRange, &values);
        });
        let believed = Rc::new(RefCell::new(None));
        let told = Rc::clone(&believed);
        render::<38>(effect, 5.0, move |handle, args| {
            *told.borrow_mut() = handle.clip("Source").believable_frame_range(args.time);
            Ok(())
        });
        believed.take()
    };
    assert_eq!(range(1.0, 24.0), Some((1.0, 24.0)));
    assert_eq!(range(5.0, 5.0), Some((5.0, 5.0)));
    assert_eq!(range(0.0, 0.0), None, "not around the time");
    assert_eq!(range(24.0, 1.0), None, "backwards");
    assert_eq!(range(f64::from(i32::MIN), f64::from(i32::MAX)), None);
    assert_eq!(range(f64::NEG_INFINITY, f64::INFINITY), None);
    assert_eq!(range(0.0, 24.0 * 86_400.0), None, "a day of time code");
    assert_eq!(range(0.0, 24.0 * 7200.0), Some((0.0, 172_800.0)), "two hours of film");
    assert_eq!(range(f64::NAN, 24.0), None);
    assert_eq!(range(-1e19, -1e19), None, "a number of no frame");

    host(|state| {
        state.put(set, kOfxImageClipPropConnected, &[0.into()]);
        state.put(set, kOfxImagePropPixelAspectRatio, &[0.0.into()]);
        let alpha = ["OfxImageAlphaPremultiplied".into()];
        state.put(set, kOfxImageEffectPropPreMultiplication, &alpha);
    });
    let status = render::<38>(effect, 5.0, |handle, _| {
        let clip = handle.clip("Source");
        assert!(!clip.connected());
        assert_eq!(clip.pixel_aspect_ratio(), 1.0);
        assert_eq!(clip.premultiplication(), Some(Premultiplication::Premultiplied));
        assert_eq!(clip.depth(), None);
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
}

/// A host without temporal access returns the same image for every time.
#[test]
fn the_same_picture_twice_shows() {
    let effect = instance::<39>("MLT");
    let (_, image) = Picture::small().build();
    host(|state: &mut HostState| {
        state.add_clip(effect, "Source");
        state.add_image(effect, "Source", 1, image);
        state.add_image(effect, "Source", 2, image);
    });
    let status = render::<39>(effect, 1.0, |handle, _| {
        assert!(!handle.host().temporal_access);
        let clip = handle.clip("Source");
        let address =
            |time| -> Result<Option<usize>> { Ok(handle.image(&clip, time)?.map(|image| image.address())) };
        assert_eq!(address(1.0)?, address(2.0)?);
        assert!(address(1.0)?.is_some());
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
    assert_eq!(lent(), 0);
}
