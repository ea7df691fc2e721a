package api

import (
	"math/bits"
	"sync"

	"brinell/api/decode"
	"brinell/internal/admit"
)

// budget counts the bytes of bodies and samples with all others in the service's budget,
// and keeps the buffers of those that are done for those that come.
type budget struct {
	memory *admit.Memory
	idle   [maxClass - minClass + 1]sync.Pool // of *buffer, by class
}

// Buffers that are kept have 1<<class bytes. One for a huge window is left to
// the garbage collector: it would stay long after that window.
const minClass, maxClass = 12, 20 // 4 KiB to 1 MiB

func classOf(size int64) int { return max(bits.Len64(uint64(size-1)), minClass) }

type buffer struct{ bytes []byte }

func (t *budget) get(size int64) *buffer {
	if c := classOf(size); c <= maxClass && size == 1<<c {
		if b, ok := t.idle[c-minClass].Get().(*buffer); ok {
			return b
		}
	}
	return &buffer{make([]byte, size)}
}

func (t *budget) put(b *buffer) {
	if size := int64(len(b.bytes)); size > 0 {
		if c := classOf(size); c <= maxClass && size == 1<<c {
			t.idle[c-minClass].Put(b)
		}
	}
}

// share is what one request holds of the budget, and the buffers that make it
// up. They are the request's until release.
type share struct {
	of            *budget
	tenant        string
	size          int64
	body, samples *buffer
}

// extend returns b in a buffer of room bytes at least, nil if the budget does
// not allow it. The buffer before it must be used no more.
func (h *share) extend(b []byte, room int64) []byte {
	held := int64(0)
	if h.body != nil {
		held = int64(len(h.body.bytes))
	}
	// A whole class can be kept; where that is too much, what is needed.
	size := room
	if c := classOf(room); c <= maxClass && h.draw(1<<c-held) {
		size = 1 << c
	} else if !h.draw(room - held) {
		return nil
	}
	next := h.of.get(size)
	b = append(next.bytes[:0], b...)
	if h.body != nil {
		h.of.put(h.body)
	}
	h.body = next
	return b
}

// floats returns n samples of any value. They count as held and are not refused: what
// they are decoded from was counted with them, see decode.Decoder.Memory. Once a request.
func (h *share) floats(n int) []float32 {
	size := 4 * int64(n)
	if c := classOf(size); c <= maxClass {
		size = 1 << c
	}
	h.of.memory.HoldFor(h.tenant, size)
	h.size += size
	h.samples = h.of.get(size)
	return decode.Floats(h.samples.bytes)[:n]
}

// draw raises the share by more bytes, or reports that the budget does not allow it.
func (h *share) draw(more int64) bool {
	if !h.of.memory.TakeFor(h.tenant, more) {
		return false
	}
	h.size += more
	return true
}

func (h *share) release() {
	for _, b := range []*buffer{h.body, h.samples} {
		if b != nil {
			h.of.put(b)
		}
	}
	h.of.memory.GiveFor(h.tenant, h.size)
	*h = share{of: h.of, tenant: h.tenant}
}
