package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brinell/api/client"
	"brinell/bearing"
	"brinell/dataset/wavfile"
	"brinell/models/nn"
	"brinell/models/pretrained"
	"brinell/models/prune"
)

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// run is a client of a service, and what it does in turn.
type run struct {
	*testing.T
	*client.Client
	ctx context.Context
	rec *recorder
}

// ok ends the test where a method failed.
func (r *run) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// refused wants an error with a code.
func (r *run) refused(err error, code string) {
	r.Helper()
	if bearing.CodeOf(err) != code {
		r.Errorf("%v, want %s", err, code)
	}
}

// TestAgainstService calls every method on the real service: each operation is answered with
// success, and each of its parameters stated in some request.
func TestAgainstService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := adminKey(t, dir)
	s := serve(t, "--listen", "127.0.0.1:0", "--data-dir", dir, "--webhook-allow", "127.0.0.0/8")
	rec := newRecorder(t)
	r := &run{t, &client.Client{Base: s.url + "/", Key: key, HTTP: &http.Client{Transport: rec}}, t.Context(), rec}
	r.operation()
	r.catalogue()
	r.registry()
	first := r.windows()
	r.signals(first)
	r.alarms()
	r.models()
	r.webhooks()
	r.forget()
	rec.check(t)

	stranger := client.Client{Base: s.url}
	_, err := stranger.Diagnoses(t.Context(), bearing.Query{})
	if bearing.KindOf(err) != bearing.Unauthorized {
		t.Errorf("without the key: %v", err)
	}
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || refusal.Status != 401 || len(refusal.RequestID) != 16 {
		t.Errorf("without the key: %+v", refusal)
	}
}

func (r *run) operation() {
	r.ok(r.Healthz(r.ctx))
	r.ok(r.Readyz(r.ctx))
	for what, f := range map[string]func(context.Context) ([]byte, error){"brinell_": r.Metrics, `"openapi":"3.1`: r.OpenAPI, "<html": r.Docs} {
		if b, err := f(r.ctx); err != nil || !bytes.Contains(b, []byte(what)) {
			r.Errorf("%s: %v in %.200s", what, err, b)
		}
	}
}

func (r *run) catalogue() {
	const name = "pump/3 a"
	b := bearing.KnownBearing{Designation: name, Stated: bearing.Orders{BPFO: 3.585, BPFI: 5.415, BSF: 2.357, FTF: 0.398}, Source: "maker"}
	_, tag, err := r.PutBearing(r.ctx, b, client.None)
	r.ok(err)
	_, _, err = r.PutBearing(r.ctx, b, client.None)
	r.refused(err, "version_mismatch")
	b = bearing.KnownBearing{Designation: name, Geometry: bearing.Geometry{Elements: 9, ElementDia: 7.94, PitchDia: 39.04}, Licence: "own"}
	put, again, err := r.PutBearing(r.ctx, b, tag)
	r.ok(err)
	got, now, err := r.Bearing(r.ctx, name)
	r.ok(err)
	if d := cmp.Diff(put, got); d != "" || now != again || again == tag || got.Geometry.ElementMM != 7.94 || got.Licence != "own" {
		r.Errorf("%s %s %s: %s", tag, again, now, d)
	}
	_, _, err = r.PutBearing(r.ctx, b, tag)
	r.refused(err, "version_mismatch")
	if bearing.KindOf(err) != bearing.Changed {
		r.Error(bearing.KindOf(err))
	}
	n := 0
	for e, err := range client.All(func(cursor string) ([]bearing.CatalogueEntry, string, error) {
		p, err := r.Bearings(r.ctx, client.List{Limit: 2, Cursor: cursor})
		return p.Items, p.NextCursor, err
	}) {
		r.ok(err)
		if n++; e.Designation == "" {
			r.Error("a bearing without a designation")
		}
	}
	if n != len(bearing.KnownBearings)+1 {
		r.Errorf("%d bearings", n)
	}
	r.ok(r.DeleteBearing(r.ctx, name, now))
	r.refused(r.DeleteBearing(r.ctx, name, client.Any), "bearing_unknown")
}

