package wavfile

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
)

func chunk(id string, data ...byte) []byte {
	b := append([]byte(id), binary.LittleEndian.AppendUint32(nil, uint32(len(data)))...)
	b = append(b, data...)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func fmtChunk(tag, channels, rate, bits int, extra ...byte) []byte {
	le := binary.LittleEndian
	var b []byte
	b = le.AppendUint16(b, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	return chunk("fmt ", append(b, extra...)...)
}

func riff(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), bytes.Join(chunks, nil)...)
	return chunk("RIFF", body...)
}

func TestForms(t *testing.T) {
	le := binary.LittleEndian
	f := func(name string, b []byte, want ...[]float64) {
		t.Helper()
		got, err := Decode(b)
		if err != nil || cmp.Diff(want, got.Channels) != "" || got.SampleRate != 12000 {
			t.Errorf("%s: %v Hz, %v\n%s", name, got.SampleRate, err, cmp.Diff(want, got.Channels))
		}
	}
	f("8 bit", riff(fmtChunk(1, 1, 12000, 8), chunk("data", 0, 128, 255)), []float64{-1, 0, 127.0 / 128})
	f("16 bit stereo", riff(fmtChunk(1, 2, 12000, 16), chunk("data", 0, 0x80, 0, 0x40, 1, 0, 0, 0)), []float64{-1, 1.0 / 32768}, []float64{0.5, 0})
	f("24 bit", riff(fmtChunk(1, 1, 12000, 24), chunk("data", 0, 0, 0x80, 0xff, 0xff, 0xff)), []float64{-1, -1.0 / (1 << 23)})
	f("32 bit", riff(fmtChunk(1, 1, 12000, 32), chunk("data", 0, 0, 0, 0x40)), []float64{0.5})
	f("float 32", riff(fmtChunk(3, 1, 12000, 32), chunk("data", le.AppendUint32(nil, math.Float32bits(-9.5))...)), []float64{-9.5})
	f("float 64", riff(fmtChunk(3, 1, 12000, 64), chunk("data", le.AppendUint64(nil, math.Float64bits(math.Pi))...)), []float64{math.Pi})
	ext := append([]byte{22, 0, 16, 0, 4, 0, 0, 0, 1, 0}, make([]byte, 14)...)
	f("extensible", riff(fmtChunk(0xfffe, 1, 12000, 16, ext...), chunk("data", 0, 0x40)), []float64{0.5})
	f("other chunks, odd length", riff(chunk("LIST", 1, 2, 3), fmtChunk(1, 1, 12000, 16), chunk("fact"), chunk("data", 0, 0x40)), []float64{0.5})
	streamed := riff(fmtChunk(1, 1, 12000, 16), chunk("data", 0, 0x40))
	le.PutUint32(streamed[len(streamed)-6:], streaming)
	f("streamed", streamed, []float64{0.5})
	f("incomplete block", riff(fmtChunk(1, 2, 12000, 16), chunk("data", 0, 0x40, 0, 0, 1, 1)), []float64{0.5}, []float64{0})
	f("our own, with its unit", EncodeNoted([]float32{1, -0.25}, 12000, Note{Unit: "g"}), []float64{1, -0.25})
	f("our own", EncodeFloat32([]float32{1, -0.25}, 12000), []float64{1, -0.25})
}

func TestRefusals(t *testing.T) {
	f := func(name string, b []byte, code string) {
		t.Helper()
		if _, err := Decode(b); bearing.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
	}
	data := chunk("data", 0, 0)
	f("empty", nil, "wav_malformed")
	f("no WAVE", chunk("RIFF", []byte("AVI ")...), "wav_malformed")
	f("RF64", append([]byte("RF64"), make([]byte, 40)...), "wav_codec")
	f("no data", riff(fmtChunk(1, 1, 12000, 16)), "wav_malformed")
	f("no samples", riff(fmtChunk(1, 1, 12000, 16), chunk("data")), "wav_malformed")
	f("data first", riff(data, fmtChunk(1, 1, 12000, 16)), "wav_malformed")
	f("short format", riff(chunk("fmt ", 1, 0), data), "wav_malformed")
	f("ADPCM", riff(fmtChunk(2, 1, 12000, 4), data), "wav_codec")
	f("12 bits", riff(fmtChunk(1, 1, 12000, 12), data), "wav_codec")
	f("no channels", riff(fmtChunk(1, 0, 12000, 16), data), "wav_malformed")
	f("rate 0", riff(fmtChunk(1, 1, 0, 16), data), "wav_malformed")
	lying := riff(fmtChunk(1, 1, 12000, 16), data)
	binary.LittleEndian.PutUint32(lying[len(lying)-6:], 1<<30)
	f("lying data", lying, "wav_malformed")
	f("short extensible", riff(fmtChunk(0xfffe, 1, 12000, 16), data), "wav_malformed")
	f("many chunks", riff(bytes.Repeat(chunk("junk"), 100)), "wav_malformed")
	f("NaN", riff(fmtChunk(3, 1, 12000, 32), chunk("data", 0, 0, 0xc0, 0x7f)), "wav_malformed")
	wrong := fmtChunk(1, 1, 12000, 16)
	wrong[20]++ // block size
	f("block size", riff(wrong, data), "wav_malformed")
}

