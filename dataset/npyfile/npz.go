package npyfile

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"

	"brinell/bearing"
)

// Bounds of an NPZ archive. Vibration hardly compresses, so a high ratio beyond
// a size that does no harm is an attack.
const (
	maxMembers  = 64
	maxInflated = 1 << 30
	freeSize    = 1 << 24
	maxRatio    = 200
)

// DecodeZip reads all arrays of an NPZ archive, in its order. Errors are those of
// Decode, and npz_too_large for an archive beyond the bounds.
func DecodeZip(b []byte) ([]Array, error) { return DecodeZipAtMost(b, maxSize, maxInflated) }

// DecodeZipAtMost is DecodeZip of an archive of at most so many numbers, and so many bytes
// inflated.
func DecodeZipAtMost(b []byte, numbers, inflated int) ([]Array, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, malformed("it is no zip archive: %v", err)
	}
	if len(z.File) > maxMembers {
		return nil, bearing.Errorf(bearing.TooLarge, "npz_too_large", "the NPZ file has %d members, at most %d are read", len(z.File), maxMembers)
	}
	inflated = min(inflated, maxInflated, freeSize+maxRatio*len(b))
	left := int64(inflated)
	var out []Array
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, malformed("member %q is no array", bearing.Clip(f.Name))
		}
		r, err := f.Open()
		if err != nil {
			return nil, malformed("member %q: %v", bearing.Clip(f.Name), err)
		}
		data, err := io.ReadAll(io.LimitReader(r, left+1))
		r.Close()
		if int64(len(data)) > left {
			return nil, bearing.Errorf(bearing.TooLarge, "npz_too_large", "the NPZ file inflates to more than %d bytes", inflated)
		}
		if err != nil {
			return nil, malformed("member %q: %v", bearing.Clip(f.Name), err)
		}
		left -= int64(len(data))
		a, err := DecodeAtMost(data, min(numbers, maxSize))
		if err != nil {
			return nil, err
		}
		numbers -= len(a.Data)
		a.Name = name
		out = append(out, a)
	}
	return out, nil
}
