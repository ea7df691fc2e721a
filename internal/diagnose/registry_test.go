package diagnose

import (
	"encoding/json"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/internal/storetest"
)

// TestRuleFeatures: a rule that could never raise anything is refused, with what there is.
func TestRuleFeatures(t *testing.T) {
	r, err := NewRegistry(t.Context(), storetest.NewMemory(storetest.Config{}), bearing.LookupBearing)
	if err != nil {
		t.Fatal(err)
	}
	put := func(feature string) error {
		doc, err := json.Marshal(bearing.Sensor{Alarm: &bearing.AlarmRule{Conditions: []bearing.AlarmCondition{
			{Name: "a", Kind: bearing.OnFault}, {Name: "c", Kind: bearing.OnFeature, Feature: feature}}}})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = r.PutResource(t.Context(), bearing.KindSensor, "pump", doc, bearing.AnyVersion)
		return err
	}
	for _, name := range []string{"rms", "kurtosis", "band_rms_16"} {
		if err := put(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := put("no_such_feature"); bearing.CodeOf(err) != "feature_unknown" || !strings.Contains(err.Error(), "rms") || !strings.Contains(err.Error(), "/alarm/conditions/1/feature") {
		t.Errorf("%v", err)
	}
}
