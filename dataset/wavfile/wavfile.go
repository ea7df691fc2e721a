// Package wavfile reads and writes RIFF/WAVE files: PCM of 8, 16, 24 and 32 bits
// and IEEE floats of 32 and 64 bits, any number of channels, the extensible
// header included. Compressed forms and RF64 are refused.
//
// Sizes in a file are only ever compared with the bytes that are there.
//
// Reference: IBM, Microsoft, Multimedia Programming Interface and Data
// Specifications 1.0, 1991; WAVEFORMATEXTENSIBLE, 2001.
package wavfile

import (
	"encoding/binary"
	"math"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// File is a decoded WAV file.
type File struct {
	SampleRate float64     // Hz
	Channels   [][]float64 // PCM with full scale 1, floats as stored
	Float      bool
	Bits       int
	Note       Note
}

const (
	formatPCM        = 1
	formatFloat      = 3
	formatExtensible = 0xfffe
	maxChunks        = 64
	maxChannels      = 64
	streaming        = 0xffffffff // data size of a writer that could not go back
)

// format is the content of the fmt chunk.
type format struct {
	tag, channels, bits int
	rate                uint32
}

// Decode reads a WAV file. Errors are *bearing.Error: wav_codec for forms that
// are not read, wav_malformed for the rest.
func Decode(b []byte) (File, error) {
	l, err := Open(b)
	if err != nil {
		return File{}, err
	}
	out := File{SampleRate: l.SampleRate, Float: l.format.tag == formatFloat, Bits: l.format.bits, Note: l.Note, Channels: make([][]float64, l.Channels)}
	for c := range out.Channels {
		if out.Channels[c], err = l.Channel(c); err != nil {
			return File{}, err
		}
	}
	return out, nil
}

// Layout is what a WAV file says of itself, before memory is taken for its samples.
type Layout struct {
	SampleRate float64 // Hz
	Channels   int
	Samples    int // of a channel
	Note       Note
	format     *format
	data       []byte
}

// Open reads the layout of a WAV file, which keeps b. Errors are those of Decode.
func Open(b []byte) (Layout, error) {
	if len(b) >= 4 && (string(b[:4]) == "RF64" || string(b[:4]) == "BW64") {
		return Layout{}, bearing.Errorf(bearing.Unsupported, "wav_codec", "RF64 files are not read: split the recording into files below 4 GiB")
	}
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return Layout{}, malformed("it does not begin like a WAV file")
	}
	var f *format
	var note Note
	for chunks, at := 0, 12; at+8 <= len(b); chunks++ {
		if chunks == maxChunks {
			return Layout{}, malformed("more than %d chunks", maxChunks)
		}
		id, size := string(b[at:at+4]), int(binary.LittleEndian.Uint32(b[at+4:]))
		body := b[at+8:]
		if id == "data" {
			if f == nil {
				return Layout{}, malformed("data stand before their format")
			}
			// Writers that stream cannot fill in the size.
			if size == 0 || size == streaming {
				size = len(body)
			}
			if size > len(body) {
				return Layout{}, malformed("data of %d bytes where %d are left", size, len(body))
			}
			l, err := f.layout(body[:size])
			l.Note = note
			return l, err
		}
		if size > len(body) {
			return Layout{}, malformed("a chunk of %d bytes where %d are left", size, len(body))
		}
		if id == "fmt " {
			var err error
			if f, err = parseFormat(body[:size]); err != nil {
				return Layout{}, err
			}
		}
		if id == "LIST" {
			note = parseNote(body[:size])
		}
		at += 8 + size + size%2 // chunks begin at even offsets
	}
	return Layout{}, malformed("there are no data")
}

// Ends tells how a WAV file that Decode reads ends: exact if it has as many bytes as its
// header says, and ragged if it does not say and the last block is not whole.
func Ends(b []byte) (exact, ragged bool) {
	le := binary.LittleEndian
	if len(b) < 12 {
		return false, true
	}
	total := int(le.Uint32(b[4:])) + 8
	block := 1
	for at := 12; at+8 <= len(b); {
		size := int(le.Uint32(b[at+4:]))
		switch string(b[at : at+4]) {
		case "fmt ":
			if at+22 <= len(b) {
				block = max(1, int(le.Uint16(b[at+20:])))
			}
		case "data":
			if size == 0 || size == streaming {
				return false, (len(b)-at-8)%block != 0
			}
			return total == len(b), false
		}
		at += 8 + size + size%2
	}
	return false, false
}

