package dsp

import (
	"math"
	"slices"

	"brinell/internal/clamp"
)

// Band is one band of a kurtogram.
type Band struct {
	Low, High float64 // Hz
	Level     float64 // log2 of the number of such bands; 1.6 and so on stand for thirds
	Kurtosis  float64 // spectral kurtosis, 0 for Gaussian noise
	Steady    float64 // its median over eighths of the window, which one knock does not move
}

// Kurtogram returns the spectral kurtosis of x, sampled at fs Hz, in ever finer bands,
//
//	K = mean(s²)/mean(s)² - 2,  s the squared envelope of the band
//
// the band from 0 Hz to fs/2 whole, then in 2, 3, 4, 6, 8, 12 ... equal parts down to
// 2^levels, the grid of the fast kurtogram. Bands are cut out of one spectrum, where the
// fast kurtogram has a bank of short filters: theirs overlap, these do not. The mean of x
// does not count. It panics if the finest bands would have fewer than 16 bins.
//
// References: J. Antoni, The spectral kurtosis, Mech. Syst. Signal Process. 20 (2006)
// 282, eq. 27; J. Antoni, Fast computation of the kurtogram, ibid. 21 (2007) 108.
func Kurtogram(x []float64, fs float64, levels int) []Band {
	n := len(x)
	if n>>(levels+1) < 16 {
		panic("dsp: the window is too short for so fine a kurtogram")
	}
	c := NewRealFFT(n).Coefficients(nil, x)
	c[0] = 0
	var bands []Band
	for level := 0; level <= levels; level++ {
		bands = appendBands(bands, c, fs, n, 1<<level, float64(level))
		if level > 0 && level < levels {
			bands = appendBands(bands, c, fs, n, 3<<(level-1), float64(level)+0.6)
		}
	}
	return bands
}

// appendBands cuts the spectrum c of n samples into equal parts.
func appendBands(bands []Band, c []complex128, fs float64, n, parts int, level float64) []Band {
	width := (n/2 + parts - 1) / parts
	env := newEnvelope(width+1, width+1) // long enough that the square of the envelope does not fold
	for i := range parts {
		lo, hi := float64(i)*fs/2/float64(parts), float64(i+1)*fs/2/float64(parts)
		a, b := clamp.Int(math.Ceil(lo/fs*float64(n)), 0, n/2), clamp.Int(hi/fs*float64(n), 0, n/2)
		s := env.Envelope(c[a:b])
		bands = append(bands, Band{lo, hi, level, kurtosis(s), steady(s)})
	}
	return bands
}

// kurtosis returns the spectral kurtosis of a squared envelope, 0 for one without power.
func kurtosis(s []float64) float64 {
	var sum, sq float64
	for _, v := range s {
		sum += v
		sq += v * v
	}
	if sum == 0 {
		return 0
	}
	return sq*float64(len(s))/(sum*sum) - 2
}

// steady returns the median of the spectral kurtosis over eight pieces.
func steady(s []float64) float64 {
	var k [8]float64
	n := len(s) / len(k)
	for i := range k {
		k[i] = kurtosis(s[i*n : (i+1)*n])
	}
	slices.Sort(k[:])
	return (k[3] + k[4]) / 2
}

// VoteBand returns the band that is steadily impulsive over several windows: that whose
// Steady is the highest on average over the kurtograms, which are of one grid; the wider
// of two alike. It panics without kurtograms.
func VoteBand(windows [][]Band) Band {
	best := -1
	var mean Band
	for i, b := range windows[0] {
		b.Kurtosis, b.Steady = 0, 0
		for _, w := range windows {
			b.Kurtosis += w[i].Kurtosis / float64(len(windows))
			b.Steady += w[i].Steady / float64(len(windows))
		}
		if best < 0 || b.Steady > mean.Steady {
			best, mean = i, b
		}
	}
	return mean
}
