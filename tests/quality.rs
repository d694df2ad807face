//! The tools that measure the model.

use std::path::Path;
use std::process::Command;

/// Runs the unit tests of training/ where Python has what they need.
#[test]
fn the_measures_give_the_known_answers_on_drawn_pictures() {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ready = Command::new(&python).args(["-c", "import numpy, cv2, safetensors"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        println!("skipped: {} lacks numpy, cv2 or safetensors", python.to_string_lossy());
        return;
    }
    let output = Command::new(&python)
        .args(["-B", "-m", "unittest", "discover", "-s", "training/tests"])
        .current_dir(root)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("Ran 0 tests"), "no test was found: {said}");
}
