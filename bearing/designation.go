package bearing

import "strings"

// DesignationKey returns what makes designations the same: letters in upper case and
// digits. Of anything between them only that remains which parts two digits, as a
// point: "6205-2rs" and "6205 2RS" are one, "62-05" and "6205" are two.
func DesignationKey(designation string) string {
	var key []byte
	gap := false
	for i := range len(designation) {
		c := designation[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if !isDigit(c) && !(c >= 'A' && c <= 'Z') {
			gap = len(key) > 0
			continue
		}
		if gap && isDigit(c) && isDigit(key[len(key)-1]) {
			key = append(key, '.')
		}
		key, gap = append(key, c), false
	}
	return string(key)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// baseOf returns the number with which a designation begins, "" if it begins with none
// of three digits or more: 6205 of "6205-2Z/C3", and with a bore after a slash
// 618/8 of "618/8-2Z" (ISO 15, DIN 623-1).
func baseOf(designation string) string {
	digits := func(s string) int {
		n := 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		return n
	}
	s := strings.TrimSpace(designation)
	n := digits(s)
	if n < 3 {
		return ""
	}
	if rest := s[n:]; strings.HasPrefix(rest, "/") {
		if m := digits(rest[1:]); m > 0 && (len(rest) == 1+m || !isLetter(rest[1+m])) {
			n += 1 + m
		}
	}
	return s[:n]
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// makers are the names that stand before a designation and say nothing of its geometry.
var makers = []string{"SKF", "FAG", "INA", "NSK", "NTN", "SNR", "KOYO", "JTEKT", "TIMKEN", "NACHI", "NKE", "ZKL", "FLT", "KBC",
	"RHP", "MRC", "FAFNIR", "STEYR", "KINEX", "URB", "ZVL", "ZWZ", "LYC", "HRB", "C&U", "CX", "RKB", "DKF", "GPZ", "VBF", "MPZ",
	"NBC", "ASB", "REXNORD", "MB", "EZO", "NMB", "GRW", "IKO", "IBC", "SLF", "WKW", "TPI", "GMN"}

// materials are prefixes of the metal or the grease, which say nothing of the geometry either.
var materials = []string{"E2.", "SS", "W", "S"}

// number is what of a designation tells the geometry: letters of the construction, digits of
// series and bore, and what follows them.
type number struct{ letters, digits, suffix string }

func (n number) String() string {
	if n.letters == "" {
		return n.digits
	}
	return n.letters + " " + n.digits
}

// constructions are the letters that may stand before the digits (DIN 623-1).
var constructions = []string{"NUP", "NU", "NJ", "N"}

// parted leaves out what stands between two parts of a designation.
func parted(s string) string { return strings.TrimLeft(s, " -_./") }

// unmade returns a designation in upper case without the name of a maker before it, and whether
// there was one.
func unmade(designation string) (rest string, made bool) {
	s := strings.ToUpper(strings.TrimSpace(designation))
	for _, m := range makers {
		if rest, found := strings.CutPrefix(s, m); found && rest != "" {
			return parted(rest), true
		}
	}
	return s, false
}

// numberOf reads a designation: the name of a maker, prefixes and blanks before the digits are
// passed over. ok is false where no digits of a series are at their place.
func numberOf(designation string) (n number, ok bool) {
	s, _ := unmade(designation)
	for _, m := range materials {
		rest, found := strings.CutPrefix(s, m)
		if rest = parted(rest); found && rest != "" && isDigit(rest[0]) {
			s = rest
			break
		}
	}
	for _, c := range constructions {
		if rest, found := strings.CutPrefix(s, c); found && rest != "" {
			n.letters, s = c, parted(rest)
			break
		}
	}
	end := 0
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	n.digits, n.suffix = s[:end], s[end:]
	return n, end >= 3 && end <= 5
}

// unmistaken returns a designation with digits for the letters that look like them and stand
// beside a digit.
func unmistaken(designation string) string {
	digits := map[byte]byte{'O': '0', 'Q': '0', 'D': '0', 'I': '1', 'L': '1', 'Z': '2', 'S': '5', 'G': '6', 'B': '8'}
	s := []byte(strings.ToUpper(designation))
	for i, c := range s {
		digit, ok := digits[c]
		if ok && (i > 0 && isDigit(s[i-1]) || i+1 < len(s) && isDigit(s[i+1])) {
			s[i] = digit
		}
	}
	return string(s)
}
