//! Matrix products over strided slices: the only caller of the gemm crate, with all bounds checked.

#![expect(
    clippy::cast_possible_wrap,
    reason = "kernel: widths are small, and sums are rounded to f32 as the operation defines"
)]

use gemm::Parallelism;

/// A strided matrix in a slice: element (r, c) is at `r * row_step + c * col_step`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub data: &'a [f32],
    pub row_step: usize,
    pub col_step: usize,
}

/// Dimensions and options of a product; element (r, c) of the result is at `r * row_step + c` of its slice.
pub(super) struct Product {
    /// Rows of the result.
    pub rows: usize,
    /// Columns of the result.
    pub cols: usize,
    /// Length of the inner dimension.
    pub depth: usize,
    /// Distance between rows of the result.
    pub row_step: usize,
    /// Factor of the product.
    pub scale: f32,
    /// Whether to add the product to the output instead of overwriting it.
    pub accumulate: bool,
    /// Whether to use all threads.
    pub parallel: bool,
}

/// `out = scale * left @ right` (+ `out`). Panics if a matrix does not lie inside its slice.
pub(super) fn product(out: &mut [f32], left: Matrix<'_>, right: Matrix<'_>, how: &Product) {
    let Product { rows, cols, depth, row_step, .. } = *how;
    if rows == 0 || cols == 0 {
        return;
    }
    let fits = |matrix: &Matrix<'_>, rows: usize, cols: usize| {
        rows == 0
            || cols == 0
            || (rows - 1) * matrix.row_step + (cols - 1) * matrix.col_step < matrix.data.len()
    };
    assert!(fits(&left, rows, depth) && fits(&right, depth, cols), "a factor lies outside of its slice");
    assert!(
        row_step >= cols && (rows - 1) * row_step + cols <= out.len(),
        "the product lies outside of its slice"
    );
    let threads = if how.parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    // Steps are smaller than the lengths of slices (checked above), which never exceed isize::MAX bytes.
    let step = |value: usize| value as isize;
    // SAFETY: the assertions above guarantee that every element that gemm reads (rows x depth of `left`, depth x cols
    // of `right`) and writes (rows x cols of `out`) lies inside the borrowed slices; `out` is borrowed exclusively
    // and its rows do not overlap because `row_step >= cols`.
    unsafe {
        gemm::gemm(
            rows,
            cols,
            depth,
            out.as_mut_ptr(),
            1,
            step(row_step),
            how.accumulate,
            left.data.as_ptr(),
            step(left.col_step),
            step(left.row_step),
            right.data.as_ptr(),
            step(right.col_step),
            step(right.row_step),
            1.0,
            how.scale,
            false,
            false,
            false,
            threads,
        );
    }
}
