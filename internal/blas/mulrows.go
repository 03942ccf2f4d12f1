package blas

// mulRowsDepth is how many rows of B are in work at a time: they stay in the
// first-level cache while every row of A is multiplied by them.
const mulRowsDepth = 64

// MulRows computes C (m, n) = [C +] A (m, k) · B (k, n) with the bits of Sgemm, on
// the calling goroutine. It is for few rows A: B is used where it lies.
func MulRows(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int, accumulate bool) {
	mustHold("MulRows", "A", a, lda, m, k)
	mustHold("MulRows", "B", b, ldb, k, n)
	mustHold("MulRows", "C", c, ldc, m, n)
	if k == 0 && !accumulate {
		for i := range m {
			clear(c[i*ldc : i*ldc+n])
		}
	}
	kernel := narrowKernel() // B is not packed, as a wide kernel would need it
	for p := 0; p < k; p += mulRowsDepth {
		for j := 0; j < n; j += kernel.tileCols {
			for i := 0; i < m; i += kernel.tileRows {
				t := tile{
					rows: min(kernel.tileRows, m-i), cols: min(kernel.tileCols, n-j), depth: min(mulRowsDepth, k-p),
					a: left{a[i*lda+p:], lda, 1}, b: b[p*ldb+j:], ldb: ldb, c: c[i*ldc+j:], ldc: ldc, acc: accumulate || p > 0,
				}
				if t.cols == kernel.tileCols {
					kernel.multiplyTile(&t)
				} else { // kernels read whole rows of B
					t.multiplyGeneric()
				}
			}
		}
	}
}