func (r *run) registry() {
	for _, name := range []string{"press-1", "press-2"} {
		_, _, err := r.PutMachine(r.ctx, bearing.Machine{Name: name, Title: "Press"}, client.None)
		r.ok(err)
	}
	m, tag, err := r.Machine(r.ctx, "press-2")
	r.ok(err)
	m.Location = "hall 3"
	m, tag, err = r.PutMachine(r.ctx, m, tag)
	if err != nil || m.Title != "Press" || m.Location != "hall 3" {
		r.Errorf("%+v %v", m, err)
	}
	page, err := r.Machines(r.ctx, client.List{Limit: 1})
	if err != nil || len(page.Items) != 1 || page.NextCursor == "" {
		r.Errorf("%+v %v", page, err)
	}
	if page, err = r.Machines(r.ctx, client.List{Cursor: page.NextCursor}); err != nil || len(page.Items) != 1 || page.NextCursor != "" {
		r.Errorf("%+v %v", page, err)
	}
	r.ok(r.DeleteMachine(r.ctx, "press-2", tag))
	_, _, err = r.Machine(r.ctx, "press-2")
	r.refused(err, "resource_not_found")

	s := bearing.Sensor{Name: "press-1-de", Machine: "press-1", SampleRate: 12000, Bearing: "6205-2RS", SpeedRPM: 1797}
	_, _, err = r.PutSensor(r.ctx, s, client.None)
	r.ok(err)
	_, _, err = r.PutSensor(r.ctx, s, client.Some)
	r.ok(err)
	s, tag, err = r.Sensor(r.ctx, "press-1-de")
	r.ok(err)
	s.Unit = bearing.G
	_, _, err = r.PutSensor(r.ctx, s, tag)
	r.ok(err)
	_, _, err = r.PutSensor(r.ctx, bearing.Sensor{Name: "x", Machine: "none"}, client.Any)
	r.refused(err, "machine_unknown")

	i := bearing.Inspection{Name: "jan", Sensor: "press-1-de", Found: bearing.FoundFault, Fault: bearing.InnerRace, At: begin.Add(24 * time.Hour), From: begin}
	_, _, err = r.PutInspection(r.ctx, i, client.None)
	r.ok(err)
	got, tag, err := r.Inspection(r.ctx, "jan")
	if d := cmp.Diff(i, got); err != nil || d != "" {
		r.Errorf("%v %s", err, d)
	}
	got.Note = "spall"
	_, tag, err = r.PutInspection(r.ctx, got, tag)
	r.ok(err)
	_, _, err = r.PutInspection(r.ctx, bearing.Inspection{Name: "feb", Sensor: "press-1-de", Found: bearing.FoundNothing, At: begin}, client.Any)
	r.ok(err)
	list := client.InspectionList{Sensor: "press-1-de", List: client.List{Limit: 1}}
	parts, err := r.Inspections(r.ctx, list)
	r.ok(err)
	list.Cursor = parts.NextCursor
	if more, err := r.Inspections(r.ctx, list); err != nil || len(more.Items) != 1 || more.Items[0].Name == parts.Items[0].Name {
		r.Errorf("%+v %+v %v", parts, more, err)
	}
	r.ok(r.DeleteInspection(r.ctx, "jan", tag))
}

