package api

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"brinell/bearing"
)

// TestPageOf: pages follow each other without a gap, whatever their documents take; none has more
// than it may, in number and in bytes, and one of small documents is full.
func TestPageOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		size := []int{10, 3000, maxResourceBody}[round%3]
		slice := []int{pageSlice, bearing.MaxPage + 1}[round%2]
		var all []bearing.Resource
		for i := range rng.IntN(400) {
			all = append(all, bearing.Resource{Key: fmt.Sprintf("k%04d", i), Doc: make([]byte, 1+rng.IntN(size))})
		}
		limit := 1 + rng.IntN(200)
		read := func(after string, n int) ([]bearing.Resource, func(bearing.Resource) string, error) {
			i, _ := slices.BinarySearchFunc(all, after, func(r bearing.Resource, key string) int { return strings.Compare(r.Key, key+"\x00") })
			return all[i:min(i+n, len(all))], func(r bearing.Resource) string { return r.Key }, nil
		}
		var got []string
		for after, pages := "", 0; ; pages++ {
			rows, next, err := pageOf(after, limit, slice, read)
			if err != nil || len(rows) > limit || pages > len(all) {
				t.Fatal(err, len(rows), pages)
			}
			bytes := 0
			for _, row := range rows {
				bytes += len(row.Doc)
				got = append(got, row.Key)
			}
			if slice == pageSlice && bytes > pageBytes+pageSlice*maxResourceBody {
				t.Fatalf("a page of %d bytes", bytes)
			}
			if next == "" {
				break
			}
			if len(rows) < limit && bytes < pageBytes {
				t.Fatalf("%d of %d documents, %d bytes, and another page", len(rows), limit, bytes)
			}
			if after, err = cursorParameter(map[string]string{"cursor": next}); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(all) || !slices.IsSorted(got) {
			t.Fatalf("round %d: %d of %d documents", round, len(got), len(all))
		}
	}
	if pageBytes+pageSlice*maxResourceBody > 2<<20 {
		t.Error("three times a page are more than 6 MiB, which the least memory has for what is shown")
	}
}
