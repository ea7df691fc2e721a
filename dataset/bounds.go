package dataset

import "bytes"

// Bounded returns the options for a file of size bytes that is to be one window of at most so
// many samples: a file of more is refused before memory is taken for it. A matrix of several
// channels may have as many numbers in all.
func (o FileOptions) Bounded(size, samples int) FileOptions {
	o.MaxRows, o.MaxNumbers, o.MaxInflated = samples, samples, mostInflated(size, samples)
	return o
}

// mostInflated bounds what a compressed file becomes: vibration as float64 takes up to eight
// times what it does in zlib's form.
func mostInflated(size, samples int) int { return min(8*size+1<<20, 8*samples+1<<16) }

// FileBytes is not less than what ReadFile takes beside the file b, with options that are
// Bounded for so many samples, its answer included. Of a table each cell takes a float64, in a
// slice that grows (40 bytes in all), and what is before it up to five times its bytes; of MAT
// and NPZ files what is inflated and what becomes of it; WAV files have a sample in a byte at
// least, which is read as float64 and becomes float32, however many there are.
func FileBytes(name string, b []byte, samples int) int64 {
	n, most := int64(len(b)), int64(samples)
	switch FormatOf(name, b) {
	case "csv":
		rows := int64(bytes.Count(b, []byte("\n"))) + 1
		cells := int64(0)
		for _, c := range []string{",", ";", "\t", " "} {
			cells = max(cells, int64(bytes.Count(b, []byte(c))))
		}
		return 5*n + 40*(cells+rows) + 24*min(rows, most)
	case "npy": // columns of a matrix are copied, and all may be asked for
		return 36 * min(n, most)
	case "mat", "npz":
		inflated := int64(mostInflated(len(b), samples))
		return nodesBytes + 2*n + 4*inflated + 12*min(most, max(n, inflated))
	}
	return 12 * n
}

// nodesBytes is what the arrays of a MAT file may take beside their numbers and texts, of as many
// as are read.
const nodesBytes = 16 << 20
