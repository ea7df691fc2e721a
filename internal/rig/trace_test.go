package rig

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// op is one thing that the service did to a file of its directory, or told a client.
type op struct {
	kind string // write, truncate, sync, create, rename, unlink, ack
	file string // name in the directory, "" for the directory itself
	to   string // of a rename
	off  int64
	data []byte
	id   string // of an ack
}

// tracer is the wrapper that records what the service does.
func tracer(file string) []string {
	return []string{"strace", "--seccomp-bpf", "-f", "-qq", "-y", "-xx", "-s", "200000", "-o", file, "-e", "signal=none",
		"-e", "trace=openat,pwrite64,write,writev,ftruncate,fdatasync,fsync,rename,renameat,renameat2,unlink,unlinkat"}
}

var (
	returned = regexp.MustCompile(`^(.*?)\s*\)\s+= (\d+)[^"]*$`)
	located  = regexp.MustCompile(`Location: /v1/diagnoses/([0-9a-z]{26})`)
	changed  = regexp.MustCompile(`(?i)ETag: "(\d+)"`)
	promoted = regexp.MustCompile(`Content-Location: /v1/models/([0-9a-f]{64})`)
)

// readTrace returns what the record says about files in dir, in order. A call that was
// cut into two lines counts where it ended.
func readTrace(file, dir string) ([]op, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var ops []op
	begun := map[string]string{} // by process
	known := map[string]bool{}   // files that exist
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		pid, call, _ := strings.Cut(sc.Text(), " ")
		call = strings.TrimLeft(call, " ")
		if before, ok := strings.CutSuffix(call, "<unfinished ...>"); ok {
			begun[pid] = before
			continue
		}
		if strings.HasPrefix(call, "<... ") {
			_, rest, _ := strings.Cut(call, " resumed>")
			call = begun[pid] + rest
			delete(begun, pid)
		}
		name, rest, ok := strings.Cut(call, "(")
		if !ok {
			continue
		}
		end := strings.LastIndexByte(rest, '"') + 1 // what is written may be long
		m := returned.FindStringSubmatch(rest[end:])
		if m == nil {
			continue // failed, or cut off by the end
		}
		o, err := parseCall(name, rest[:end]+m[1], m[2], dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", call[:min(len(call), 200)], err)
		}
		if o == nil || o.kind == "create" && known[o.file] {
			continue
		}
		switch o.kind {
		case "create":
			known[o.file] = true
		case "rename":
			known[o.to] = true
			delete(known, o.file)
		case "unlink":
			delete(known, o.file)
		}
		ops = append(ops, *o)
	}
	return ops, sc.Err()
}

// parseCall reads one system call, nil if it has nothing to do with dir or a client.
func parseCall(name, args, result, dir string) (*op, error) {
	in := func(path string) (string, bool) {
		if path == dir {
			return "", true
		}
		rel, ok := strings.CutPrefix(path, dir+"/")
		return rel, ok && !strings.HasSuffix(rel, "-shm") && rel != "lock" && !strings.HasSuffix(rel, ".lock")
	}
	switch name {
	case "openat":
		path, err := unhexed(args, 0)
		rel, ok := in(string(path))
		if err != nil || !ok || !strings.Contains(args, "O_CREAT") {
			return nil, err
		}
		return &op{kind: "create", file: rel}, nil
	case "rename", "renameat", "renameat2":
		from, err := unhexed(args, 0)
		if err != nil {
			return nil, err
		}
		to, err := unhexed(args, 1)
		a, ok := in(string(from))
		b, ok2 := in(string(to))
		if err != nil || !ok || !ok2 {
			return nil, err
		}
		return &op{kind: "rename", file: a, to: b}, nil
	case "unlink", "unlinkat":
		path, err := unhexed(args, 0)
		rel, ok := in(string(path))
		if err != nil || !ok {
			return nil, err
		}
		return &op{kind: "unlink", file: rel}, nil
	}
	// The others name an open file: 7</path> or 9<socket:[123]>.
	fd, rest, _ := strings.Cut(args, ">")
	_, target, _ := strings.Cut(fd, "<")
	target, err := unescaped(target)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(target, "socket:") || strings.HasPrefix(target, "TCP") {
		if name != "write" {
			return nil, nil
		}
		data, err := unhexed(rest, 0)
		if err != nil || !bytes.HasPrefix(data, []byte("HTTP/1.1 20")) {
			return nil, err
		}
		head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
		if m := located.FindSubmatch(head); m != nil {
			return &op{kind: "ack", id: string(m[1])}, nil
		}
		if m := promoted.FindSubmatch(data); m != nil {
			return &op{kind: "ack", id: "model " + string(m[1])}, nil
		}
		if m := changed.FindSubmatch(head); m != nil {
			return &op{kind: "ack", id: "version " + string(m[1])}, nil
		}
		return nil, nil
	}
	rel, ok := in(target)
	if !ok {
		return nil, nil
	}
	switch name {
	case "fsync", "fdatasync":
		return &op{kind: "sync", file: rel}, nil
	case "ftruncate":
		_, size, _ := strings.Cut(rest, ", ")
		n, err := strconv.ParseInt(size, 10, 64)
		return &op{kind: "truncate", file: rel, off: n}, err
	case "pwrite64":
		data, err := unhexed(rest, 0)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(rest[strings.LastIndex(rest, ", ")+2:], 10, 64)
		if err != nil {
			return nil, err
		}
		wrote, err := strconv.Atoi(result)
		return &op{kind: "write", file: rel, off: n, data: data[:min(wrote, len(data))]}, err
	case "write":
		data, err := unhexed(rest, 0)
		return &op{kind: "append", file: rel, data: data}, err
	}
	return nil, nil
}

// unhexed returns the n-th string of the arguments, as strace -xx writes it.
func unhexed(args string, n int) ([]byte, error) {
	for ; ; n-- {
		_, after, ok := strings.Cut(args, `"`)
		if !ok {
			return nil, fmt.Errorf("no string in %q", args[:min(len(args), 80)])
		}
		text, rest, ok := strings.Cut(after, `"`)
		if !ok {
			return nil, fmt.Errorf("a string without end")
		}
		if strings.HasPrefix(rest, "...") {
			return nil, fmt.Errorf("a string was cut")
		}
		if n == 0 {
			s, err := unescaped(text)
			return []byte(s), err
		}
		args = rest
	}
}

// unescaped reads \xNN for each byte; what is not escaped stands for itself.
func unescaped(s string) (string, error) {
	if !strings.Contains(s, `\x`) {
		return s, nil
	}
	out := make([]byte, 0, len(s)/4)
	for i := 0; i < len(s); {
		if s[i] == '\\' && i+4 <= len(s) && s[i+1] == 'x' {
			var v [1]byte
			if _, err := hex.Decode(v[:], []byte(s[i+2:i+4])); err != nil {
				return "", err
			}
			out = append(out, v[0])
			i += 4
			continue
		}
		out = append(out, s[i])
		i++
	}
	return string(out), nil
}
