package client

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"time"

	"brinell/bearing"
)

// Stated is what is stated beside the bytes of a window. What is zero is not stated: then it
// stands in the bytes, or with the registered sensor.
type Stated struct {
	Sensor     string
	Axis       string
	Start      time.Time    // of the first sample
	SampleRate float64      // Hz
	ShaftSpeed float64      // Hz
	Bearing    string       // designation
	Unit       bearing.Unit // of the samples
	Scale      float64      // of integers, the value of one count in Unit; of WAV, of full scale
	Channel    string       // of a file with several: its name, or its number from 1 on

	IdempotencyKey string // of the request; not needed: sensor, axis and start name a window
}

func (s Stated) values() url.Values {
	return values("start", instant(s.Start), "sample_rate_hz", number(s.SampleRate),
		"shaft_speed_rpm", number(bearing.RPM(s.ShaftSpeed)), "bearing", s.Bearing, "axis", s.Axis, "unit", string(s.Unit), "scale", number(s.Scale), "channel", s.Channel)
}

// PostWindow sends a window and returns its diagnosis, which is stored with it. Samples are
// in g, or of a velocity sensor in mm/s, as w.Unit.Inside says; without a unit they are in g.
// The same window again has its first diagnosis, with Duplicate set. w is not changed.
//
// Errors: those of bearing.NewWindow, Conflict window_conflict for another window of the same
// sensor, axis and start, Overloaded and TooMany for one that was not taken.
func (c *Client) PostWindow(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
	unit := w.Unit
	if unit == "" {
		unit = bearing.G
	}
	body := make([]byte, 0, 4*len(w.Samples))
	for _, v := range w.Samples {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(unit.Stated(v)))
	}
	s := Stated{
		Sensor:     w.Sensor,
		Axis:       w.Axis,
		Start:      w.Start,
		SampleRate: w.SampleRate,
		ShaftSpeed: w.ShaftSpeed,
		Bearing:    w.Bearing,
		Unit:       unit,
	}
	return c.postWindow(ctx, s, s.values(), "application/octet-stream", body)
}

// PostCounts sends a window of 16-bit counts of s.Scale units each, which is half the bytes
// of PostWindow. Errors as of PostWindow, and Invalid scale_missing.
func (c *Client) PostCounts(ctx context.Context, s Stated, counts []int16) (bearing.Diagnosis, error) {
	body := make([]byte, 0, 2*len(counts))
	for _, v := range counts {
		body = binary.LittleEndian.AppendUint16(body, uint16(v))
	}
	v := s.values()
	v.Set("dtype", "i16le")
	return c.postWindow(ctx, s, v, "application/octet-stream", body)
}

// PostFile sends a window in a form that the service reads, as its media type says:
// application/json (beside which nothing is stated but the sensor), application/octet-stream
// (float32, little-endian), application/x-npy, audio/wav, text/csv or
// application/x-matlab-data. Errors as of PostWindow, and those of the form.
func (c *Client) PostFile(ctx context.Context, s Stated, mediaType string, file []byte) (bearing.Diagnosis, error) {
	return c.postWindow(ctx, s, s.values(), mediaType, file)
}

func (c *Client) postWindow(
	ctx context.Context, s Stated, query url.Values, media string, body []byte,
) (bearing.Diagnosis, error) {
	k := call{
		method: http.MethodPost,
		path:   pathOf("/v1/sensors/", s.Sensor, "/windows"),
		query:  query,
		media:  media,
		body:   body,
		again:  true,
	}
	if c.Compress {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body) // a buffer takes all
		if err := z.Close(); err != nil {
			return bearing.Diagnosis{}, err
		}
		k.body = b.Bytes()
		k = k.with("Content-Encoding", "gzip")
	}
	d, _, err := fetch[bearing.Diagnosis](ctx, c, k.with("Idempotency-Key", s.IdempotencyKey))
	return d, err
}

// LineResult is what became of one window of PostWindows.
type LineResult struct {
	Index     int            // of the window
	Status    int            // of HTTP, as PostWindow would have had it
	ID        string         // of the diagnosis; "" if it was refused
	Fault     bearing.Fault  // that the diagnosis names
	Duplicate bool           // it was stored before
	Err       *bearing.Error // why it was refused, nil if it is on disk
}

// line is a line of the answer to many windows.
type line struct {
	Index     int           `json:"index"`
	Status    int           `json:"status"`
	ID        string        `json:"id"`
	Fault     bearing.Fault `json:"fault"`
	Duplicate bool          `json:"duplicate"`
	Problem   *problem      `json:"problem"`
	Done      bool          `json:"done"`
	Lines     int           `json:"lines"`
	Stored    int           `json:"stored"`
}

func (l *line) err() *bearing.Error {
	if l.Problem == nil {
		return nil
	}
	return l.Problem.err(l.Status)
}

// PostWindows sends windows in one request, at most 10,000, and returns what became of
// each, in their order: one that is refused refuses no other, and is not sent again. Samples
// and units are as of PostWindow.
//
// An error says that the request ended before its time; the results are those of the first
// windows then, and of the others nothing is known. To send all again is safe.
func (c *Client) PostWindows(ctx context.Context, windows []*bearing.Window) ([]LineResult, error) {
	k := call{method: http.MethodPost, path: "/v1/windows", media: "application/x-ndjson", again: true}
	if c.Compress {
		k = k.with("Content-Encoding", "gzip")
	}
	var last *lines
	defer func() { last.end() }()
	k.stream = func() io.ReadCloser {
		last.end()
		last = newLines(windows, c.Compress)
		return last
	}
	resp, err := c.send(ctx, k)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return readResults(bufio.NewReader(resp.Body), len(windows))
}