// windows posts in every way and returns the first diagnosis.
func (r *run) windows() bearing.Diagnosis {
	x := damaged(r.T)
	w := bearing.Window{Sensor: "press-1-de", Start: begin, SampleRate: 12000, ShaftSpeed: 1797. / 60, Bearing: "6205-2RS", Unit: bearing.G, Samples: x}
	first, err := r.PostWindow(r.ctx, &w)
	if err != nil || first.Fault != bearing.InnerRace || first.Duplicate || first.ID != w.ID() {
		r.Fatalf("%+v %v", first, err)
	}
	again, err := r.PostWindow(r.ctx, &w)
	if err != nil || !again.Duplicate || again.ID != first.ID {
		r.Errorf("%+v %v", again, err)
	}
	other := w
	other.SampleRate = 11999
	_, err = r.PostWindow(r.ctx, &other)
	r.refused(err, "rate_mismatch")
	got, err := r.Diagnosis(r.ctx, first.ID)
	if err != nil || got.ID != first.ID || got.Verdict.Summary != first.Verdict.Summary {
		r.Errorf("%+v %v", got, err)
	}
	_, err = r.Diagnosis(r.ctx, "none")
	r.refused(err, "diagnosis_not_found")
	kept, err := r.Window(r.ctx, first.ID)
	if err != nil || kept.Digest() != w.Digest() || kept.ID() != w.ID() {
		r.Errorf("the window that comes back is another: %v", err)
	}

	// m/s2 is stated and comes back as such, to the bit, and is the same again.
	metric, err := bearing.NewWindow(bearing.Window{Sensor: "metric", Axis: "x", Start: begin, SampleRate: 12000.5, Unit: bearing.MetresPerSec2, Samples: slices.Clone(x[:4000])}, bearing.Limits{})
	r.ok(err)
	d, err := r.PostWindow(r.ctx, metric)
	r.ok(err)
	if kept, err = r.Window(r.ctx, d.ID); err != nil || kept.Digest() != metric.Digest() || kept.Unit != bearing.MetresPerSec2 {
		r.Errorf("m/s2 comes back as another window: %v", err)
	}
	if d, err = r.PostWindow(r.ctx, kept); err != nil || !d.Duplicate {
		r.Errorf("what came back is another window: %v", err)
	}

	counts := make([]int16, len(x))
	for i, v := range x {
		counts[i] = int16(math.Round(float64(v) * 4096))
	}
	second := client.Stated{Sensor: "press-1-de", Start: begin.Add(time.Second), SampleRate: 12000, Unit: bearing.G, Scale: 1. / 4096, IdempotencyKey: "second"}
	if d, err = r.PostCounts(r.ctx, second, counts); err != nil || d.Fault != bearing.InnerRace || d.Witnesses.Envelope.SpeedSource != bearing.SpeedRegistered {
		r.Errorf("%+v %v", d, err)
	}
	for i := range counts {
		counts[i] = 1
	}
	third := second
	third.Start = begin.Add(2 * time.Second)
	_, err = r.PostCounts(r.ctx, third, counts)
	r.refused(err, "idempotency_key_reused")
	r.Compress = true
	third.IdempotencyKey, third.Scale = "", 1
	if d, err = r.PostFile(r.ctx, third, "audio/wav", wavfile.EncodeNoted(x, 12000, wavfile.Note{})); err != nil || d.Fault != bearing.InnerRace {
		r.Errorf("%+v %v", d, err)
	}
	var table strings.Builder
	table.WriteString("time_s,a,b\n")
	for i, v := range x {
		fmt.Fprintf(&table, "%.9f,1.5,%g\n", float64(i)/12000, v)
	}
	stated := client.Stated{Sensor: "table", Axis: "radial", Start: begin, ShaftSpeed: 1797. / 60, Bearing: "6205-2RS", Unit: bearing.G, Channel: "b"}
	if d, err = r.PostFile(r.ctx, stated, "text/csv", []byte(table.String())); err != nil || d.Axis != "radial" || d.SampleCount != len(x) {
		r.Errorf("%+v %v", d, err)
	}
	r.bulk(w)
	return first
}

// bulk posts many windows, of which one is refused.
func (r *run) bulk(w bearing.Window) {
	var many []*bearing.Window
	for i := range 5 {
		one := w
		one.Start = begin.Add(time.Duration(3+i) * time.Second)
		many = append(many, &one)
	}
	many[1].Sensor = "a b"
	results, err := r.PostWindows(r.ctx, many)
	if err != nil || len(results) != len(many) {
		r.Fatalf("%+v %v", results, err)
	}
	for i, got := range results {
		switch {
		case i == 1 && (got.Err == nil || got.Err.Code != "sensor_name" || got.Err.Kind != bearing.Invalid || got.Status != 422):
			r.Errorf("%d: %+v", i, got)
		case i != 1 && (got.Err != nil || got.Index != i || got.ID != many[i].ID() || got.Fault != bearing.InnerRace || got.Status != 201):
			r.Errorf("%d: %+v", i, got)
		}
	}
	r.Compress = false
	if results, err = r.PostWindows(r.ctx, many[2:]); err != nil || len(results) != 3 || !results[2].Duplicate {
		r.Errorf("%+v %v", results, err)
	}
	if results, err = r.PostWindows(r.ctx, nil); err != nil || len(results) != 0 {
		r.Errorf("%+v %v", results, err)
	}
	n := 0
	for _, err := range client.All(func(cursor string) ([]bearing.Diagnosis, string, error) {
		p, err := r.Diagnoses(r.ctx, bearing.Query{Sensor: "press-1-de", Fault: bearing.InnerRace, From: begin, To: begin.Add(time.Minute), Limit: 3, Cursor: cursor})
		return p.Diagnoses, p.NextCursor, err
	}) {
		r.ok(err)
		n++
	}
	if n != 7 {
		r.Errorf("%d diagnoses", n)
	}
}

