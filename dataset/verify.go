package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"brinell/bearing"
)

// The states of a file.
const (
	StatusOK         = "ok"         // the bytes are those of the table
	StatusUnverified = "unverified" // readable, but the table has no SHA-256 for it
	StatusMissing    = "missing"    // not at hand
	StatusMismatch   = "mismatch"   // other bytes than the table's, or not readable
)

// Status is what Verify found out about one entry.
type Status struct {
	Entry  Entry
	State  string
	SHA256 string   // of the bytes at hand, hex
	Notes  []string // known defects, and what contradicts the catalogue
}

// Verify reads every file of the corpus, compares its bytes with the table, and
// decodes it. Two files with the same signal are noted at the second. progress,
// if not nil, is called after each entry.
func (s *Source) Verify(progress func(done, total int, e Entry, status string)) []Status {
	var out []Status
	signals := map[string]string{}
	for i, e := range s.corpus.Entries {
		st := s.verify(e, signals)
		out = append(out, st)
		if progress != nil {
			progress(i+1, len(s.corpus.Entries), e, st.State)
		}
	}
	return out
}

func (s *Source) verify(e Entry, signals map[string]string) Status {
	st := Status{Entry: e}
	if _, ok := s.locate(e); !ok {
		st.State = StatusMissing
		return st
	}
	if e.Defect != "" {
		st.Notes = append(st.Notes, e.Defect)
	}
	b, err := s.bytes(e)
	if err != nil {
		st.State, st.Notes = StatusMismatch, append(st.Notes, err.Error())
		return st
	}
	sum := sha256.Sum256(b)
	st.SHA256 = hex.EncodeToString(sum[:])
	switch {
	case e.SHA256 == "":
		st.State = StatusUnverified
	case e.SHA256 == st.SHA256:
		st.State = StatusOK
	default:
		st.State = StatusMismatch
		st.Notes = append(st.Notes, fmt.Sprintf("SHA-256 is %s, the table says %s", st.SHA256, e.SHA256))
	}
	rec, notes, err := s.decode(e, b)
	st.Notes = append(st.Notes, notes...)
	if err != nil {
		st.State, st.Notes = StatusMismatch, append(st.Notes, err.Error())
		return st
	}
	key := signalKey(rec)
	if first, ok := signals[key]; ok {
		st.Notes = append(st.Notes, "repeats the signal of "+first)
	} else {
		signals[key] = e.File
	}
	return st
}

// signalKey is the same for recordings with the same samples.
func signalKey(r bearing.Recording) string {
	buf := make([]byte, 0, 4*len(r.Samples))
	for _, v := range r.Samples {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
	}
	sum := sha256.Sum256(buf)
	return string(sum[:])
}
