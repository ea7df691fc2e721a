package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"brinell/api/decode"
	"brinell/bearing"
)

// TestRefusalsSayWhatTo: what is not known comes with what is, what is of the wrong type
// with the right one, and an ETag is repeated as it was sent.
func TestRefusalsSayWhatTo(t *testing.T) {
	var m bearing.Machine
	var b bearing.BaselineControl
	var s bearing.Sensor
	_, none := decode.Query("x=1")
	_, some := decode.Query("axis=x", "sensor", "fault")
	r := httptest.NewRequest("PUT", "/", nil)
	r.Header.Set("If-Match", `"zz"`)
	_, row := bearingCheckOf(r)
	for want, err := range map[string]error{
		`parameter "x" is not known here: there are none`:                      none,
		`parameter "axis" is not known here: use sensor, fault`:                some,
		`field "titel" is not known here: use location, name, note, title`:     decodeStrict([]byte(`{"titel":"x"}`), &m),
		`field "from" is not known here: use action, at, axis, by, note`:       decodeStrict([]byte(`{"from":"x"}`), &b),
		`field title must be a string, it is a JSON number`:                    decodeStrict([]byte(`{"title":1}`), &m),
		`field shaft_speed_rpm must be a number, it is a JSON string`:          decodeStrict([]byte(`{"shaft_speed_rpm":"x"}`), &s),
		`field alarm must be an object, it is a JSON array`:                    decodeStrict([]byte(`{"alarm":[]}`), &s),
		`If-Match zz is no ETag that this service gave: send that of a GET, w`: row,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
