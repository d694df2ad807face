//! GPU errors after which the process cannot use the GPU any more.

/// CUDA errors that leave a process without a usable context ("sticky" errors, CUDA Driver API, `cudaError_enum`).
const STICKY: [&str; 14] = [
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "CUDA_ERROR_LAUNCH_TIMEOUT",
    "CUDA_ERROR_LAUNCH_FAILED",
    "CUDA_ERROR_ASSERT",
    "CUDA_ERROR_HARDWARE_STACK_ERROR",
    "CUDA_ERROR_ILLEGAL_INSTRUCTION",
    "CUDA_ERROR_MISALIGNED_ADDRESS",
    "CUDA_ERROR_INVALID_ADDRESS_SPACE",
    "CUDA_ERROR_INVALID_PC",
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "CUDA_ERROR_CONTEXT_IS_DESTROYED",
    "CUDA_ERROR_EXTERNAL_DEVICE",
    "CUDA_ERROR_CONTAINED",
    "CUDA_ERROR_TENSOR_MEMORY_LEAK",
];

/// The name of the sticky error in an error message, if there is one.
pub fn reason(error: &str) -> Option<&'static str> {
    STICKY.into_iter().find(|name| error.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_memory_is_not_fatal_and_a_bad_address_is() {
        let bad =
            "the computation failed: DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access\")";
        assert_eq!(reason(bad), Some("CUDA_ERROR_ILLEGAL_ADDRESS"));
        assert_eq!(reason("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")"), None);
        assert_eq!(reason("CUDA_ERROR_NOT_FOUND"), None);
    }
}
