package npyfile

import (
	"strconv"
	"strings"

	"brinell/bearing"
)

// header is the dictionary at the head of an NPY file.
type header struct {
	descr   string
	fortran bool
	shape   []int
}

// parseHeader reads the dictionary by this grammar, with blanks anywhere:
//
//	dict  = "{" [ pair { "," pair } [ "," ] ] "}"
//	pair  = string ":" ( string | "True" | "False" | tuple )
//	tuple = "(" [ int { "," int } [ "," ] ] ")"
//
// Each of the three keys must stand in it once, and no other.
func parseHeader(s string) (h header, err error) {
	p := &parser{s: s}
	seen := make(map[string]bool)
	p.expect('{')
	for !p.take('}') {
		key := p.text()
		p.expect(':')
		if seen[key] {
			p.fail("key %q stands twice in the header", bearing.Clip(key))
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' {
				return h, bearing.Errorf(bearing.Unsupported, "npy_dtype", "structured arrays are not read: save one field as float32 or float64")
			}
			h.descr = p.text()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("key %q in the header", bearing.Clip(key))
		}
		if !p.take(',') && p.peek() != '}' {
			p.fail("the header is no dictionary")
		}
		if p.err != nil {
			return h, p.err
		}
	}
	if p.peek() != 0 {
		p.fail("the header goes on after its dictionary")
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("the header lacks descr, fortran_order or shape")
	}
	return h, p.err
}

type parser struct {
	s   string
	err error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = malformed(format, args...)
	}
	p.s = "" // so that every loop ends
}

// peek returns the next byte that is no blank, 0 at the end.
func (p *parser) peek() byte {
	p.s = strings.TrimLeft(p.s, " \t\n")
	if p.s == "" {
		return 0
	}
	return p.s[0]
}

// take removes c if it is next. After a failure it says yes, so that loops end.
func (p *parser) take(c byte) bool {
	if p.err != nil {
		return true
	}
	if p.peek() != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *parser) expect(c byte) {
	if !p.take(c) {
		p.fail("the header lacks a %q", string(c))
	}
}

func (p *parser) text() string {
	q := p.peek()
	if q != '\'' && q != '"' {
		p.fail("the header lacks a string")
		return ""
	}
	v, rest, ok := strings.Cut(p.s[1:], string(q))
	if !ok || strings.ContainsAny(v, "\\\n") {
		p.fail("a string in the header does not end")
		return ""
	}
	p.s = rest
	return v
}

func (p *parser) boolean() bool {
	p.peek()
	for word, v := range map[string]bool{"True": true, "False": false} {
		if rest, ok := strings.CutPrefix(p.s, word); ok {
			p.s = rest
			return v
		}
	}
	p.fail("fortran_order is neither True nor False")
	return false
}

func (p *parser) tuple() []int {
	shape := []int{}
	p.expect('(')
	for !p.take(')') {
		p.peek()
		n := 0
		for n < len(p.s) && p.s[n] >= '0' && p.s[n] <= '9' {
			n++
		}
		v, err := strconv.Atoi(p.s[:n])
		if err != nil || len(shape) == 32 {
			p.fail("the shape is no tuple of numbers")
			return nil
		}
		shape, p.s = append(shape, v), p.s[n:]
		if !p.take(',') && p.peek() != ')' {
			p.fail("the shape is no tuple")
		}
	}
	return shape
}
