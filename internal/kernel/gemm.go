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
	_ = c[(m-1)*ldc+n-1]
	if k == 0 {
		if !acc {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	// The last element of each operand, so that the loops cannot overrun.
	_ = a[(m-1)*ars+(k-1)*acs]
	_ = b[(k-1)*ldb+n-1]
	if !gemmAsm(m, n, k, a, ars, acs, b, ldb, c, ldc, acc) {
		gemm(m, n, k, a, ars, acs, b, ldb, c, ldc, acc)
	}
}

// gemm defines Gemm.
func gemm(m, n, k int, a []float32, ars, acs int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	var zero [4]float32
	for i := 0; i < m; i += 2 {
		rows := min(2, m-i)
		for j := 0; j < n; j += 4 {
			cols := min(4, n-j)
			if rows == 2 && cols == 4 {
				s := tile2x4(k, a[i*ars:], ars, acs, b[j:], ldb, zero[:])
				for r := range 2 {
					dst := c[(i+r)*ldc+j:][:4:4]
					if acc {
						dst[0] += s[r][0]
						dst[1] += s[r][1]
						dst[2] += s[r][2]
						dst[3] += s[r][3]
					} else {
						dst[0], dst[1], dst[2], dst[3] = s[r][0], s[r][1], s[r][2], s[r][3]
					}
				}
				continue
			}
			for r := range rows {
				for q := range cols {
					at := (i+r)*ldc + j + q
					s := dot(k, a[(i+r)*ars:], acs, b[j+q:], ldb, 0)
					if acc {
						s += c[at]
					}
					c[at] = s
				}
			}
		}
	}
}

// tile2x4 returns the product of two rows of A and four columns of B, with init
// added. Eight sums and six operands are what the sixteen vector registers of
// amd64 hold.
func tile2x4(k int, a []float32, ars, acs int, b []float32, ldb int, init []float32) (s [2][4]float32) {
	s00, s01, s02, s03 := init[0], init[1], init[2], init[3]
	s10, s11, s12, s13 := s00, s01, s02, s03
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
	return [2][4]float32{{s00, s01, s02, s03}, {s10, s11, s12, s13}}
}

// dot is one element of a product, for the edges.
func dot(k int, a []float32, acs int, b []float32, ldb int, init float32) float32 {
	for p, ia, ib := 0, 0, 0; p < k; p, ia, ib = p+1, ia+acs, ib+ldb {
		init += a[ia] * b[ib]
	}
	return init
}
