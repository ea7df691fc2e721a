package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// walkCommands are what scripts have beside the program, so that they read as a user's first
// hour does: curl, the service in the background, and files as loggers write them.
var walkCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"curl": curl, "serve": serveInBackground, "stop": stopService, "logger": logger, "await": await, "pick": pickFromAnswer,
}

// curl speaks HTTP with the flags of curl that documents use: -s -X -H -d --data-binary -o -f. With ! it
// wants a refusal. The answer is stdout, or in the file of -o.
func curl(ts *testscript.TestScript, neg bool, args []string) {
	var method, url, out string
	var body io.Reader
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		value := func() string {
			if i++; i >= len(args) {
				ts.Fatalf("curl: %s wants a value", args[i-1])
			}
			return args[i]
		}
		switch a := args[i]; a {
		case "-s", "-f":
		case "-X":
			method = value()
		case "-o":
			out = value()
		case "-H":
			name, v, _ := strings.Cut(value(), ":")
			header.Set(name, strings.TrimSpace(v))
		case "-d", "--data-binary":
			v := value()
			if file, ok := strings.CutPrefix(v, "@"); ok {
				v = ts.ReadFile(file)
			}
			body = strings.NewReader(v)
			if header.Get("Content-Type") == "" {
				header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
		default:
			if strings.HasPrefix(a, "-") || url != "" {
				ts.Fatalf("curl: what is %s?", a)
			}
			url = a
		}
	}
	if method == "" {
		if method = http.MethodGet; body != nil {
			method = http.MethodPost
		}
	}
	req, err := http.NewRequest(method, url, body)
	ts.Check(err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if out != "" {
		ts.Check(os.WriteFile(ts.MkAbs(out), b, 0o600))
		b = nil
	}
	fmt.Fprintf(ts.Stdout(), "%s\n", b)
	fmt.Fprintf(ts.Stderr(), "HTTP %d\n", resp.StatusCode)
	if refused := resp.StatusCode >= 400; refused != neg {
		ts.Fatalf("%s %s: %d\n%s", method, url, resp.StatusCode, b)
	}
}

// inBackground is the service of a script.
type inBackground struct {
	cmd  *exec.Cmd
	log  *syncFile
	once sync.Once
	err  error
}

// syncFile is a log that is written to a file and looked at.
type syncFile struct {
	mu   sync.Mutex
	text bytes.Buffer
	file *os.File
}

func (f *syncFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text.Write(b)
	return f.file.Write(b)
}

func (f *syncFile) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.String()
}

func (s *inBackground) stop() error {
	s.once.Do(func() {
		if s.err = s.cmd.Process.Signal(syscall.SIGTERM); s.err == nil {
			s.err = s.cmd.Wait()
		}
		s.err = errors.Join(s.err, s.log.file.Close())
	})
	return s.err
}

// servicesKey is where a script has its service.
type servicesKey struct{}

// serveInBackground runs "brinell serve ARGS" on a free port. URL is its address, and its log is
// the file serve.log, anew for each.
func serveInBackground(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("what is refused at once is run by exec")
	}
	running := ts.Value(servicesKey{}).(**inBackground)
	f, err := os.Create(ts.MkAbs("serve.log"))
	ts.Check(err)
	bin, err := exec.LookPath("brinell") // where testscript.Main has put it
	ts.Check(err)
	s := &inBackground{cmd: exec.Command(bin, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...), log: &syncFile{file: f}}
	s.cmd.Dir, s.cmd.Stderr = ts.MkAbs("."), s.log
	s.cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	ts.Check(s.cmd.Start())
	*running = s
	ts.Defer(func() { _ = s.stop() })
	for range 2000 {
		if m := readyLine.FindStringSubmatch(s.log.String()); m != nil {
			ts.Setenv("URL", m[1])
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("the service does not come up: %s", s.log.String())
}

// stopService ends the service as its supervisor would.
func stopService(ts *testscript.TestScript, neg bool, args []string) {
	s := *ts.Value(servicesKey{}).(**inBackground)
	if s == nil || neg || len(args) > 0 {
		ts.Fatalf("stop ends the service that serve began")
	}
	ts.Check(s.stop())
}

// pickFromAnswer takes what a user would copy out of the last answer: pick NAME REGEXP sets NAME to the
// first group.
func pickFromAnswer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pick NAME REGEXP")
	}
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("the answer has no %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// await waits until a file, most often the log, has the text: await FILE TEXT.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	for range 1000 {
		if b, _ := os.ReadFile(ts.MkAbs(args[0])); strings.Contains(string(b), args[1]) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s never says %q:\n%s", args[0], args[1], ts.ReadFile(args[0]))
}

// logger writes an excerpt as a logger would: logger FORM EXCERPT.npy FILE. A part of it is
// "EXCERPT.npy 0:12000".
func logger(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: logger FORM EXCERPT FILE [FROM:TO]")
	}
	b := ts.ReadFile(args[1])[128:]
	x := make([]float64, len(b)/4)
	for i := range x {
		x[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32([]byte(b[4*i:]))))
	}
	if len(args) == 4 {
		from, to, _ := strings.Cut(args[3], ":")
		i, err := strconv.Atoi(from)
		ts.Check(err)
		j, err := strconv.Atoi(to)
		ts.Check(err)
		x = x[i:j]
	}
	const rate = 12000 // of all excerpts but the healthy ones
	var out bytes.Buffer
	comma := func(format string, v ...any) {
		out.WriteString(strings.ReplaceAll(fmt.Sprintf(format, v...), ".", ","))
	}
	switch args[0] {
	case "german": // in Latin-1, as Windows programs write it
		out.WriteString("Messger\xe4t;VibroLog 3\r\nSeriennummer;4711\r\nStartzeit;31.01.2026 12:00:00\r\nKommentar;Motor, Halle 3\r\n\r\n")
		out.WriteString("Zeit [s];Beschleunigung [g]\r\n")
		for i, v := range x {
			comma("%.6f;%.6f\r\n", float64(i)/rate, v)
		}
	case "numpy": // numpy.savetxt with a header, in m/s2
		out.WriteString("# started 2026-01-31T12:00:00Z\n# t_s,acc_m/s2\n")
		for i, v := range x {
			fmt.Fprintf(&out, "%.9f,%.6f\n", float64(i)/rate, 9.80665*v)
		}
	case "labview":
		out.WriteString("LabVIEW Measurement\t\nWriter_Version\t2\nSeparator\tTab\nDate\t2026/01/31\nTime\t12:00:00.5\n***End_of_Header***\t\n\t\n" +
			fmt.Sprintf("Channels\t1\t\nSamples\t%d\t\nY_Unit_Label\tg\t\nDelta_X\t%.9g\t\n***End_of_Header***\t\nX_Value\tAcc\n", len(x), 1./rate))
		for i, v := range x {
			fmt.Fprintf(&out, "%.6f\t%.6f\n", float64(i)/rate, v)
		}
	case "raw": // what a gateway sends: float32, little-endian
		for _, v := range x {
			out.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))))
		}
	case "excel": // the beginning of a workbook
		out.WriteString("PK\x03\x04" + strings.Repeat("\x00", 26) + "[Content_Types].xml")
	default:
		ts.Fatalf("logger: what is %s?", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), out.Bytes(), 0o600))
}
