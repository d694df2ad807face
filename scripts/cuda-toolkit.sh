#!/bin/sh
# Creates a folder that `cargo build --features cuda` can use as a CUDA 13.0 installation, on a machine without CUDA, driver
# or card: compiler, headers and libraries come as Python packages from NVIDIA, through pip.
#
#     scripts/cuda-toolkit.sh [FOLDER]             creates it (1.3 GB; default: target/cuda-toolkit) unless it exists
#     eval "$(scripts/cuda-toolkit.sh [FOLDER])"   the same, and sets the variables for cargo, nvcc and linker in this shell
#
# Needs python3 with venv, and gcc. The result is enough to compile and link; to run on a card, the driver's own
# libcuda.so.1 is needed.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:-$here/target/cuda-toolkit}"
folder=$(cd "${1:-$here/target/cuda-toolkit}" && pwd -P)

# All from one release: the optimiser, the assembler and the headers of different releases reject each other's output.
packages="
    nvidia-cuda-nvcc==13.0.88
    nvidia-nvvm==13.0.88
    nvidia-cuda-crt==13.0.88
    nvidia-cuda-runtime==13.0.96
    nvidia-cuda-cccl==13.0.85
    nvidia-cuda-nvrtc==13.0.88
    nvidia-cublas==13.0.2.14
    nvidia-curand==10.4.0.35"

make_toolkit() {
    command -v gcc > /dev/null || { echo "cuda-toolkit.sh: gcc is needed to make the stand-in for libcuda" >&2; exit 1; }
    python3 -m venv "$folder/python"
    # Unquoted on purpose: one argument per package.
    # shellcheck disable=SC2086
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir $packages
    for found in "$folder"/python/lib/python3*/site-packages/nvidia/cu13; do
        ln -sfn "$found" "$folder/cuda"
    done
    cd "$folder/cuda"
    ln -sfn lib lib64
    # The linker looks for names without a version, which the packages do not contain.
    for name in cudart nvrtc cublas cublasLt curand; do
        for versioned in lib/lib$name.so.[0-9]*; do
            ln -sf "${versioned#lib/}" "lib/lib$name.so"
            break
        done
    done
    # The driver's library is linked by name only; on a machine without a driver a stub replaces it, in which every
    # name is the same function, which returns CUDA_ERROR_STUB_LIBRARY. Functions are declared in cuda.h, which redirects
    # some names to others with a suffix; cudaTypedefs.h lists all suffixes.
    case $(uname -m) in
        x86_64) answer='movl $34, %eax
ret' ;;
        aarch64) answer='mov w0, #34
ret' ;;
        *) echo "cuda-toolkit.sh: CUDA has no toolkit for $(uname -m)" >&2; exit 1 ;;
    esac
    mkdir -p lib/stubs
    {
        echo '.text'
        cat include/cuda.h include/cudaTypedefs.h |
            tr -c 'A-Za-z0-9_' '\n' |
            sed -n -e '/^cu[A-Z]/p' -e 's/^PFN_\(cu[A-Z].*\)_v[0-9]*$/\1/p' |
            sort -u |
            sed 's/.*/.globl &\n.type &, %function\n&:/'
        echo "$answer"
        echo '.section .note.GNU-stack, "", %progbits'
    } > lib/stubs/libcuda.s
    gcc -shared -nostdlib -Wl,-soname,libcuda.so.1 -o lib/stubs/libcuda.so lib/stubs/libcuda.s
    touch "$folder/made"
}

# All messages go to stderr: stdout is for eval.
[ -e "$folder/made" ] || make_toolkit >&2

cuda=$(cd "$folder/cuda" && pwd -P)
cat << END
export CUDA_HOME='$cuda' CUDA_PATH='$cuda' CUDA_ROOT='$cuda' CUDA_TOOLKIT_ROOT_DIR='$cuda'
export PATH='$cuda/bin':"\$PATH"
export LIBRARY_PATH='$cuda/lib:$cuda/lib/stubs'"\${LIBRARY_PATH:+:\$LIBRARY_PATH}"
export CUDA_COMPUTE_CAP="\${CUDA_COMPUTE_CAP:-80}"
END
