//go:build !planted

package admit

// plant returns the claim as it is.
func (c Claim) plant() Claim { return c }

// isLong says whether the window is a long one.
func (c Claim) isLong() bool { return c.Bytes >= LongWindow }

// evenly says that a tenant is granted no more than leaves some for others.
const evenly = true
