// Package download fetches corpora from their publishers, whole and resumable. Nothing else
// that reads data speaks to a network.
package download

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"brinell/bearing"
	"brinell/dataset"
)

// Options are the options of Corpus.
type Options struct {
	Base     string                   // replaces the publisher's address up to the file's name
	Keep     func(dataset.Entry) bool // which entries to fetch; nil: those that are not excluded
	Attempts int                      // per file, default 4
	Wait     time.Duration            // before the second attempt, doubled for each further one; default 1 s
	Silence  time.Duration            // for which nothing may come before all is given up, default DefaultSilence
	Progress func(Progress)           // called at the start of a file, as it grows, and at its end
}

// DefaultSilence is for how long nothing may come from the publisher before Corpus gives up.
const DefaultSilence = 20 * time.Second

// Progress is where a download stands.
type Progress struct {
	File         string // name under which the file is stored
	Index, Files int    // this file, from 1, of so many
	Bytes, Size  int64  // so far, and in all; Size is -1 if the server does not say
	Done         bool
	Present      bool // the file was there already
}

// wanted is one file to fetch.
type wanted struct {
	url, file, sha256 string
	check             func(b []byte) error // for files without a SHA-256
}

// Corpus downloads the corpus's files from the publisher into dir, under the
// table's names. A file that is there and has the right SHA-256 (or none to
// compare with) is not fetched again.
//
// A transfer grows in a .part file. One that was interrupted goes on where it
// stopped, in this call or a later one, if the server still has the same file (by
// ETag or date of change) or the table's SHA-256 can tell. A finished file gets
// its name only after its SHA-256 was right; a wrong one is removed. Files that
// the table has no SHA-256 for must at least be readable: an error page sent as
// a file is refused.
//
// A file that fails does not stop the others; the errors are joined. A nil client
// means http.DefaultClient.
func Corpus(ctx context.Context, client *http.Client, c dataset.Corpus, dir string, opts Options) error {
	if client == nil {
		client = http.DefaultClient
	}
	if opts.Attempts <= 0 {
		opts.Attempts = 4
	}
	if opts.Wait <= 0 {
		opts.Wait = time.Second
	}
	list := downloads(c, opts)
	if len(list) == 0 {
		return bearing.Errorf(bearing.NotFound, "nothing_to_fetch", "corpus %s has no files to download", c.Name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("fetch corpus %s: %w", c.Name, err)
	}
	if opts.Silence <= 0 {
		opts.Silence = DefaultSilence
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(opts.Silence, func() { cancel(errSilence) })
	defer watch.Stop() // it runs while something is to come, not while files here are read
	heard := false
	var errs []error
	for i, d := range list {
		f := fetcher{client: client, wanted: d, path: filepath.Join(dir, d.file), opts: opts, index: i + 1, files: len(list)}
		f.heard = func() { heard = true; watch.Reset(opts.Silence) }
		f.asking = func() { watch.Reset(opts.Silence) }
		f.reading = func() { watch.Stop() }
		heard = false
		lost := false
		if err := f.run(ctx); err != nil {
			_, lost = errors.AsType[interrupted](err)
			errs = append(errs, fmt.Errorf("fetch %s from %s: %w", d.file, d.url, err))
		}
		if silent := errors.Is(context.Cause(ctx), errSilence); silent || lost && !heard {
			return bearing.Errorf(bearing.Overloaded, "publisher_unreachable", "nothing comes from %s: %v. "+
				"Check the network, DNS and the proxy (HTTPS_PROXY), or name a mirror with --base; the same command goes on where it stopped. "+
				"Files downloaded elsewhere may be put into %s", d.url, errs[len(errs)-1], dir)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// downloads are the files of a corpus that are wanted.
func downloads(c dataset.Corpus, opts Options) []wanted {
	address := func(url string) string {
		if opts.Base == "" {
			return url
		}
		return strings.TrimSuffix(opts.Base, "/") + "/" + path.Base(url)
	}
	if c.Archive != "" {
		return []wanted{{url: address(c.Archive), file: path.Base(c.Archive), check: checkZip}}
	}
	var list []wanted
	for _, e := range c.Entries {
		if e.URL == "" || opts.Keep == nil && e.Exclude || opts.Keep != nil && !opts.Keep(e) {
			continue
		}
		list = append(list, wanted{url: address(e.URL), file: e.File, sha256: e.SHA256, check: func(b []byte) error {
			_, _, err := e.Decode(b)
			return err
		}})
	}
	return list
}

// errSilence says that nothing came for too long.
var errSilence = errors.New("no answer in time")

// fetcher fetches one file.
type fetcher struct {
	client *http.Client
	wanted
	path         string
	opts         Options
	index, files int
	heard        func() // something came
	asking       func() // something is to come from now on
	reading      func() // nothing is to come: a file that is here is read
}

func (f fetcher) part() string      { return f.path + ".part" }
func (f fetcher) validator() string { return f.path + ".part.id" }

func (f fetcher) progress(bytes, size int64, done, present bool) {
	if f.opts.Progress != nil {
		f.opts.Progress(Progress{File: f.file, Index: f.index, Files: f.files, Bytes: bytes, Size: size, Done: done, Present: present})
	}
}

func (f fetcher) run(ctx context.Context) error {
	f.reading()
	if info, err := os.Stat(f.path); err == nil && f.verify(f.path) == nil {
		f.progress(info.Size(), info.Size(), true, true)
		return nil
	}
	f.asking()
	wait := f.opts.Wait
	for attempt := 1; ; attempt++ {
		err := f.transfer(ctx)
		if err == nil {
			f.reading()
			return f.finish()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx) // whatever the last answer was
		}
		if _, again := errors.AsType[interrupted](err); !again || attempt == f.opts.Attempts {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(context.Cause(ctx), err)
		case <-timer.C:
		}
		wait *= 2
	}
}

// interrupted marks an error after which another attempt may go on.
type interrupted struct{ error }

func (e interrupted) Unwrap() error { return e.error }

// transfer makes one request and writes what comes to the part file. It returns
// nil once the part file is complete.
func (f fetcher) transfer(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return err
	}
	// Ranges count the bytes that are sent, so nothing may be compressed in between.
	req.Header.Set("Accept-Encoding", "identity")
	have := f.resumable(req)
	resp, err := f.client.Do(req)
	if err != nil {
		return interrupted{err}
	}
	defer resp.Body.Close()
	f.heard()

	switch resp.StatusCode {
	case http.StatusOK:
		have = 0
	case http.StatusPartialContent:
		if from, _ := contentRange(resp); have == 0 || from != have {
			f.discard()
			return interrupted{fmt.Errorf("the server sent another range than bytes %d-", have)}
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if _, size := contentRange(resp); have > 0 && size == have {
			return nil
		}
		f.discard()
		return interrupted{errors.New("the server has less of the file than is here")}
	default:
		err := fmt.Errorf("the server answered %s", resp.Status)
		if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
			return interrupted{err}
		}
		return err
	}
	return f.receive(resp, have)
}

// resumable asks for the rest of a part file where that is safe, and returns the
// number of bytes that are here.
func (f fetcher) resumable(req *http.Request) int64 {
	info, err := os.Stat(f.part())
	if err != nil || info.Size() == 0 {
		return 0
	}
	id, _ := os.ReadFile(f.validator())
	if len(id) == 0 && f.sha256 == "" {
		return 0
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", info.Size()))
	if len(id) > 0 {
		req.Header.Set("If-Range", string(id))
	}
	return info.Size()
}

// receive appends the body to the have bytes of the part file.
func (f fetcher) receive(resp *http.Response, have int64) error {
	size := int64(-1)
	if resp.ContentLength >= 0 {
		size = have + resp.ContentLength
	}
	if size > dataset.MaxFileBytes {
		return bearing.Errorf(bearing.TooLarge, "file_too_large", "the file has %d bytes, the limit is %d", size, dataset.MaxFileBytes)
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if have > 0 {
		flags = os.O_WRONLY | os.O_APPEND
	}
	// The validator is removed before the bytes that it vouches for.
	if have == 0 {
		os.Remove(f.validator())
	}
	w, err := os.OpenFile(f.part(), flags, 0o644)
	if err != nil {
		return err
	}
	defer w.Close()
	if id := validatorOf(resp); id != "" {
		if err := os.WriteFile(f.validator(), []byte(id), 0o644); err != nil {
			return err
		}
	}
	n := have
	f.progress(n, size, false, false)
	buf := make([]byte, 64<<10)
	for {
		k, rerr := resp.Body.Read(buf)
		if _, err := w.Write(buf[:k]); err != nil {
			return err
		}
		n += int64(k)
		if n > dataset.MaxFileBytes {
			return bearing.Errorf(bearing.TooLarge, "file_too_large", "the file has more than %d bytes", dataset.MaxFileBytes)
		}
		if k > 0 {
			f.heard()
			f.progress(n, size, false, false)
		}
		if errors.Is(rerr, io.EOF) {
			break
		}
		if rerr != nil {
			return interrupted{rerr}
		}
	}
	if size >= 0 && n != size {
		return interrupted{fmt.Errorf("the transfer ended at %d of %d bytes", n, size)}
	}
	return w.Sync()
}

// finish checks the part file and gives it its name.
func (f fetcher) finish() error {
	if err := f.verify(f.part()); err != nil {
		f.discard()
		return err
	}
	info, err := os.Stat(f.part())
	if err != nil {
		return err
	}
	if err := os.Rename(f.part(), f.path); err != nil {
		return err
	}
	os.Remove(f.validator())
	f.progress(info.Size(), info.Size(), true, false)
	return nil
}

// verify compares a file with the table, or reads it where the table cannot tell.
func (f fetcher) verify(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if f.sha256 == "" {
		if err := f.check(b); err != nil {
			return bearing.Errorf(bearing.Invalid, "file_unreadable", "what the server sent is not the file: %v", err)
		}
		return nil
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != f.sha256 {
		return bearing.Errorf(bearing.Conflict, "checksum_mismatch", "the SHA-256 is %s, it must be %s: the file was removed", got, f.sha256)
	}
	return nil
}

// discard removes what was received.
func (f fetcher) discard() {
	os.Remove(f.validator())
	os.Remove(f.part())
}

// validatorOf returns what a later If-Range may carry: a strong ETag, or else the
// date of change.
func validatorOf(resp *http.Response) string {
	if tag := resp.Header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return resp.Header.Get("Last-Modified")
}

// contentRange returns the first byte and the full size in "bytes 10-99/100" or
// "bytes */100", -1 where they are missing.
func contentRange(resp *http.Response) (from, size int64) {
	from, size = -1, -1
	unit, rest, _ := strings.Cut(resp.Header.Get("Content-Range"), " ")
	if unit != "bytes" {
		return from, size
	}
	span, full, _ := strings.Cut(rest, "/")
	if n, err := strconv.ParseInt(full, 10, 64); err == nil {
		size = n
	}
	first, _, _ := strings.Cut(span, "-")
	if n, err := strconv.ParseInt(first, 10, 64); err == nil {
		from = n
	}
	return from, size
}

func checkZip(b []byte) error {
	_, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	return err
}
