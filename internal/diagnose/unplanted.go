//go:build !planted

package diagnose

// kept returns how many bytes of plans may be kept.
func kept(most int64) int64 { return most }

// capped returns how many sensor axes may have series.
func capped(most int) int { return most }
