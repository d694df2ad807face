//! The globals in a pickle that this reader supports, and those that are rejected as malicious.

use safetensors::Dtype;

use super::value::Global;

/// The meaning of a global; `None` for globals that are ignored.
pub fn known(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict") | ("builtins" | "__builtin__", "dict") => Global::Table,
        ("torch.nn.modules.container", "ParameterDict") => Global::Table,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::Tensor,
        ("torch._utils", "_rebuild_tensor_v3") => Global::TypedTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::First,
        ("torch", "Size") => Global::First,
        ("torch._tensor", "_rebuild_from_type_v2") => Global::Wrapped,
        ("torch.storage" | "torch", "UntypedStorage") => Global::Storage(None),
        ("torch" | "torch.cuda", _) => match name.strip_suffix("Storage") {
            Some(format) => Global::Storage(Some(storage_format(format)?)),
            None => Global::Dtype(dtype(name)?),
        },
        _ => return None,
    })
}

fn storage_format(name: &str) -> Option<Dtype> {
    Some(match name {
        "Double" => Dtype::F64,
        "Float" => Dtype::F32,
        "Half" => Dtype::F16,
        "BFloat16" => Dtype::BF16,
        "Long" => Dtype::I64,
        "Int" => Dtype::I32,
        "Short" => Dtype::I16,
        "Char" => Dtype::I8,
        "Byte" => Dtype::U8,
        "Bool" => Dtype::BOOL,
        _ => return None,
    })
}

fn dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "float64" => Dtype::F64,
        "float32" => Dtype::F32,
        "float16" => Dtype::F16,
        "bfloat16" => Dtype::BF16,
        "float8_e4m3fn" => Dtype::F8_E4M3,
        "float8_e5m2" => Dtype::F8_E5M2,
        "int64" => Dtype::I64,
        "int32" => Dtype::I32,
        "int16" => Dtype::I16,
        "int8" => Dtype::I8,
        "uint8" => Dtype::U8,
        "bool" => Dtype::BOOL,
        _ => return None,
    })
}

/// Whether a global is typical of malicious pickles and never needed for a model. Nothing is ever called here,
/// whatever the global; but a file that asks for a shell should be rejected.
pub fn hostile(module: &str, name: &str) -> bool {
    const MODULES: [&str; 22] = [
        "os",
        "posix",
        "nt",
        "subprocess",
        "sys",
        "shutil",
        "socket",
        "runpy",
        "importlib",
        "pty",
        "ctypes",
        "code",
        "webbrowser",
        "commands",
        "pickle",
        "multiprocessing",
        "asyncio",
        "pip",
        "urllib",
        "requests",
        "http",
        "marshal",
    ];
    const BUILTINS: [&str; 11] = [
        "eval",
        "exec",
        "execfile",
        "compile",
        "open",
        "file",
        "getattr",
        "setattr",
        "delattr",
        "__import__",
        "apply",
    ];
    let top = module.split('.').next().unwrap_or(module);
    MODULES.contains(&top) || (matches!(top, "builtins" | "__builtin__") && BUILTINS.contains(&name))
}
