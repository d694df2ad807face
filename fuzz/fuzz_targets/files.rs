//! Code shared by the targets for files: opens bytes as a weight file and examines everything in it.

use std::io::Write;
use std::sync::Arc;

use engine::families::identify;
use engine::weights::{Lora, TensorFile, View};

/// Opens bytes as a weight file. If they are one, it is identified, and every name and shape is examined, also as
/// those of a LoRA.
pub fn open(bytes: &[u8]) -> Option<Arc<TensorFile>> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary folder");
    file.write_all(bytes).expect("room for the input");
    file.flush().expect("room for the input");
    match TensorFile::open(file.path()) {
        Ok(opened) => {
            let opened = Arc::new(opened);
            let identity = identify(&opened);
            assert!(!identity.description.is_empty());
            let views = [
                View::unet,
                View::control,
                View::vae,
                View::text,
                View::text_2,
                View::motion,
                View::annotator,
            ];
            for view in views {
                let view = view(opened.clone());
                assert_eq!(view.shapes().count(), view.len());
            }
            if let Err(error) = Lora::open(opened.clone()) {
                sentence(&error);
            }
            Some(opened)
        }
        Err(error) => {
            sentence(&error);
            None
        }
    }
}

/// Asserts that an error is a single sentence.
pub fn sentence(error: &impl ToString) {
    let text = error.to_string();
    assert!(!text.contains('\n'), "a sentence of several lines: {text}");
}
