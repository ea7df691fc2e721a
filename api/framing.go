package api

import (
	"bytes"
	"strconv"
)

// framing follows the bytes of a connection from request to request, as far as it takes to know
// where each ends. It is stricter than net/http: what two readers may take to end at different
// places is refused, so that a proxy before the service cannot be made to disagree with it. Such
// are lines that end with a bare LF or have a CR within, folded lines, Content-Length twice or
// beside Transfer-Encoding or not in digits, and Transfer-Encoding of another version than 1.1.
// What is wrong besides is left to net/http, which refuses it and ends the connection.
type framing struct {
	part part
	left int64 // of the body or the chunk

	line []byte  // the beginning of the line, without its LF
	long bool    // there was more of it
	tail [9]byte // its end
	crs  int     // in it

	length  int64
	stated  bool // length is
	chunked bool
	old     bool // not HTTP/1.1
}

// part is where in a request the next byte stands.
type part int8

const (
	atStart   part = iota // in the request line
	inHead                // in a field
	inBody                // of a stated length
	atChunk               // in the line with its size
	inChunk               // in its bytes
	pastChunk             // in the line end after them
	inTrailer             // in a field after the chunks
)

// mostLine is how much of a line is kept: no field that matters is longer.
const mostLine = 64

// resting reports whether the next byte begins a request.
func (f *framing) resting() bool { return f.part == atStart && len(f.line) == 0 }

// expect says that a head has come, and what of its body is still to come.
func (f *framing) expect(left int64) {
	if f.left = left; left > 0 {
		f.part = inBody
	}
}

// take follows b. Where it refuses something, only the first n bytes of b are for net/http, and
// then what it reads as the end of a request that is none.
func (f *framing) take(b []byte) (n int, end string, ok bool) {
	for n < len(b) {
		if f.part == inBody || f.part == inChunk {
			some := min(f.left, int64(len(b)-n))
			n += int(some)
			f.left -= some
			switch {
			case f.left > 0:
			case f.part == inBody:
				f.begin()
			default:
				f.part = pastChunk
			}
			continue
		}
		lf := bytes.IndexByte(b[n:], '\n')
		if lf < 0 {
			f.keep(b[n:])
			return len(b), "", true
		}
		f.keep(b[n : n+lf])
		n += lf
		if !f.ended() {
			return n, f.denied(), false
		}
		f.line, f.long, f.tail, f.crs = f.line[:0], false, [9]byte{}, 0
		n++
	}
	return n, "", true
}

// begin waits for the next request.
func (f *framing) begin() { *f = framing{line: f.line[:0]} }

// keep notes a piece of a line.
func (f *framing) keep(b []byte) {
	if k := len(b) - len(f.tail); k >= 0 {
		copy(f.tail[:], b[k:])
	} else {
		copy(f.tail[:], f.tail[len(b):])
		copy(f.tail[-k:], b)
	}
	f.crs += bytes.Count(b, []byte{'\r'})
	some := min(len(b), mostLine-len(f.line))
	if cap(f.line) == 0 && some > 0 {
		f.line = make([]byte, 0, mostLine)
	}
	f.line, f.long = append(f.line, b[:some]...), f.long || some < len(b)
}

// denied is what follows a line that is refused, for net/http to refuse it: in a head a line
// that is no field, after chunks nothing.
func (f *framing) denied() string {
	switch {
	case f.part != atStart && f.part != inHead:
		return ""
	case f.tail[len(f.tail)-1] == '\r':
		return "\n\x00\r\n\r\n"
	case len(f.line) == 0:
		return "\x00\r\n\r\n"
	}
	return "\r\n\x00\r\n\r\n"
}

// ended takes a line that is whole, and reports whether there is but one way to read it.
func (f *framing) ended() bool {
	if f.crs != 1 || f.tail[len(f.tail)-1] != '\r' {
		return false
	}
	line := f.line
	if !f.long {
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	switch f.part {
	case atStart:
		if len(line) > 0 { // some clients send an empty one after a body
			f.part, f.old = inHead, string(f.tail[:len(f.tail)-1]) != "HTTP/1.1"
		}
		return true
	case inHead:
		if len(line) > 0 {
			return f.field(line)
		}
		switch {
		case f.chunked:
			f.part = atChunk
		case f.length > 0:
			f.part, f.left = inBody, f.length
		default:
			f.begin()
		}
		return true
	case atChunk:
		return f.chunk(line)
	case pastChunk:
		f.part = atChunk
		return len(line) == 0
	default:
		if len(line) == 0 {
			f.begin()
			return true
		}
		return line[0] != ' ' && line[0] != '\t'
	}
}

// field takes a field of a head.
func (f *framing) field(line []byte) bool {
	if line[0] == ' ' || line[0] == '\t' {
		return false
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 63)
		if err != nil || f.long || f.stated || f.chunked {
			return false
		}
		f.length, f.stated = int64(n), true
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if f.stated || f.old {
			return false
		}
		f.chunked = true
	}
	return true
}

// chunk takes the line before a chunk.
func (f *framing) chunk(line []byte) bool {
	digits := bytes.TrimLeft(line, "0123456789abcdefABCDEF")
	size, err := strconv.ParseUint(string(line[:len(line)-len(digits)]), 16, 63)
	if err != nil || len(digits) > 0 && digits[0] != ';' && digits[0] != ' ' && digits[0] != '\t' {
		return false
	}
	if f.left = int64(size); size == 0 {
		f.part = inTrailer
	} else {
		f.part = inChunk
	}
	return true
}
