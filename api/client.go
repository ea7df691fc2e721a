package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"brinell/bearing"
)

// Client talks to a Brinell service. Refusals come back as *bearing.Error with
// the service's code.
type Client struct {
	Base string       // such as http://127.0.0.1:8080
	Key  string       // API key, "" for none
	HTTP *http.Client // nil means http.DefaultClient
}

// PostWindow sends a window in the raw form and returns its stored diagnosis. Its
// samples are in g, or of a velocity sensor in mm/s, as Unit.Inside says.
func (c *Client) PostWindow(ctx context.Context, w *bearing.Window) (d bearing.Diagnosis, err error) {
	unit := bearing.G
	if w.Unit.IsVelocity() {
		unit = w.Unit
	}
	q := url.Values{
		"start":          {w.Start.Format(time.RFC3339Nano)},
		"sample_rate_hz": {formatFloat(w.SampleRate)},
		"unit":           {string(unit)},
	}
	if w.ShaftSpeed > 0 {
		q.Set("shaft_speed_rpm", formatFloat(w.ShaftSpeed*60))
	}
	if w.Bearing != "" {
		q.Set("bearing", w.Bearing)
	}
	if w.Axis != "" {
		q.Set("axis", w.Axis)
	}
	body := make([]byte, 0, 4*len(w.Samples))
	for _, v := range w.Samples {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(v))
	}
	err = c.do(ctx, http.MethodPost, "/v1/sensors/"+url.PathEscape(w.Sensor)+"/windows?"+q.Encode(), "application/octet-stream", body, &d)
	return d, err
}

// Diagnosis returns a stored diagnosis.
func (c *Client) Diagnosis(ctx context.Context, id string) (d bearing.Diagnosis, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/diagnoses/"+url.PathEscape(id), "", nil, &d)
	return d, err
}

// Diagnoses returns one page of stored diagnoses.
func (c *Client) Diagnoses(ctx context.Context, q bearing.Query) (p bearing.Page, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/diagnoses?"+queryOf(q).Encode(), "", nil, &p)
	return p, err
}

// maxAnswer bounds what the client reads of an answer.
const maxAnswer = 64 << 20

func (c *Client) do(ctx context.Context, method, path, media string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return refusal(resp.StatusCode, b)
	}
	return json.Unmarshal(b, out)
}

// refusal turns an error answer back into the error that it was made from.
func refusal(status int, body []byte) error {
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return fmt.Errorf("the service answers %d %s", status, http.StatusText(status))
	}
	kind := bearing.Internal
	for _, k := range []bearing.Kind{bearing.Malformed, bearing.Invalid, bearing.TooLarge, bearing.Unsupported, bearing.NotFound, bearing.Conflict, bearing.Changed, bearing.Overloaded, bearing.TooMany, bearing.Unauthorized, bearing.Forbidden} {
		if statusOf(&bearing.Error{Kind: k, Code: p.Code}) == status {
			kind = k
		}
	}
	return &bearing.Error{Kind: kind, Code: p.Code, Message: p.Detail, Pointer: p.Pointer, Limit: p.Limit, Actual: p.Actual}
}

// formatFloat writes a number for a query parameter.
func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