func FuzzDecode(f *testing.F) {
	f.Add(EncodeFloat32([]float32{1, 2, 3}, 12000))
	f.Add(riff(fmtChunk(1, 2, 12000, 16), chunk("data", 0, 0x80, 0, 0x40)))
	f.Add(riff(chunk("LIST", 1, 2, 3), fmtChunk(0xfffe, 1, 8000, 24, make([]byte, 24)...), chunk("data", 1, 2, 3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := Decode(b)
		if err != nil {
			if c := bearing.CodeOf(err); c != "wav_malformed" && c != "wav_codec" {
				t.Errorf("code %s", c)
			}
			return
		}
		n := 0
		for _, c := range w.Channels {
			n += len(c)
		}
		if n > len(b) || !(w.SampleRate > 0) {
			t.Errorf("%d samples of %d bytes at %v Hz", n, len(b), w.SampleRate)
		}
	})
}

// TestEnds: only a file of as many bytes as its header says ends exactly, and one that does
// not say is ragged between blocks.
func TestEnds(t *testing.T) {
	le := binary.LittleEndian
	stated := riff(fmtChunk(formatPCM, 2, 12000, 16), chunk("data", make([]byte, 400)...))
	unstated := func(size uint32, extra int) []byte {
		b := append(bytes.Clone(stated), make([]byte, extra)...)
		le.PutUint32(b[bytes.Index(b, []byte("data"))+4:], size)
		return b
	}
	for _, c := range []struct {
		name          string
		b             []byte
		exact, ragged bool
	}{
		{"stated", stated, true, false},
		{"a byte less", stated[:len(stated)-1], false, false},
		{"a byte more", append(bytes.Clone(stated), 0), false, false},
		{"streaming", unstated(streaming, 0), false, false},
		{"streaming, cut", unstated(streaming, 2), false, true},
		{"zero", unstated(0, 4), false, false},
		{"zero, cut", unstated(0, 5), false, true},
		{"another chunk first", riff(fmtChunk(formatPCM, 1, 12000, 16), chunk("LIST", 1, 2, 3), chunk("data", 1, 2)), true, false},
		{"no data", riff(fmtChunk(formatPCM, 1, 12000, 16)), false, false},
		{"eleven bytes", stated[:11], false, true},
	} {
		if exact, ragged := Ends(c.b); exact != c.exact || ragged != c.ragged {
			t.Errorf("%s: exact %t, ragged %t; want %t, %t", c.name, exact, ragged, c.exact, c.ragged)
		}
	}
}

// TestNote: what our own files say is read, and nobody else's comment is taken for it.
func TestNote(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 250e6, time.UTC)
	for _, n := range []Note{{}, {Unit: "g"}, {Unit: "mm/s", Start: at}, {Unit: "relative", Start: at}, {Unit: "g", Start: at.Add(time.Nanosecond)}} {
		b := EncodeNoted([]float32{1, 2, 3}, 12000, n)
		f, err := Decode(b)
		if exact, ragged := Ends(b); err != nil || f.Note != n || !exact || ragged {
			t.Errorf("%v: %v, %v, ends %t %t", n, f.Note, err, exact, ragged)
		}
	}
	for _, text := range []string{"", "INFO", "INFOICMT", "INFOICMT\xff\x00\x00\x00brinell unit=g", "INFOICMT\x08\x00\x00\x00unit=g\x00\x00",
		"INFOICMT\x10\x00\x00\x00brinell unit=mm\x00", "adtlICMT\x0f\x00\x00\x00brinell unit=g\x00", "INFOICMT\x0e\x00\x00\x00brinell start=x"} {
		f, err := Decode(riff(chunk("LIST", []byte(text)...), fmtChunk(3, 1, 12000, 32), chunk("data", 0, 0, 0, 0)))
		if err != nil || f.Note != (Note{}) {
			t.Errorf("%q: %v, %v", text, f.Note, err)
		}
	}
}
