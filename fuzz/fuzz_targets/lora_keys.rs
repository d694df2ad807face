//! Tensor names of a LoRA: every line of the input is a name, in a well-formed file of small tensors.
#![no_main]

mod files;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let names: std::collections::BTreeSet<&str> = input.lines().take(64).collect();
    let mut header = String::from("{");
    for (index, name) in names.iter().enumerate() {
        let escaped: String = (name.chars())
            .flat_map(|letter| match letter {
                '"' | '\\' => vec!['\\', letter],
                letter if letter.is_control() => vec![],
                letter => vec![letter],
            })
            .collect();
        let comma = if index == 0 { "" } else { "," };
        let (from, to) = (32 * index, 32 * index + 32);
        header.push_str(&format!(
            "{comma}\"{escaped}\":{{\"dtype\":\"F16\",\"shape\":[4,4],\"data_offsets\":[{from},{to}]}}"
        ));
    }
    header.push('}');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend(vec![0; 32 * names.len()]);
    files::open(&file);
});
