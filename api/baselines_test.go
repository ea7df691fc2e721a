package api

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// manyControls are baselines to which as much was done as is asked for.
type manyControls struct{}

func (manyControls) Baselines(_ context.Context, sensor string, newest int) (bearing.Baselines, error) {
	b := bearing.Baselines{Sensor: sensor, Baselines: []bearing.Baseline{}, Older: 5, Version: 3}
	for range newest {
		b.Controls = append(b.Controls, bearing.BaselineControl{Action: bearing.BaselineFreeze, Note: strings.Repeat("n", 500)})
	}
	return b, nil
}

func (manyControls) ControlBaseline(context.Context, string, bearing.BaselineControl, int64) error {
	return nil
}

// TestBaselinesAreBounded: an answer has the newest controls, as many as a page, and a long one
// counts among what is being sent; the one to a control has few, and controls have turns.
func TestBaselinesAreBounded(t *testing.T) {
	b := backend(&fake{})
	b.Baselines = manyControls{}
	s, err := newServer(Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	const path = "/v1/sensors/p/baselines"
	control := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", path, strings.NewReader(`{"action":"freeze"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		return w
	}
	shown := func(w *httptest.ResponseRecorder, want int) {
		t.Helper()
		var got bearing.Baselines
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || len(got.Controls) != want || got.Older != 5 || w.Header().Get("ETag") != `"3"` {
			t.Errorf("%d, %d controls and %d older, want %d; %v", w.Code, len(got.Controls), got.Older, want, err)
		}
	}
	shown(ask(s, "GET", path, "", ""), bearing.DefaultPage)
	shown(ask(s, "GET", path+"?limit=3", "", ""), 3)
	shown(ask(s, "GET", path+"?limit=1000", "", ""), bearing.MaxPage)
	shown(control(), controlsAfter)
	for _, limit := range []string{"0", "1001", "x"} {
		if w := ask(s, "GET", path+"?limit="+limit, "", ""); w.Code != 422 || !strings.Contains(w.Body.String(), "limit_out_of_range") {
			t.Errorf("limit %s: %d %s", limit, w.Code, w.Body)
		}
	}
	give, ok := s.sending.add("another", maxSending)
	if !ok {
		t.Fatal("there was no room")
	}
	if w := ask(s, "GET", path+"?limit=1000", "", ""); w.Code != 503 {
		t.Errorf("a long answer with too much on its way: %d %.200s", w.Code, w.Body)
	}
	give()
	s.lookWait = 20 * time.Millisecond
	occupy(t, s.controls, mostControlling)
	if w := control(); w.Code != 503 || !strings.Contains(w.Body.String(), `"overloaded"`) {
		t.Errorf("a control without a turn: %d %.200s", w.Code, w.Body)
	}
}
