//go:build planted

package admit

import "os"

// evenly is a planted fault, for the rigs to find: with BRINELL_PLANTED=unfair who comes
// first takes all. No program that is shipped is built with this tag.
var evenly = os.Getenv("BRINELL_PLANTED") != "unfair"

// plant returns the claim as it is, or with the planted fault as one of the only tenant.
func (c Claim) plant() Claim {
	if !evenly {
		c.Tenant = ""
	}
	return c
}

// isLong says whether the window is a long one, of which the planted fault knows none.
func (c Claim) isLong() bool { return evenly && c.Bytes >= LongWindow }