func (r *run) signals(d bearing.Diagnosis) {
	for form, magic := range map[string]string{client.JSON: "{", client.NPY: "\x93NUMPY", client.CSV: "#", client.WAV: "RIFF"} {
		if b, err := r.WindowFile(r.ctx, d.ID, form); err != nil || !bytes.HasPrefix(b, []byte(magic)) {
			r.Errorf("%s: %v %.20q", form, err, b)
		}
	}
	_, err := r.WindowFile(r.ctx, d.ID, "mp3")
	r.refused(err, "format_unknown")
	if s, err := r.Spectrum(r.ctx, d.ID, bearing.SpectrumQuery{Lines: 400}); err != nil || len(s.Values) != 401 || s.StepHz != 15 {
		r.Errorf("%d values, a step of %g Hz: %v", len(s.Values), s.StepHz, err)
	}
	q := bearing.SpectrumQuery{Low: 2000, High: 4000, MaxHz: 500}
	if s, err := r.Envelope(r.ctx, d.ID, q); err != nil || s.Low != 2000 || s.High != 4000 || float64(len(s.Values))*s.StepHz > 510 {
		r.Errorf("%+v %v", s, err)
	}
	size := bearing.PictureQuery{Width: 600, Height: 500}
	if b, err := r.PlotPNG(r.ctx, d.ID, size); err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) {
		r.Errorf("%v %.20q", err, b)
	}
	if b, err := r.PlotSVG(r.ctx, d.ID, size); err != nil || !bytes.Contains(b, []byte("<svg")) {
		r.Errorf("%v %.20q", err, b)
	}
	t, err := r.Trend(r.ctx, bearing.TrendQuery{Sensor: "press-1-de", Feature: "rms", From: begin, To: begin.Add(time.Minute), Points: 10})
	if err != nil || len(t.Points) == 0 || t.Points[0].Mean <= 0 {
		r.Errorf("%+v %v", t, err)
	}
	t, err = r.Trend(r.ctx, bearing.TrendQuery{Sensor: "table", Axis: "radial", Feature: "rms"})
	if err != nil || len(t.Points) != 1 {
		r.Errorf("%+v %v", t, err)
	}
	_, tag, err := r.ControlBaselines(r.ctx, "press-1-de", bearing.BaselineControl{Action: bearing.BaselineRestart, Note: "new bearing"}, client.Any)
	r.ok(err)
	b, now, err := r.Baselines(r.ctx, "press-1-de", 5)
	if err != nil || now != tag || len(b.Controls) != 1 || b.Controls[0].By != "admin" {
		r.Errorf("%s %s %+v %v", tag, now, b, err)
	}
	_, _, err = r.ControlBaselines(r.ctx, "press-1-de", bearing.BaselineControl{Action: bearing.BaselineFreeze}, now)
	r.ok(err)
	_, _, err = r.ControlBaselines(r.ctx, "press-1-de", bearing.BaselineControl{Action: bearing.BaselineResume}, tag)
	r.refused(err, "version_mismatch")
}

