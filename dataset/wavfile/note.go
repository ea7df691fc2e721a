package wavfile

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
)

// Note is what the comment of a file that Brinell wrote says beyond the format: the unit of
// the samples, of which full scale is one, and the time of the first.
type Note struct {
	Unit  string // "g", "mm/s" or "relative"; "" in files of others
	Start time.Time
}

const noteMark = "brinell "

// chunk is the note as a LIST chunk of INFO with a comment (ICMT).
func (n Note) chunk() []byte {
	if n.Unit == "" {
		return nil
	}
	text := noteMark + "full_scale=1 unit=" + n.Unit
	if !n.Start.IsZero() {
		text += " start=" + n.Start.UTC().Format(time.RFC3339Nano)
	}
	text += strings.Repeat("\x00", 2-len(text)%2) // ended, and of even length
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("LIST"), uint32(12+len(text)))
	b = le.AppendUint32(append(b, "INFOICMT"...), uint32(len(text)))
	return append(b, text...)
}

// parseNote reads the note in a LIST chunk; what is none says nothing.
func parseNote(b []byte) (n Note) {
	b, ok := bytes.CutPrefix(b, []byte("INFOICMT"))
	if !ok || len(b) < 4 {
		return n
	}
	size := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; size > len(b) {
		return n
	}
	text, ok := strings.CutPrefix(strings.TrimRight(string(b[:size]), "\x00"), noteMark)
	if !ok {
		return n
	}
	for word := range strings.FieldsSeq(text) {
		switch key, value, _ := strings.Cut(word, "="); {
		case key == "unit" && (value == "g" || value == "mm/s" || value == "relative"):
			n.Unit = value
		case key == "start":
			if at, err := time.Parse(time.RFC3339Nano, value); err == nil {
				n.Start = at
			}
		}
	}
	return n
}
