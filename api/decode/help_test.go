package decode

import (
	"encoding/binary"
	"math"
)

const (
	asJSON = "application/json"
	asRaw  = "application/octet-stream"
	good   = `{"start":"2026-01-31T12:00:00.000000001Z","sample_rate_hz":12000,"unit":"g","shaft_speed_rpm":1797,"bearing":"6205-2RS","axis":"","samples":[0.1,-2e-3,3]}`
)

func raw(x ...float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
