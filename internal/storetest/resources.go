package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"brinell/bearing"
)

// versions: versions rise over writes and deletions, a write that asks for another version is
// refused and changes nothing, and all of it is there after a restart.
func versions(t *testing.T, open Open) {
	cfg := Config{Dir: t.TempDir()}
	s := open(t, cfg)
	ctx := t.Context()
	v1, created, err := s.PutResource(ctx, "machine", "m1", []byte(`{"a":1}`), bearing.NoVersion)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	mismatch := func(what, key string, match int64) {
		t.Helper()
		_, _, err := s.PutResource(ctx, "machine", key, []byte(`{"a":2}`), match)
		refused(t, what, err, bearing.Changed, "version_mismatch")
	}
	mismatch("made twice", "m1", bearing.NoVersion)
	v2, created, err := s.PutResource(ctx, "machine", "m1", []byte(`{"a":3}`), v1)
	if err != nil || created || v2 <= v1 {
		t.Errorf("version %d after %d, created %v, %v", v2, v1, created, err)
	}
	mismatch("an old version", "m1", v1)
	mismatch("any version of what is not there", "m2", bearing.SomeVersion)
	if v2, _, err = s.PutResource(ctx, "machine", "m1", []byte(`{"a":3}`), bearing.SomeVersion); err != nil {
		t.Errorf("any version of what is there: %v", err)
	}
	mismatch("a version of what is not there", "m2", v2)
	if err := s.DeleteResource(ctx, "machine", "m1", v1); bearing.CodeOf(err) != "version_mismatch" {
		t.Errorf("delete an old version: %v", err)
	}
	want := bearing.Resource{Key: "m1", Version: v2, Doc: []byte(`{"a":3}`)}
	if r, err := s.Resource(ctx, "machine", "m1"); err != nil || !gocmp.Equal(r, want) {
		t.Errorf("%+v, %v; want %+v", r, err, want)
	}
	for kind, want := range map[string]int64{"machine": v2, "sensor": bearing.NoVersion} {
		if v, err := s.ResourceVersion(ctx, kind, "m1"); err != nil || v != want {
			t.Errorf("version of a %s: %d, want %d, %v", kind, v, want, err)
		}
	}
	_, err = s.Resource(ctx, "sensor", "m1")
	refused(t, "one of another kind", err, bearing.NotFound, "resource_not_found")
	if err := s.DeleteResource(ctx, "machine", "m1", v2); err != nil {
		t.Error(err)
	}
	if err := s.DeleteResource(ctx, "machine", "m1", bearing.AnyVersion); bearing.CodeOf(err) != "resource_not_found" {
		t.Errorf("delete twice: %v", err)
	}
	s = reopen(t, s, open, cfg)
	v3, created, err := s.PutResource(ctx, "machine", "m1", []byte(`{"a":5}`), bearing.AnyVersion)
	if err != nil || !created || v3 <= v2 {
		t.Errorf("version %d after %d, created %v, %v: an ETag must not come back", v3, v2, created, err)
	}
	for i := range 5 {
		if _, _, err := s.PutResource(ctx, "sensor", fmt.Sprint("s", 4-i), []byte(`{}`), bearing.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	s = reopen(t, s, open, cfg)
	page, err := s.Resources(ctx, "sensor", "s1", 2)
	if err != nil || len(page) != 2 || page[0].Key != "s2" || page[1].Key != "s3" {
		t.Errorf("%+v, %v", page, err)
	}
	if r, err := s.Resource(ctx, "machine", "m1"); err != nil || r.Version != v3 || string(r.Doc) != `{"a":5}` {
		t.Errorf("%+v, %v", r, err)
	}
}

// Prefixes are the parts of things whose names begin with one of them.
type Prefixes []string

// Covers implements bearing.Parts.
func (p Prefixes) Covers(of string) bool {
	return slices.ContainsFunc(p, func(prefix string) bool { return strings.HasPrefix(of, prefix) })
}

// Next implements bearing.Parts.
func (p Prefixes) Next(of string) (next string, ok bool) {
	for _, prefix := range p {
		if from := max(of, prefix); (of <= prefix || strings.HasPrefix(of, prefix)) && (!ok || from < next) {
			next, ok = from, true
		}
	}
	return next, ok
}

// parts pages through inspections of many choices of sensors, and compares with what a loop over
// all finds; so it counts them, and the sensors.
func parts(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(5, 6))
	var all []bearing.Part
	sensor := make(map[string]string)
	for i := range 200 {
		p := bearing.Part{Of: fmt.Sprintf("%c%d", 'a'+rng.IntN(4), rng.IntN(12)), Key: fmt.Sprintf("k%03d", i)}
		all, sensor[p.Key] = append(all, p), p.Of
		for kind, row := range map[string]struct{ key, doc string }{
			bearing.KindInspection: {p.Key, fmt.Sprintf(`{"sensor":%q}`, p.Of)},
			bearing.KindSensor:     {p.Of, `{"machine":"press"}`},
		} {
			if _, _, err := s.PutResource(ctx, kind, row.key, []byte(row.doc), bearing.AnyVersion); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.SortFunc(all, func(a, b bearing.Part) int {
		return cmp.Or(strings.Compare(a.Of, b.Of), strings.Compare(a.Key, b.Key))
	})
	for _, of := range []bearing.Parts{
		bearing.OnePart("a1"), bearing.OnePart("a"), bearing.OnePart("zz"),
		Prefixes{""}, Prefixes{"a1"}, Prefixes{"b", "d1"}, Prefixes{"d", "a", "c0"},
		Prefixes{"x"}, Prefixes{"0"}, Prefixes{},
	} {
		var want []bearing.Part
		sensors := make(map[string]bool)
		for _, p := range all {
			if of.Covers(p.Of) {
				want, sensors[p.Of] = append(want, p), true
			}
		}
		for _, limit := range []int{1, 3, 100, 1000} {
			if got := pages(t, s, of, limit, sensor); !slices.Equal(got, want) {
				t.Errorf("%v by %d: %v, want %v", of, limit, got, want)
			}
			for kind, n := range map[string]int{bearing.KindInspection: len(want), bearing.KindSensor: len(sensors)} {
				if got, err := s.CountOf(ctx, kind, of, limit); err != nil || got != min(n, limit) {
					t.Errorf("%ss of %v, %d at most: %d, %v, want %d", kind, of, limit, got, err, min(n, limit))
				}
			}
		}
	}
}

// pages returns the inspections of some sensors, read by so many.
func pages(t *testing.T, s Store, of bearing.Parts, limit int, sensor map[string]string) (got []bearing.Part) {
	t.Helper()
	for after := (bearing.Part{}); ; after = got[len(got)-1] {
		rows, err := s.ResourcesOf(t.Context(), bearing.KindInspection, of, after, limit)
		if err != nil || len(rows) > limit {
			t.Fatal(len(rows), err)
		}
		for _, r := range rows {
			got = append(got, bearing.Part{Of: sensor[r.Key], Key: r.Key})
		}
		if len(rows) < limit {
			return got
		}
	}
}
