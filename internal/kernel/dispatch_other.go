//go:build !amd64 || purego

package kernel

func bestLevel() int { return levelGo }

func gemmAsm(m, n, k int, a []float32, ars, acs int, b []float32, ldb int, c []float32, ldc int, acc bool) bool {
	return false
}

func affineAsm(m, n, k int, a []float32, ars int, b, bias, c []float32, ldc int, act Act) bool {
	return false
}

func affineLanesAsm(n, m int, w, x []float32, taps Taps, bias, c []float32, ldc int, act Act) bool {
	return false
}

func groupsAsm(m int, a []float32, ars int, g Groups, bias, c []float32, relu bool) bool {
	return false
}

func nonzeroAsm(x, w, bias, c []float32, relu bool, index []int32) bool { return false }

type span struct {
	n, period int
	c         [8]float32
}

func runAsm(int, span, ...[]float32) int { return 0 }

func sumsAsm(sum, product []float64, x, y []float32) int { return 0 }

// Peak has nothing to run without assembly.
func Peak(int) (operations int) { return 0 }
