package service

import (
	"context"
	"time"

	"brinell/api/client"
	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
	"brinell/internal/diagnose"
)

// demoEvery is the pace of each sensor of the demo.
const demoEvery = time.Second

// replay posts windows of the embedded excerpts to the service's own address,
// each recording as a sensor, over and over. They are real CWRU recordings, and
// from stretches of time that the embedded model has not seen.
func (s *Service) replay(ctx context.Context) {
	recs, err := demoRecordings(s.core)
	if err != nil {
		s.log.Error("demo", "err", err)
		return
	}
	service := client.Client{Base: "http://" + s.listener.Addr().String()}
	s.log.Info("demo: replaying real recordings", "sensors", len(recs))
	tick := time.NewTicker(demoEvery)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		var shown bearing.Diagnosis
		for _, r := range recs {
			d, err := service.PostWindow(ctx, r.window(turn))
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				s.log.Error("demo", "sensor", r.sensor, "err", err)
			case turn < 3: // then the log would only repeat itself
				v := d.Verdict
				s.log.Info("demo", "sensor", r.sensor, "recording", r.Name, "truth", r.Truth.Fault, "fault", d.Fault, "likeliest", v.Likeliest, "probability", v.Probability)
				shown = worthSeeing(shown, d)
			}
		}
		if turn == 0 && shown.ID != "" {
			s.log.Info("demo: open this picture of a diagnosis in a browser", "sensor", shown.Sensor, "fault", shown.Fault,
				"address", s.base+"/v1/windows/"+shown.ID+"/plot.png")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// worthSeeing returns which of two diagnoses has more to be seen in its picture: the later one,
// unless it names no damage.
func worthSeeing(a, b bearing.Diagnosis) bearing.Diagnosis {
	if a.ID == "" || len(b.Witnesses.Envelope.Lines) > 0 && b.Fault.Known() && b.Fault != bearing.Normal {
		return b
	}
	return a
}

// demoRecording is an excerpt that plays a sensor.
type demoRecording struct {
	bearing.Recording
	sensor  string
	windows []*bearing.Window // that the recording is cut into
}

func demoRecordings(core *diagnose.Core) ([]demoRecording, error) {
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		return nil, err
	}
	recs, err := src.Recordings(nil)
	if err != nil {
		return nil, err
	}
	var out []demoRecording
	for _, r := range recs {
		d := demoRecording{Recording: r, sensor: "demo-" + bearing.SensorName(r.Name)}
		d.windows, err = core.Cut(&bearing.Window{Sensor: d.sensor, SampleRate: r.SampleRate, ShaftSpeed: r.ShaftSpeed, Bearing: r.Bearing,
			Unit: bearing.G, Samples: r.Samples})
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// window returns the window of a turn, as if it was measured now.
func (r demoRecording) window(turn int) *bearing.Window {
	w := *r.windows[turn%len(r.windows)]
	w.Start = time.Now().UTC()
	return &w
}
