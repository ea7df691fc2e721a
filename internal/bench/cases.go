package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/mjibson/go-dsp/fft"
	"gonum.org/v1/gonum/dsp/fourier"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/features"
	"brinell/features/dsp"
	"brinell/internal/diagnose"
	"brinell/internal/kernel"
	"brinell/models"
	"brinell/models/nn"
	"brinell/models/pretrained"
)

// windowLength is the window of the cases: the input of the default model.
const windowLength = 2048

// workloads is the table of what is measured, apart from the loads. go test
// -bench runs the same.
func workloads() ([]workload, error) {
	var cases []workload
	for _, n := range []int{1024, 2048, 4096, 16384, 65536} {
		cases = append(cases, fftCases(n)...)
	}
	for _, n := range []int{1021, 8191, 10007, 32749} {
		next := 1
		for next < n {
			next *= 2
		}
		cases = append(cases, fftCase(n, fmt.Sprintf("fft/N=%d", next)))
		if next == 8192 || next == 32768 {
			cases = append(cases, fftCase(next, ""))
		}
	}
	cases = append(cases, extractCase(windowLength), extractCase(16384))

	dense, slim, wide, err := benchSpecs()
	if err != nil {
		return nil, err
	}
	for _, impl := range kernel.Implementations() {
		if impl != "go" {
			cases = append(cases, peakCase(impl), gemmCase(impl))
		}
	}
	for _, spec := range []nn.Spec{dense, slim, wide} {
		cases = append(cases, forwardCases(spec)...)
	}
	cases = append(cases, batchCase(dense), batchCase(slim), trainCase(dense), trainCase(wide))
	for _, n := range []int{64, 128, 256, 512, 1024} {
		cases = append(cases, matvecCases(n)...)
	}
	cases = append(cases, decodeCases()...)
	diagnosis, err := diagnoseCase()
	return append(cases, diagnosis), err
}

// benchSpecs returns the dense network of the targets, one slimmed to the channels
// that pruning by 90 % leaves (1,662 parameters, 85,088 multiply-accumulates for
// ten classes), and the wide one.
func benchSpecs() (dense, slim, wide nn.Spec, err error) {
	if dense, err = models.SpecNamed("wdcnn-s8"); err != nil {
		return
	}
	if wide, err = models.SpecNamed("wdcnn-s8x4"); err != nil {
		return
	}
	slim = dense
	slim.Name = "wdcnn-s8-90"
	slim.Layers = append([]nn.Layer(nil), dense.Layers...)
	left := []int{4, 5, 6, 6, 6, 16}
	for i, l := range slim.Layers {
		if l.Op == nn.OpConv || l.Op == nn.OpDense {
			slim.Layers[i].Out, left = left[0], left[1:]
		}
	}
	return
}

