package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"brinell/api/decode"
	"brinell/bearing"
)

// rawQuery hands the query of a request to a huma handler as it came, and its path. huma's own
// parsing would answer with its own errors, and its error model is package
// state; ours is not.
type rawQuery struct{ query, path string }

func (q *rawQuery) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	q.query, q.path = u.RawQuery, u.Path
	return nil
}

type getDiagnosis struct {
	rawQuery
	ID string `path:"id" doc:"of the window and its diagnosis"`
}

type oneDiagnosis struct{ Body bearing.Diagnosis }

type listDiagnoses struct{ rawQuery }

// pageOfDiagnoses is a bearing.Page as JSON.
type pageOfDiagnoses struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *server) diagnosis(ctx context.Context, in *getDiagnosis) (*oneDiagnosis, error) {
	if _, err := decode.Query(in.query); err != nil {
		return nil, s.humaError(ctx, err)
	}
	d, err := s.diagnosisOf(ctx, in.ID)
	if err != nil {
		return nil, s.humaError(ctx, err)
	}
	return &oneDiagnosis{d}, nil
}

// diagnosisOf returns a diagnosis, if the key of a request may have to do with its sensor. One
// that is of another sensor is not there.
func (s *server) diagnosisOf(ctx context.Context, id string) (bearing.Diagnosis, error) {
	d, err := s.reader.Diagnosis(ctx, id)
	if err == nil && covers(ctx, d.Sensor) != nil {
		return bearing.Diagnosis{}, bearing.DiagnosisNotFound(id)
	}
	return d, err
}

func (s *server) diagnoses(ctx context.Context, in *listDiagnoses) (*pageOfDiagnoses, error) {
	q, err := parseDiagnosisQuery(in.query)
	if err == nil {
		err = covers(ctx, q.Sensor)
	}
	if err != nil {
		return nil, s.humaError(ctx, err)
	}
	var docs []json.RawMessage
	var next string
	err = s.inTurn(ctx, func() (err error) {
		docs, next, err = s.reader.DiagnosisDocuments(ctx, q)
		return err
	})
	if err != nil {
		return nil, s.humaError(ctx, err)
	}
	return &pageOfDiagnoses{"application/json", appendPage(nil, docs, next)}, nil
}

// appendPage appends a bearing.Page of documents to dst. A cursor needs no escapes.
func appendPage(dst []byte, docs []json.RawMessage, next string) []byte {
	n := len(dst) + 64 + len(next)
	for _, d := range docs {
		n += len(d) + 1
	}
	dst = append(slices.Grow(dst, n), `{"diagnoses":[`...)
	for i, d := range docs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, d...)
	}
	return append(append(append(dst, `],"next_cursor":"`...), next...), "\"}\n"...)
}

// humaError makes an error one that huma writes as our problem.
func (s *server) humaError(ctx context.Context, err error) error {
	p := s.problemOf(ctx, err)
	if p.RetryAfter > 0 {
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.Itoa(p.RetryAfter)}})
	}
	return p
}

func parseDiagnosisQuery(query string) (q bearing.Query, err error) {
	v, err := decode.Query(query, "sensor", "fault", "from", "to", "limit", "cursor")
	if err != nil {
		return q, err
	}
	q.Sensor, q.Cursor = v["sensor"], v["cursor"]
	if s, ok := v["sensor"]; ok && !bearing.IsName(s) {
		return q, bearing.Errorf(bearing.Invalid, "sensor_name", "%q is no sensor name", bearing.Clip(s)).At("sensor")
	}
	if f, ok := v["fault"]; ok {
		if q.Fault, err = bearing.ParseVerdict(f); err != nil {
			return q, err.(*bearing.Error).At("fault")
		}
	}
	if q.From, err = timeParameter(v, "from"); err != nil {
		return q, err
	}
	if q.To, err = timeParameter(v, "to"); err != nil {
		return q, err
	}
	if s, ok := v["limit"]; ok {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > bearing.MaxPage {
			return q, bearing.Errorf(bearing.Invalid, "limit_out_of_range", "limit %q is not a number in 1..%d", bearing.Clip(s), bearing.MaxPage).At("limit")
		}
		q.Limit = n
	}
	return q, nil
}

// timeParameter reads a time, the zero time if it is not stated.
func timeParameter(v map[string]string, name string) (time.Time, error) {
	s, ok := v[name]
	if !ok {
		return time.Time{}, nil
	}
	t, ok := decode.Time(s)
	if !ok {
		return t, bearing.Errorf(bearing.Invalid, "parameter_invalid", "%s %q is not RFC 3339, such as 2026-01-31T12:00:00Z", name, bearing.Clip(s)).At(name)
	}
	return t, nil
}
