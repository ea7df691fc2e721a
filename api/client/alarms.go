package client

import (
	"context"
	"net/http"
	"time"

	"brinell/bearing"
)

// Alarms returns a page of alarms, those raised last first.
func (c *Client) Alarms(ctx context.Context, q bearing.AlarmQuery) (bearing.AlarmPage, error) {
	v := values("sensor", q.Sensor, "machine", q.Machine, "state", q.State, "severity", q.Severity,
		"limit", whole(q.Limit), "cursor", q.Cursor)
	if q.Axis != nil {
		v.Set("axis", *q.Axis)
	}
	if q.Open {
		v.Set("open", "true")
	}
	p, _, err := fetch[bearing.AlarmPage](ctx, c, get("/v1/alarms", v))
	return p, err
}

// Alarm returns an alarm. Error: NotFound alarm_not_found.
func (c *Client) Alarm(ctx context.Context, id string) (bearing.Alarm, Tag, error) {
	return fetch[bearing.Alarm](ctx, c, get(pathOf("/v1/alarms/", id), nil))
}

// acknowledgement is the body of what somebody does to an alarm.
type acknowledgement struct {
	By   string `json:"by,omitempty"`
	Note string `json:"note,omitempty"`
}

// AcknowledgeAlarm notes that somebody has seen an alarm. With a key, by is whose it is.
// Errors: NotFound alarm_not_found, Invalid field_invalid, Changed version_mismatch,
// Conflict alarm_closed.
func (c *Client) AcknowledgeAlarm(ctx context.Context, id, by, note string, want Tag) (bearing.Alarm, Tag, error) {
	return c.changeAlarm(ctx, pathOf("/v1/alarms/", id, "/acknowledge"), acknowledgement{by, note}, want)
}

// CloseAlarm ends an alarm that no window will end. Errors as of AcknowledgeAlarm.
func (c *Client) CloseAlarm(ctx context.Context, id, by, note string, want Tag) (bearing.Alarm, Tag, error) {
	return c.changeAlarm(ctx, pathOf("/v1/alarms/", id, "/close"), acknowledgement{by, note}, want)
}

// ShelveAlarm keeps an alarm from notifying anybody for a time, at most bearing.MaxShelf; 0
// ends that. Errors as of AcknowledgeAlarm.
func (c *Client) ShelveAlarm(
	ctx context.Context, id string, d time.Duration, by string, want Tag,
) (bearing.Alarm, Tag, error) {
	return c.changeAlarm(ctx, pathOf("/v1/alarms/", id, "/shelve"), struct {
		Seconds float64 `json:"seconds"`
		By      string  `json:"by,omitempty"`
	}{d.Seconds(), by}, want)
}

func (c *Client) changeAlarm(ctx context.Context, path string, doc any, want Tag) (bearing.Alarm, Tag, error) {
	return write[bearing.Alarm](ctx, c, http.MethodPost, path, doc, want)
}

// Baselines returns what has been learnt of a sensor, by axis and running state, with the
// newest of what was done to it: at most controls, 0 for as many as the service shows. The
// tag is that of what was done. Error: NotFound sensor_not_found.
func (c *Client) Baselines(ctx context.Context, sensor string, controls int) (bearing.Baselines, Tag, error) {
	return fetch[bearing.Baselines](ctx, c, get(pathOf("/v1/sensors/", sensor, "/baselines"), values("limit", whole(controls))))
}

// ControlBaselines has a sensor's baselines learnt anew, no more, or further, for windows
// from a time on. Errors: Invalid field_invalid, NotFound sensor_not_found, Changed
// version_mismatch.
func (c *Client) ControlBaselines(
	ctx context.Context, sensor string, b bearing.BaselineControl, want Tag,
) (bearing.Baselines, Tag, error) {
	return write[bearing.Baselines](ctx, c, http.MethodPost, pathOf("/v1/sensors/", sensor, "/baselines"), b, want)
}

// Trend returns a feature of a sensor over time: in each interval the least, mean and
// greatest, in the unit of the feature. Errors: Invalid feature_unknown and
// parameter_invalid, NotFound sensor_not_found.
func (c *Client) Trend(ctx context.Context, q bearing.TrendQuery) (bearing.Trend, error) {
	t, _, err := fetch[bearing.Trend](ctx, c, get(pathOf("/v1/sensors/", q.Sensor, "/trends"),
		values("feature", q.Feature, "axis", q.Axis,
			"from", instant(q.From), "to", instant(q.To), "points", whole(q.Points))))
	return t, err
}