func (r *run) alarms() {
	axis := ""
	q := bearing.AlarmQuery{Sensor: "press-1-de", Axis: &axis, Machine: "press-1", State: bearing.AlarmActive, Severity: "alarm", Open: true, Limit: 5}
	page, err := r.Alarms(r.ctx, q)
	if err != nil || len(page.Alarms) != 1 || page.Alarms[0].Fault != bearing.InnerRace {
		r.Fatalf("%+v %v", page, err)
	}
	a, tag, err := r.Alarm(r.ctx, page.Alarms[0].ID)
	if d := cmp.Diff(page.Alarms[0], a); err != nil || d != "" {
		r.Errorf("%v %s", err, d)
	}
	seen, next, err := r.AcknowledgeAlarm(r.ctx, a.ID, "", "bearing ordered", tag)
	if err != nil || seen.Acknowledged == nil || seen.Acknowledged.By != "admin" || seen.Acknowledged.Note != "bearing ordered" {
		r.Errorf("%+v %v", seen, err)
	}
	_, _, err = r.AcknowledgeAlarm(r.ctx, a.ID, "", "", tag)
	r.refused(err, "version_mismatch")
	shelved, next, err := r.ShelveAlarm(r.ctx, a.ID, time.Hour, "", next)
	if err != nil || shelved.ShelvedUntil == nil {
		r.Errorf("%+v %v", shelved, err)
	}

	ctx, cancel := context.WithTimeout(r.ctx, 20*time.Second)
	defer cancel()
	var ids []string
	var last string
	for e, err := range r.Stream(ctx, client.StreamQuery{Kind: client.AlarmEvent, Severity: "warning", Sensors: []string{"press-1-de", "table"}, After: "0-0"}) {
		r.ok(err)
		if e.Kind != client.AlarmEvent || e.Alarm == nil || e.Diagnosis != nil || e.Alarm.ID != a.ID {
			r.Fatalf("%+v", e)
		}
		if ids = append(ids, e.ID); e.Alarm.Version == shelved.Version {
			last = e.ID
			break
		}
	}
	if len(ids) != 3 || last == "" {
		r.Errorf("raised, acknowledged and shelved are %d events", len(ids))
	}
	closed, _, err := r.CloseAlarm(r.ctx, a.ID, "", "mended", next)
	if err != nil || closed.Open() || closed.Closed.Note != "mended" {
		r.Errorf("%+v %v", closed, err)
	}
	for e, err := range r.Stream(ctx, client.StreamQuery{Kind: client.AlarmEvent, After: last}) {
		r.ok(err)
		if e.Alarm.Open() {
			r.Errorf("the next event after %s is %+v", last, e.Alarm)
		}
		break
	}
	q = bearing.AlarmQuery{Limit: 1, Cursor: page.NextCursor}
	if page, err = r.Alarms(r.ctx, q); err != nil || len(page.Alarms) == 0 {
		r.Errorf("%+v %v", page, err)
	}
	if page.NextCursor == "" {
		page.NextCursor = r.moreAlarms()
	}
	if _, err = r.Alarms(r.ctx, bearing.AlarmQuery{Cursor: page.NextCursor}); err != nil {
		r.Error(err)
	}
	for _, err := range r.Stream(ctx, client.StreamQuery{After: "nonsense"}) {
		r.refused(err, "position_invalid")
	}
}

// moreAlarms raises another alarm, and returns the cursor behind the first of them.
func (r *run) moreAlarms() string {
	w := bearing.Window{Sensor: "fan", SampleRate: 12000, ShaftSpeed: 1797. / 60, Bearing: "6205-2RS", Samples: damaged(r.T)}
	for i := range 3 {
		w.Start = begin.Add(time.Duration(i) * time.Second)
		_, err := r.PostWindow(r.ctx, &w)
		r.ok(err)
	}
	page, err := r.Alarms(r.ctx, bearing.AlarmQuery{Limit: 1})
	if err != nil || page.NextCursor == "" {
		r.Fatalf("%+v %v", page, err)
	}
	return page.NextCursor
}

func (r *run) models() {
	m, err := pretrained.Default()
	r.ok(err)
	embedded := m.Digest
	prune.Weights(m.Network(), 0.8, 8, nil).Apply(m.Network()) // another one that runs
	m.SetNetwork(prune.Declare(m.Network(), func(nn.Path, *nn.Param) int { return 8 }))
	r.ok(m.SetGolden(m.GoldenWindows()))
	file, err := m.Encode()
	r.ok(err)
	info, err := r.AddModel(r.ctx, file)
	if err != nil || info.Digest != m.Digest {
		r.Fatalf("%+v %v", info, err)
	}
	if _, err = r.AddModel(r.ctx, file); err != nil {
		r.Error(err)
	}
	_, err = r.AddModel(r.ctx, []byte("a model"))
	r.refused(err, "model_rejected")
	list, tag, err := r.Models(r.ctx)
	if err != nil || len(list.Models) != 2 {
		r.Errorf("%+v %v", list, err)
	}
	if back, err := r.ModelFile(r.ctx, m.Digest); err != nil || !bytes.Equal(back, file) {
		r.Errorf("%d bytes, sent %d: %v", len(back), len(file), err)
	}
	now, next, err := r.PromoteModel(r.ctx, m.Digest, tag)
	if err != nil || !now.Active {
		r.Errorf("%+v %v", now, err)
	}
	_, _, err = r.PromoteModel(r.ctx, m.Digest, tag)
	r.refused(err, "version_mismatch")
	r.refused(r.DeleteModel(r.ctx, m.Digest), "model_active")
	if now, _, err = r.RollbackModel(r.ctx, next); err != nil || now.Digest != embedded {
		r.Errorf("%+v %v", now, err)
	}
	if info, err = r.Model(r.ctx, m.Digest); err != nil || info.Active {
		r.Errorf("%+v %v", info, err)
	}
	r.ok(r.DeleteModel(r.ctx, m.Digest))
	_, err = r.Model(r.ctx, m.Digest)
	r.refused(err, "model_not_found")
}