// readResults reads the results of so many windows. A last line says that all were read; of
// a request that ended early it says why instead, and is as long as there were results.
func readResults(in *bufio.Reader, windows int) ([]LineResult, error) {
	results := make([]LineResult, 0, windows)
	for last := (line{}); ; {
		text, err := in.ReadBytes('\n')
		switch {
		case err == io.EOF && last.Problem != nil && last.Index == last.Lines:
			return results[:last.Index], last.err()
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		}
		if err == nil {
			last = line{}
			err = json.Unmarshal(text, &last)
		}
		if err != nil {
			return results, fmt.Errorf("after %d of %d windows: %w", len(results), windows, err)
		}
		if last.Done {
			return results, nil
		}
		results = append(results, LineResult{last.Index, last.Status, last.ID, last.Fault, last.Duplicate, last.err()})
	}
}

// lines is a body with a window on each line, made as it is read.
type lines struct {
	*io.PipeReader
	done chan struct{}
}

func newLines(windows []*bearing.Window, compress bool) *lines {
	r, w := io.Pipe()
	l := &lines{r, make(chan struct{})}
	go func() {
		defer close(l.done)
		w.CloseWithError(writeLines(w, windows, compress))
	}()
	return l
}

// end stops what makes the body, and waits for it.
func (l *lines) end() {
	if l != nil {
		_ = l.Close()
		<-l.done
	}
}

func writeLines(w io.Writer, windows []*bearing.Window, compress bool) error {
	var z *gzip.Writer
	if compress {
		z = gzip.NewWriter(w)
		w = z
	}
	for _, win := range windows {
		one := *win
		if one.Unit == "" {
			one.Unit = bearing.G
		}
		b, err := one.Encode()
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			return err
		}
	}
	if z != nil {
		return z.Close()
	}
	return nil
}

// Forms in which WindowFile returns samples.
const (
	JSON = "json" // with all that was stated, in the unit that was stated
	NPY  = "npy"  // float32 in g or mm/s
	CSV  = "csv"  // time in s, samples in g or mm/s
	WAV  = "wav"  // float32 in g or mm/s; for whole sampling rates
)

// Window returns the raw samples of a diagnosis, while they are kept: the window as it was
// sent, to the bit. Errors: NotFound diagnosis_not_found and
// samples_expired.
func (c *Client) Window(ctx context.Context, id string) (*bearing.Window, error) {
	b, err := c.WindowFile(ctx, id, JSON)
	if err != nil {
		return nil, err
	}
	var w struct {
		Sensor  string       `json:"sensor"`
		Axis    string       `json:"axis"`
		Start   time.Time    `json:"start"`
		Rate    float64      `json:"sample_rate_hz"`
		Unit    bearing.Unit `json:"unit"`
		RPM     float64      `json:"shaft_speed_rpm"`
		Bearing string       `json:"bearing"`
		Samples []float32    `json:"samples"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("window %s cannot be read: %w", id, err)
	}
	return bearing.NewWindow(bearing.Window{
		Sensor:     w.Sensor,
		Axis:       w.Axis,
		Start:      w.Start,
		SampleRate: w.Rate,
		ShaftSpeed: w.RPM / 60,
		Bearing:    w.Bearing,
		Unit:       w.Unit,
		Samples:    w.Samples,
	}, bearing.Limits{MaxSamples: max(len(w.Samples), 1)})
}

// WindowFile returns the raw samples of a diagnosis as a file of one of the forms JSON, NPY,
// CSV and WAV. Errors as of Window, and Invalid format_unknown.
func (c *Client) WindowFile(ctx context.Context, id, form string) ([]byte, error) {
	b, _, err := c.read(ctx, get(pathOf("/v1/windows/", id), values("format", form)))
	return b, err
}

// Spectrum returns the amplitude spectrum of a window, in g or mm/s RMS, with q.Lines of
// resolution. Errors: as of Window, and Invalid parameter_invalid.
func (c *Client) Spectrum(ctx context.Context, id string, q bearing.SpectrumQuery) (bearing.Spectrum, error) {
	k := get(pathOf("/v1/windows/", id, "/spectrum"), values("lines", whole(q.Lines)))
	s, _, err := fetch[bearing.Spectrum](ctx, c, k)
	return s, err
}

// Envelope returns the spectrum of the squared envelope of a window, in g² RMS, of the band
// from q.Low to q.High, up to q.MaxHz, all in Hz. Errors as of Spectrum.
func (c *Client) Envelope(ctx context.Context, id string, q bearing.SpectrumQuery) (bearing.Spectrum, error) {
	s, _, err := fetch[bearing.Spectrum](ctx, c, get(pathOf("/v1/windows/", id, "/envelope"),
		values("band_low_hz", number(q.Low), "band_high_hz", number(q.High), "max_hz", number(q.MaxHz))))
	return s, err
}

// PlotPNG returns the picture of a diagnosis, of q.Width by q.Height pixels. Errors as of
// Spectrum.
func (c *Client) PlotPNG(ctx context.Context, id string, q bearing.PictureQuery) ([]byte, error) {
	return c.plot(ctx, id, "/plot.png", q)
}

// PlotSVG is PlotPNG as a drawing.
func (c *Client) PlotSVG(ctx context.Context, id string, q bearing.PictureQuery) ([]byte, error) {
	return c.plot(ctx, id, "/plot.svg", q)
}

func (c *Client) plot(ctx context.Context, id, file string, q bearing.PictureQuery) ([]byte, error) {
	size := values("width", whole(q.Width), "height", whole(q.Height))
	b, _, err := c.read(ctx, get(pathOf("/v1/windows/", id, file), size))
	return b, err
}