func parseFormat(b []byte) (*format, error) {
	if len(b) < 16 {
		return nil, malformed("a format of %d bytes", len(b))
	}
	le := binary.LittleEndian
	f := &format{int(le.Uint16(b)), int(le.Uint16(b[2:])), int(le.Uint16(b[14:])), le.Uint32(b[4:])}
	if f.tag == formatExtensible {
		// The first two bytes of the sub-format are the tag.
		if len(b) < 40 {
			return nil, malformed("an extensible format of %d bytes", len(b))
		}
		f.tag = int(le.Uint16(b[24:]))
	}
	ok := f.tag == formatPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32) ||
		f.tag == formatFloat && (f.bits == 32 || f.bits == 64)
	switch {
	case !ok:
		return nil, bearing.Errorf(bearing.Unsupported, "wav_codec", "WAV format %d of %d bits is not read: save the file as PCM or float", f.tag, f.bits)
	case f.channels == 0 || f.channels > maxChannels:
		return nil, malformed("%d channels", f.channels)
	case f.rate == 0:
		return nil, malformed("a sampling rate of 0")
	case int(le.Uint16(b[12:])) != f.channels*f.bits/8:
		return nil, malformed("blocks of %d bytes for %d channels of %d bits", le.Uint16(b[12:]), f.channels, f.bits)
	}
	return f, nil
}

// layout is that of samples b; an incomplete last block is left out.
func (f *format) layout(b []byte) (Layout, error) {
	n := len(b) / (f.bits / 8 * f.channels)
	if n == 0 {
		return Layout{}, malformed("there are no samples")
	}
	return Layout{SampleRate: float64(f.rate), Channels: f.channels, Samples: n, format: f, data: b}, nil
}

// Channel returns the samples of channel c, from 0 on.
func (l Layout) Channel(c int) ([]float64, error) {
	f, width := l.format, l.format.bits/8
	x := make([]float64, l.Samples)
	for i := range x {
		v := f.sample(l.data[(i*f.channels+c)*width:])
		if v-v != 0 {
			return nil, malformed("sample %d of channel %d is %v", i, c+1, v)
		}
		x[i] = v
	}
	return x, nil
}

func (f *format) sample(b []byte) float64 {
	le := binary.LittleEndian
	if f.tag == formatFloat {
		if f.bits == 32 {
			return float64(math.Float32frombits(le.Uint32(b)))
		}
		return math.Float64frombits(le.Uint64(b))
	}
	switch f.bits {
	case 8: // unsigned, unlike the wider forms
		return (float64(b[0]) - 128) / 128
	case 16:
		return float64(int16(le.Uint16(b))) / (1 << 15)
	case 24:
		return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)>>8) / (1 << 23)
	}
	return float64(int32(le.Uint32(b))) / (1 << 31)
}

// EncodeFloat32 writes one channel as a WAV file of 32-bit floats, rounding the
// rate to whole hertz, of which the format holds a thousand million.
func EncodeFloat32(x []float32, rate float64) []byte { return EncodeNoted(x, rate, Note{}) }

// EncodeNoted is EncodeFloat32 with a note, unless that says nothing.
func EncodeNoted(x []float32, rate float64, n Note) []byte {
	le := binary.LittleEndian
	list := n.chunk()
	size, perSecond := 4*len(x), clamp.Int(math.Round(rate), 1, math.MaxUint32/4)
	b := append(make([]byte, 0, 44+len(list)+size), "RIFF"...)
	b = le.AppendUint32(b, uint32(36+len(list)+size))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, formatFloat)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, uint32(perSecond))
	b = le.AppendUint32(b, uint32(4*perSecond))
	b = le.AppendUint16(b, 4)
	b = le.AppendUint16(b, 32)
	b = append(b, list...)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(size))
	for _, v := range x {
		b = le.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func malformed(format string, args ...any) error {
	e := bearing.Errorf(bearing.Malformed, "wav_malformed", format, args...)
	e.Message = "the WAV file is damaged: " + e.Message
	return e
}
