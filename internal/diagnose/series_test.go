package diagnose

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"brinell/bearing"
)

// TestSensorSeries: a million names are a bounded number of series; registered sensors and
// those that speak go before the others; what has none is counted.
func TestSensorSeries(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	s, err := NewSensorSeries(r, 3)
	if err != nil {
		t.Fatal(err)
	}
	now := firstYear
	see := func(name string, registered bool) {
		now = now.Add(time.Millisecond)
		s.observe(&bearing.Diagnosis{Sensor: name, Features: bearing.Values{{Name: "rms", Value: 2}}}, registered, now, 0)
	}
	names := func() string {
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range families {
			if f.GetName() == "brinell_sensor_windows_total" {
				for _, m := range f.Metric {
					for _, l := range m.Label {
						if l.GetName() == "sensor" {
							out = append(out, l.GetValue())
						}
					}
				}
			}
		}
		return strings.Join(out, " ")
	}
	see("a", false)
	see("b", true)
	for i := range 1_000_000 {
		see(fmt.Sprintf("invented-%d", i), false)
	}
	if got := names(); got != "a b invented-0" {
		t.Errorf("series of %s", got)
	}
	if n := testutil.ToFloat64(s.dropped); n != 999_999 {
		t.Errorf("%g windows without series", n)
	}
	if n := testutil.CollectAndCount(s); n != 3*len(sensorSeries) || DefaultSeriesSensors*len(sensorSeries) > 420 {
		t.Errorf("%d series", n)
	}
	see("c", true) // in place of a
	see("d", true) // in place of the invented
	see("e", true)
	if got := names(); got != "b c d" {
		t.Errorf("series of %s", got)
	}
	now = now.Add(seriesAge)
	see("d", true)
	now = now.Add(time.Second)
	see("f", false)
	see("g", false)
	see("h", false)
	if got := names(); got != "d f g" {
		t.Errorf("series of %s", got)
	}
	s.observe(&bearing.Diagnosis{Sensor: "d", Witnesses: bearing.Witnesses{Baseline: bearing.BaselineWitness{Distance: 3, Limit: 2}},
		Verdict: bearing.Verdict{Severity: bearing.Severity{Stage: 3}}, Alarms: make([]bearing.AlarmRef, 2)}, true, now, 4)
	want := `
# HELP brinell_sensor_baseline_ratio Distance of the last window from the sensor's healthy ones, of the limit: above 1 it has changed; 0 while the baseline says nothing.
# TYPE brinell_sensor_baseline_ratio gauge
brinell_sensor_baseline_ratio{axis="",sensor="d"} 1.5
brinell_sensor_baseline_ratio{axis="",sensor="f"} 0
brinell_sensor_baseline_ratio{axis="",sensor="g"} 0
`
	if err := testutil.CollectAndCompare(s, strings.NewReader(want), "brinell_sensor_baseline_ratio"); err != nil {
		t.Error(err)
	}
}
