//go:build !amd64 || purego

package kernel

func summariseAsm(x []float32, s *Summary) int { return 0 }

func deviationsAsm(x []float32, mean, scale float64, s *[3]float64) int { return 0 }

func binsAsm(dst []int32, x []float32, low, width float64, count int32) int { return 0 }

func widenAsm(dst []float64, x []float32, mean float64) int { return 0 }

func addPowerAsm(dst []float64, c Parts[float64], scale float64) int { return 0 }

func momentsAsm(p []float64, from float64, s *[5]float64) int { return 0 }
