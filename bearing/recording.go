package bearing

import "time"

// Recording is one channel of one measurement, longer than a window, with what
// is known of its truth. Readers make it from files; windows are cut from it.
type Recording struct {
	Name       string    // unique in its corpus, e.g. "12k_Drive_End_IR007_0_105/DE"
	Samples    []float32 // acceleration in g, or as Unit.Inside says
	SampleRate float64   // Hz
	ShaftSpeed float64   // Hz, 0 if unknown
	Unit       Unit      // unit of the source
	Bearing    string    // designation of the bearing looked at, "" if unknown
	Fitted     Orders    // of that bearing by a catalogue of the user's; zero where the program's own has it
	Truth      Truth
	Start      time.Time // of the first sample, zero if unknown
}

// Truth is the ground truth of a recording. The zero value means unknown.
type Truth struct {
	Fault    Fault  // "" if unknown
	SizeMil  int    // fault diameter in thousandths of an inch, 0 for normal or unknown
	Position string // of an outer-race fault against the load zone: "6", "3" or "12" o'clock
	Load     string // load as the corpus states it, e.g. "2 hp" or "270 lb"
	Specimen string // the physical bearing, e.g. "DE/IR007"; splits by bearing go by it
}