func (r *run) webhooks() {
	told := make(chan []byte, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		told <- b
	}))
	defer receiver.Close()
	_, _, err := r.PutWebhook(r.ctx, bearing.Webhook{Name: "desk", URL: receiver.URL}, client.Any)
	r.refused(err, "webhook_secret")
	_, _, err = r.PutWebhook(r.ctx, bearing.Webhook{Name: "desk", URL: receiver.URL, Secret: "0123456789abcdef", Paused: true}, client.None)
	r.ok(err)
	w, tag, err := r.Webhook(r.ctx, "desk")
	if err != nil || w.Secret != "" || !w.Paused {
		r.Errorf("%+v %v", w, err)
	}
	w.Severity = "alarm"
	w, tag, err = r.PutWebhook(r.ctx, w, tag)
	if err != nil || w.Severity != "alarm" {
		r.Errorf("%+v %v", w, err)
	}
	r.ok(r.TestWebhook(r.ctx, "desk"))
	if b := <-told; len(b) == 0 {
		r.Error("the webhook was told nothing")
	}
	if d, err := r.Delivery(r.ctx, "desk"); err != nil || d.Attempts != 0 {
		r.Errorf("%+v %v", d, err)
	}
	_, _, err = r.PutWebhook(r.ctx, bearing.Webhook{Name: "door", URL: receiver.URL, Secret: "0123456789abcdef", Paused: true}, client.Any)
	r.ok(err)
	page, err := r.Webhooks(r.ctx, client.List{Limit: 1})
	r.ok(err)
	if page, err = r.Webhooks(r.ctx, client.List{Cursor: page.NextCursor}); err != nil || len(page.Items) != 1 || page.Items[0].Name != "door" {
		r.Errorf("%+v %v", page, err)
	}
	r.ok(r.DeleteWebhook(r.ctx, "desk", tag))
}

// forget deletes sensors, one with all that it sent.
func (r *run) forget() {
	no := false
	page, err := r.Sensors(r.ctx, client.SensorList{Registered: &no, List: client.List{Limit: 1}})
	if err != nil || len(page.Items) != 1 || page.Items[0].Name != "fan" {
		r.Errorf("%+v %v", page, err)
	}
	if page, err = r.Sensors(r.ctx, client.SensorList{Registered: &no, List: client.List{Cursor: page.NextCursor}}); err != nil || len(page.Items) != 2 {
		r.Errorf("%+v %v", page, err)
	}
	r.ok(r.DeleteSensor(r.ctx, "table", client.DeleteWindows, client.Any))
	if p, err := r.Diagnoses(r.ctx, bearing.Query{Sensor: "table"}); err != nil || len(p.Diagnoses) != 0 {
		r.Errorf("%d diagnoses are left, %v", len(p.Diagnoses), err)
	}
	_, tag, err := r.Sensor(r.ctx, "press-1-de")
	r.ok(err)
	r.refused(r.DeleteSensor(r.ctx, "press-1-de", client.KeepWindows, tag+"0"), "precondition_invalid")
	r.ok(r.DeleteSensor(r.ctx, "press-1-de", client.KeepWindows, tag))
	if p, err := r.Diagnoses(r.ctx, bearing.Query{Sensor: "press-1-de"}); err != nil || len(p.Diagnoses) == 0 {
		r.Errorf("%d diagnoses are left, %v", len(p.Diagnoses), err)
	}
}
