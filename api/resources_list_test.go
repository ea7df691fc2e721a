package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/internal/keys"
)

// TestSensorsOfKey: a limited key has the sensors that it covers, page by page, and of others no
// more are read than stand beside them.
func TestSensorsOfKey(t *testing.T) {
	var names []string
	for i := range 4000 {
		names = append(names, fmt.Sprintf("fan-%04d", i), fmt.Sprintf("pump-%04d", i), fmt.Sprintf("Z%d", i))
	}
	names = append(names, "pump", "pump-", "pump-1")
	slices.Sort(names)
	read := 0
	list := func(_ context.Context, _, after string, limit int) (rows []bearing.Resource, err error) {
		i, _ := slices.BinarySearch(names, after+"\x00")
		for ; i < len(names) && len(rows) < limit; i++ {
			rows = append(rows, bearing.Resource{Key: names[i]})
		}
		read += len(rows)
		return rows, nil
	}
	for _, patterns := range [][]string{{"pump-*"}, {"pump-1", "Z12"}, {"pump-000?", "fan-1*", "Z9"}, {"z*"}, {"*9"}, {"pump-[12]*", "none"}, {"a", "pump-3999"}} {
		key := &keys.Key{Sensors: patterns}
		var want []string
		for _, n := range names {
			if key.Covers(n) {
				want = append(want, n)
			}
		}
		for _, limit := range []int{1, 7, 1001} {
			var got []string
			calls := 0
			for read = 0; ; calls++ {
				after := ""
				if len(got) > 0 {
					after = got[len(got)-1]
				}
				rows, err := sensorsOf(t.Context(), key, list, after, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows {
					got = append(got, r.Key)
				}
				if len(rows) < limit {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q by %d: %d sensors, want %d", patterns, limit, len(got), len(want))
			}
			if most := len(want) + (calls+1)*(limit+len(patterns)*bearing.MaxPage); patterns[0] != "*9" && read > most {
				t.Errorf("%q by %d: %d rows were read, want up to %d", patterns, limit, read, most)
			}
		}
	}
	key := &keys.Key{Sensors: []string{"pump-*"}}
	read = 0
	if rows, err := sensorsOf(t.Context(), key, list, "", 10); err != nil || len(rows) != 10 || read != 10 {
		t.Errorf("%d rows were read for a page of %d, %v", read, len(rows), err)
	}
}

// asking is Resources that count what is asked of them.
type asking struct {
	registered
	rows, parts *int
}

func (a asking) Resources(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error) {
	*a.rows += limit
	return a.registered.Resources(ctx, kind, after, limit)
}

func (a asking) ResourcesOf(ctx context.Context, kind string, of bearing.Parts, after bearing.Part, limit int) ([]bearing.Resource, error) {
	*a.parts += limit
	return a.registered.ResourcesOf(ctx, kind, of, after, limit)
}

// TestInspectionsOfKey: what a limited key, or who names a sensor, is shown of inspections is
// asked for by sensor, as much as is on the page, in slices.
func TestInspectionsOfKey(t *testing.T) {
	for _, c := range []struct {
		target, want string
		rows, parts  int
	}{
		{"/v1/inspections?limit=2", `{"inspections":[{"name":"z","sensor":"pump-1"},{"name":"a","sensor":"pump-2"}],"next_cursor":"` + cursorOf("pump-2/a") + `"}`, 0, 3},
		{"/v1/inspections?cursor=" + cursorOf("pump-2/a"), `{"inspections":[{"name":"b","sensor":"pump-2"}],"next_cursor":""}`, 0, pageSlice},
		{"/v1/inspections?sensor=pump-2&limit=1", `{"inspections":[{"name":"a","sensor":"pump-2"}],"next_cursor":"` + cursorOf("a") + `"}`, 0, 2},
		{"/v1/inspections?sensor=pump-2&cursor=" + cursorOf("a"), `{"inspections":[{"name":"b","sensor":"pump-2"}],"next_cursor":""}`, 0, pageSlice},
		{"/v1/inspections?cursor=" + cursorOf("a"), "cursor_invalid", 0, 0},
	} {
		s, token := limitedServer(t)
		var rows, parts int
		g := s.resources.(registered)
		g.put(bearing.KindInspection, map[string]string{"z": `{"name":"z","sensor":"pump-1"}`, "a": `{"name":"a","sensor":"pump-2"}`, "b": `{"name":"b","sensor":"pump-2"}`, "c": `{"name":"c","sensor":"fan"}`})
		delete(g[bearing.KindInspection], "pump-1")
		s.resources = asking{g, &rows, &parts}
		r := httptest.NewRequest(http.MethodGet, c.target, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		if got := w.Body.String(); (w.Code == http.StatusOK) != (c.want[0] == '{') || !strings.Contains(got, c.want) || rows != c.rows || parts != c.parts {
			t.Errorf("%s: %d %s\nwant %s; asked for %d rows and %d of parts, want %d and %d", c.target, w.Code, got, c.want, rows, parts, c.rows, c.parts)
		}
	}
}
