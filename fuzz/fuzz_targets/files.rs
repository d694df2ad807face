//! What the targets for files share: opening bytes as a file of weights and looking at everything in it.

use std::io::Write;
use std::sync::Arc;

use unsample::weights::{TensorFile, View, identify};

/// Opens bytes as a file of weights. If it is one, it is identified, and every name and shape is looked at.
pub fn open(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary folder");
    file.write_all(bytes).expect("room for the input");
    file.flush().expect("room for the input");
    match TensorFile::open(file.path()) {
        Ok(opened) => {
            let opened = Arc::new(opened);
            let identity = identify(&opened);
            assert!(!identity.description.is_empty());
            for view in [View::unet, View::vae, View::text, View::motion] {
                let view = view(opened.clone());
                assert_eq!(view.shapes().count(), view.len());
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "a sentence of several lines: {error}"),
    }
}
