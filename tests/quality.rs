//! The measuring tools for the model, and the page that they generate.

use std::process::Command;

/// Runs the unit tests in training/.
#[test]
#[cfg_attr(not(measures), ignore = "needs python3 with numpy, cv2 and safetensors")]
fn the_measures_give_the_known_answers_on_drawn_pictures() {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let root = testing::root();
    let output = Command::new(&python)
        .args(["-B", "-m", "unittest", "discover", "-s", "training/tests"])
        .current_dir(root)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("Ran 0 tests"), "no test was found: {said}");
}

#[test]
fn the_page_names_its_command_and_its_pictures_are_there_and_small() {
    let docs = testing::root().join("docs");
    let page = std::fs::read_to_string(docs.join("quality.md")).unwrap();
    assert!(page.contains("cargo xtask quality"), "the page does not say how it was made");
    let shown: Vec<&str> =
        page.split("](quality/").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect();
    let kept = std::fs::read_dir(docs.join("quality")).unwrap();
    let mut bytes = 0;
    for file in kept {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        assert!(shown.contains(&name.as_str()), "docs/quality/{name} is not on the page");
        bytes += file.metadata().unwrap().len();
    }
    for name in shown {
        assert!(docs.join("quality").join(name).is_file(), "docs/quality/{name} is missing");
    }
    assert!(bytes < 1_500_000, "the pictures come to {bytes} bytes");
}
