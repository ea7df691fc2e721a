package settings

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"brinell/internal/clamp"
)

// sizeUnits are the suffixes of a size, longest first where one ends another.
var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// ParseSize reads a size such as 512MiB, 10GB or 4096.
func ParseSize(s string) (int64, error) {
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			if err != nil || !(v > 0) || v*u.bytes > math.MaxInt64/2 {
				break
			}
			return clamp.Int64(v*u.bytes, 0, math.MaxInt64), nil
		}
	}
	return 0, fmt.Errorf("%q is not a size such as 512MiB, 10GB or 4096", s)
}

// ParseAge reads how long something is kept: 90d, 36h, or forever, which is 0.
func ParseAge(s string) (time.Duration, error) {
	if s == "forever" {
		return 0, nil
	}
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.ParseFloat(n, 64); err == nil && days*24 >= 1 && days <= 36500 {
			return clamp.Seconds(days * 86400), nil
		}
	} else if d, err := time.ParseDuration(s); err == nil && d >= time.Hour {
		return d, nil
	}
	return 0, fmt.Errorf("%q is not a time of an hour or more, such as 36h or 90d, or forever", s)
}
