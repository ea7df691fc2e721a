package api

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLabels: what clients choose makes no series.
func TestLabels(t *testing.T) {
	f := &fake{}
	decoded := 0
	url, reg := serve(t, f, Config{Version: "v1", Revision: "abc", ObserveDecode: func(time.Duration) { decoded++ }})
	do(t, "GET", url+"/chosen/one", "", nil)
	do(t, "CHOSEN", url+"/healthz", "", nil)
	do(t, "GET", url+"/docs/chosen", "", nil)
	do(t, "GET", url+"/v1/diagnoses/chosen", "", nil)
	do(t, "POST", url+"/v1/sensors/chosen/windows", asJSON, []byte(good))
	do(t, "POST", url+"/v1/sensors/chosen/windows", asJSON, []byte(`{"chosen":1}`))
	do(t, "POST", url+"/v1/sensors/chosen/windows", "chosen/one", []byte(good))
	if decoded != 2 {
		t.Errorf("%d bodies were decoded, want 2", decoded)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.ToLower(fmt.Sprint(families))
	if strings.Contains(all, "chosen") {
		t.Errorf("a label has a client's text: %s", all)
	}
	for _, want := range []string{`value:"none"`, `value:"other"`, `value:"4xx"`, "unknown_field", `value:"v1"`, `value:"abc"`} {
		if !strings.Contains(all, want) {
			t.Errorf("metrics lack %s: %s", want, all)
		}
	}
	for _, family := range families {
		if n := len(family.GetMetric()); n > 50 {
			t.Errorf("%s has %d series", family.GetName(), n)
		}
	}
}
