// Package kernel holds the float32 loops in which networks spend their time.
//
// The plain Go code here is the definition of each kernel. It knows slices and
// strides only: no layers, no tensors. Callers split work between goroutines;
// a kernel runs on one.
package kernel

// Gemm computes the matrix product
//
//	C[i][j] = Σ_p A[i][p] B[p][j]   (added to C if acc)
//	A[i][p] = a[i*ars+p*acs],  B[p][j] = b[p*ldb+j],  C[i][j] = c[i*ldc+j]
//
// for i < m, j < n, p < k. The free strides of A make it serve a convolution
// without a copy: with channels last the im2col matrix is the view ars =
// stride·channels, acs = 1 of the padded signal, and its transpose is ars = 1,
// acs = stride·channels. Rows of A may overlap; c must not overlap a or b.
//
// The sum over p runs in index order for each element, so the result does not
// depend on m, n or the tiling. It panics if a slice is too short.
func Gemm(m, n, k int, a []float32, ars, acs int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	if m == 0 || n == 0 {
		return
	}
	if !acc {
		for i := range m {
			clear(c[i*ldc : i*ldc+n])
		}
	}
	if k == 0 {
		return
	}
	// The last element of each operand, so that the loops cannot overrun.
	_ = a[(m-1)*ars+(k-1)*acs]
	_ = b[(k-1)*ldb+n-1]
	i := 0
	for ; i+2 <= m; i += 2 {
		j := 0
		for ; j+4 <= n; j += 4 {
			tile2x4(k, a[i*ars:], ars, acs, b[j:], ldb, c[i*ldc+j:], ldc)
		}
		if j < n {
			edge(2, n-j, k, a[i*ars:], ars, acs, b[j:], ldb, c[i*ldc+j:], ldc)
		}
	}
	if i < m {
		j := 0
		for ; j+4 <= n; j += 4 {
			tile1x4(k, a[i*ars:], acs, b[j:], ldb, c[i*ldc+j:])
		}
		if j < n {
			edge(1, n-j, k, a[i*ars:], ars, acs, b[j:], ldb, c[i*ldc+j:], ldc)
		}
	}
}

// tile2x4 adds the product of two rows of A and four columns of B to C. Eight
// sums and six operands are what the sixteen vector registers of amd64 hold.
func tile2x4(k int, a []float32, ars, acs int, b []float32, ldb int, c []float32, ldc int) {
	c0, c1 := c[:4:4], c[ldc:ldc+4:ldc+4]
	s00, s01, s02, s03 := c0[0], c0[1], c0[2], c0[3]
	s10, s11, s12, s13 := c1[0], c1[1], c1[2], c1[3]
	for p, ia, ib := 0, 0, 0; p < k; p, ia, ib = p+1, ia+acs, ib+ldb {
		x, y := a[ia], a[ia+ars]
		bb := b[ib : ib+4 : ib+4]
		s00 += x * bb[0]
		s01 += x * bb[1]
		s02 += x * bb[2]
		s03 += x * bb[3]
		s10 += y * bb[0]
		s11 += y * bb[1]
		s12 += y * bb[2]
		s13 += y * bb[3]
	}
	c0[0], c0[1], c0[2], c0[3] = s00, s01, s02, s03
	c1[0], c1[1], c1[2], c1[3] = s10, s11, s12, s13
}

func tile1x4(k int, a []float32, acs int, b []float32, ldb int, c []float32) {
	c0 := c[:4:4]
	s0, s1, s2, s3 := c0[0], c0[1], c0[2], c0[3]
	for p, ia, ib := 0, 0, 0; p < k; p, ia, ib = p+1, ia+acs, ib+ldb {
		x := a[ia]
		bb := b[ib : ib+4 : ib+4]
		s0 += x * bb[0]
		s1 += x * bb[1]
		s2 += x * bb[2]
		s3 += x * bb[3]
	}
	c0[0], c0[1], c0[2], c0[3] = s0, s1, s2, s3
}

// edge serves the last one to three columns.
func edge(m, n, k int, a []float32, ars, acs int, b []float32, ldb int, c []float32, ldc int) {
	for i := range m {
		for j := range n {
			s := c[i*ldc+j]
			for p, ia, ib := 0, i*ars, j; p < k; p, ia, ib = p+1, ia+acs, ib+ldb {
				s += a[ia] * b[ib]
			}
			c[i*ldc+j] = s
		}
	}
}

// AddRow adds row to each of the m rows of c: c[i*ldc+j] += row[j].
func AddRow(m int, c []float32, ldc int, row []float32) {
	for i := range m {
		dst := c[i*ldc : i*ldc+len(row)]
		for j, v := range row {
			dst[j] += v
		}
	}
}

// ReLU sets the negative elements of x to zero, in place. NaN stays NaN.
func ReLU(x []float32) {
	for i, v := range x {
		if v < 0 {
			x[i] = 0
		}
	}
}