func noise(n int) []float64 {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

func noise32(n int) []float32 {
	x := make([]float32, n)
	for i, v := range noise(n) {
		x[i] = float32(v)
	}
	return x
}

func timed(name, ratioTo string, prepare func() func()) workload {
	return workload{name: name, unit: "us", ratioTo: ratioTo, prepare: func() (func(int), float64) {
		f := prepare()
		return func(n int) {
			for range n {
				f()
			}
		}, 0
	}}
}

func fftCase(n int, ratioTo string) workload {
	return timed(fmt.Sprintf("fft/N=%d", n), ratioTo, func() func() {
		p, x, dst := dsp.NewRealFFT(n), noise(n), make([]complex128, n/2+1)
		return func() { p.Coefficients(dst, x) }
	})
}

func fftCases(n int) []workload {
	gonum := fmt.Sprintf("fft/gonum/N=%d", n)
	cases := []workload{
		timed(gonum, "", func() func() {
			p, x, dst := fourier.NewFFT(n), noise(n), make([]complex128, n/2+1)
			return func() { p.Coefficients(dst, x) }
		}),
		fftCase(n, gonum),
		timed(fmt.Sprintf("fft32/N=%d", n), gonum, func() func() {
			p, x, dst := dsp.NewRealFFT32(n), noise32(n), make([]complex64, n/2+1)
			return func() { p.Coefficients(dst, x) }
		}),
	}
	if n <= 4096 {
		cases = append(cases, timed(fmt.Sprintf("fft/go-dsp/N=%d", n), gonum, func() func() {
			x := noise(n)
			return func() { fft.FFTReal(x) }
		}))
	}
	return cases
}

func extractCase(n int) workload {
	return timed(fmt.Sprintf("extract/N=%d", n), "", func() func() {
		e := must(features.New(features.Config{}))
		x, dst := noise32(n), make([]float64, e.Len())
		return func() { e.Extract(dst, x, 12000) }
	})
}

func catalogueSize() int { return must(features.New(features.Config{})).Len() }

func peakCase(impl string) workload {
	return workload{name: "peak/" + impl, unit: "GFLOP/s", prepare: func() (func(int), float64) {
		restore := kernel.Use(impl)
		defer restore()
		per := float64(kernel.Peak(1000)) / 1e9
		return func(n int) {
			defer kernel.Use(impl)()
			kernel.Peak(1000 * n)
		}, per
	}}
}

// gemmCase is the micro-kernel: a panel as deep as the convolutions of wdcnn-s8,
// with rows that its tiles divide, in the first cache.
func gemmCase(impl string) workload {
	const m, n, k = 24, 32, 192
	return workload{name: "gemm/" + impl, unit: "GFLOP/s", ratioTo: "peak/" + impl, prepare: func() (func(int), float64) {
		a, b, c := noise32(m*k), noise32(k*n), make([]float32, m*n)
		return func(times int) {
			defer kernel.Use(impl)()
			for range times {
				kernel.Gemm(m, n, k, a, k, 1, b, n, c, n, false)
			}
		}, 2 * m * n * k / 1e9
	}}
}

const classCount = 10

func newNetwork(spec nn.Spec) *nn.Network {
	return must(nn.New(spec, classCount, rand.New(rand.NewPCG(1, 2))))
}

func forwardCases(spec nn.Spec) []workload {
	gonum := "forward/" + spec.Name + "/gonum"
	cases := []workload{timed(gonum, "", func() func() { return gonumForward(spec, noise32(spec.Input.Len())) })}
	for _, impl := range kernel.Implementations() {
		cases = append(cases, workload{name: "forward/" + spec.Name + "/" + impl, unit: "us", ratioTo: gonum, prepare: func() (func(int), float64) {
			defer kernel.Use(impl)()
			plan, x := newNetwork(spec).Plan(), noise32(spec.Input.Len())
			return func(n int) {
				defer kernel.Use(impl)()
				for range n {
					plan.Forward(x)
				}
			}, 0
		}})
	}
	return cases
}

func batchCase(spec nn.Spec) workload {
	const batch = 64
	return timed(fmt.Sprintf("forward/%s/batch=%d", spec.Name, batch), "", func() func() {
		plan, x := newNetwork(spec).Plan(), noise32(batch*spec.Input.Len())
		return func() {
			for n := range batch {
				plan.Forward(x[n*spec.Input.Len() : (n+1)*spec.Input.Len()])
			}
		}
	})
}

func trainCase(spec nn.Spec) workload {
	const batch = 64
	return timed(fmt.Sprintf("train/%s/batch=%d", spec.Name, batch), "", func() func() {
		net := newNetwork(spec)
		x := nn.Tensor{N: batch, L: spec.Input.Len(), C: spec.Input.C, Data: noise32(batch * spec.Input.Len())}
		labels, dz, opt := make([]int, batch), nn.NewTensor(batch, 1, classCount), &nn.Adam{}
		for i := range labels {
			labels[i] = i % classCount
		}
		return func() {
			nn.CrossEntropy(net.Forward(x, true), labels, dz)
			net.ZeroGrad()
			net.Backward(dz)
			opt.Step(net.Params(), 1e-3)
		}
	})
}

// wireWindow is a window as a client sends it.
type wireWindow struct {
	Start      time.Time `json:"start"`
	SampleRate float64   `json:"sample_rate_hz"`
	Unit       string    `json:"unit"`
	Samples    []float32 `json:"samples"`
}

func decodeCases() []workload {
	w := wireWindow{time.Unix(1e9, 0).UTC(), 12000, "g", noise32(windowLength)}
	body := must(json.Marshal(w))
	raw := rawSamples(w.Samples)
	const query = "start=2001-09-09T01:46:40Z&sample_rate_hz=12000&unit=g"
	decode := func(media, query string, body []byte) func() {
		return func() { must(decode.Window("bench", media, query, body, bearing.DefaultMaxSamples)) }
	}
	return []workload{
		timed("decode/encoding-json", "", func() func() {
			return func() {
				var got wireWindow
				if err := json.Unmarshal(body, &got); err != nil {
					panic(err)
				}
			}
		}),
		timed("decode/json", "decode/encoding-json", func() func() { return decode("application/json", "", body) }),
		timed("decode/f32", "decode/encoding-json", func() func() { return decode("application/octet-stream", query, raw) }),
	}
}

func rawSamples(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		u := math.Float32bits(v)
		b = append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
	}
	return b
}

// diagnoseCase is the whole diagnosis of a window by the default model, in
// process, without storing it.
func diagnoseCase() (workload, error) {
	m, err := pretrained.Default()
	if err != nil {
		return workload{}, err
	}
	core, err := diagnose.New(m, diagnose.Config{})
	if err != nil {
		return workload{}, err
	}
	w, err := bearing.NewWindow(bearing.Window{Sensor: "bench", Start: time.Unix(1e9, 0), SampleRate: 12000, Unit: bearing.G, Samples: noise32(windowLength)}, bearing.Limits{})
	return timed("diagnose", "", func() func() { return func() { must(core.Diagnose(w)) } }), err
}

// must is for what only a bug of ours makes fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// cpuName returns what the kernel calls the processor.
func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
