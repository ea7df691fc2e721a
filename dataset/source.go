package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"brinell/bearing"
)

// MaxFileBytes bounds what is read of one file. The largest file of the corpora
// has 4 MB.
const MaxFileBytes = 1 << 30

// Source is a corpus whose files were looked for: which of them are at hand, and
// where.
type Source struct {
	corpus Corpus
	fsys   fs.FS
	at     map[string]location // by the path inside the directory or the zip
	base   map[string]string   // first path with that base name
}

// location is a file, or a member of a zip file.
type location struct {
	file   string
	member string // "" for the file itself
}

// Open finds the corpus's files in a directory (with all directories below it),
// in the zip files there, or in one zip file. Files that are missing are no
// error, unless all are.
func Open(c Corpus, dir string) (*Source, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, bearing.Errorf(bearing.NotFound, "data_missing", "data directory %s: %v", dir, errors.Unwrap(err))
	}
	fsys := os.DirFS(dir)
	if !info.IsDir() {
		fsys = oneFile{os.DirFS(filepath.Dir(dir)), filepath.Base(dir)}
	}
	s, err := OpenFS(c, fsys)
	if err != nil {
		return nil, fmt.Errorf("open corpus %s in %s: %w", c.Name, dir, err)
	}
	return s, nil
}

// OpenDir opens the named corpus in dir. With the name "own", or none where dir
// has a manifest.csv, the manifest is the corpus.
func OpenDir(dir, name string) (*Source, error) {
	if name == "" {
		if _, err := os.Stat(filepath.Join(dir, ManifestName)); err != nil {
			return nil, bearing.Errorf(bearing.Invalid, "corpus_missing", "%s has no %s: name a corpus with --corpus, or describe the files in a manifest", dir, ManifestName)
		}
		name = "own"
	}
	if name != "own" {
		c, err := Named(name)
		if err != nil {
			return nil, err
		}
		return Open(c, dir)
	}
	b, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err != nil {
		return nil, bearing.Errorf(bearing.NotFound, "manifest_missing", "%s has no %s: write one with the columns %s; %s where the files do not say them", dir, ManifestName, strings.Join(manifestColumns, ", "), strings.Join(manifestOptional[:5], ", "))
	}
	c, err := ParseManifest(b)
	if err != nil {
		return nil, err
	}
	return Open(c, dir)
}

// OpenFS is Open on a file system, such as one that is embedded in the program.
// Zip files in it are read if its files can be read at an offset.
func OpenFS(c Corpus, fsys fs.FS) (*Source, error) {
	s := &Source{corpus: c, fsys: fsys, at: map[string]location{}, base: map[string]string{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		s.index(p, location{file: p})
		if strings.EqualFold(path.Ext(p), ".zip") {
			return s.indexZip(p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(s.Entries()) == 0 {
		err := bearing.Errorf(bearing.NotFound, "data_missing", "no file of corpus %s is there (looked for names such as %s, also in zip files)", c.Name, example(c))
		if _, serr := fs.Stat(fsys, ManifestName); serr == nil && c.Name != ownName {
			err.Message += ", but a " + ManifestName + " is: with --corpus own it is the corpus"
		}
		return nil, err
	}
	return s, nil
}

func example(c Corpus) string {
	if len(c.Entries) == 0 {
		return "none: the corpus is empty"
	}
	return c.Entries[0].File
}

// OpenManifestFS opens a directory of own data on a file system.
func OpenManifestFS(fsys fs.FS) (*Source, error) {
	b, err := fs.ReadFile(fsys, ManifestName)
	if err != nil {
		return nil, bearing.Errorf(bearing.NotFound, "manifest_missing", "there is no %s: %v", ManifestName, err)
	}
	c, err := ParseManifest(b)
	if err != nil {
		return nil, err
	}
	return OpenFS(c, fsys)
}

// index notes where a file is. The first of two with the same base name stays.
func (s *Source) index(p string, l location) {
	if _, ok := s.at[p]; !ok {
		s.at[p] = l
	}
	if b := path.Base(p); s.base[b] == "" {
		s.base[b] = p
	}
}

func (s *Source) indexZip(p string) error {
	return s.withZip(p, func(z *zip.Reader) error {
		for _, f := range z.File {
			if !strings.HasSuffix(f.Name, "/") {
				s.index(f.Name, location{file: p, member: f.Name})
			}
		}
		return nil
	})
}

func (s *Source) withZip(p string, use func(*zip.Reader) error) error {
	f, err := s.fsys.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at, ok := f.(io.ReaderAt)
	if !ok {
		return bearing.Errorf(bearing.Unsupported, "zip_unreadable", "%s: zip files cannot be read from this file system", p)
	}
	z, err := zip.NewReader(at, info.Size())
	if err != nil {
		return bearing.Errorf(bearing.Malformed, "zip_unreadable", "%s: %v", p, err)
	}
	return use(z)
}

// Corpus returns the corpus that was opened.
func (s *Source) Corpus() Corpus { return s.corpus }

// locate finds the file of an entry: by its path, by its name in any directory,
// and by the publisher's name.
func (s *Source) locate(e Entry) (location, bool) {
	if l, ok := s.at[e.File]; ok {
		return l, true
	}
	names := []string{path.Base(e.File)}
	if e.URL != "" {
		names = append(names, path.Base(e.URL))
	}
	for _, n := range names {
		if p, ok := s.base[n]; ok {
			return s.at[p], true
		}
	}
	return location{}, false
}

// Entries returns the rows whose files are at hand, in the order of the table. A
// file that repeats the signal of another is left out if the other is there.
func (s *Source) Entries() []Entry {
	var out []Entry
	for _, e := range s.corpus.Entries {
		if _, ok := s.locate(e); !ok || s.repeated(e) {
			continue
		}
		out = append(out, e)
	}
	return out
}

// repeated reports whether the entry repeats one that is at hand.
func (s *Source) repeated(e Entry) bool {
	if e.RepackOf == "" {
		return false
	}
	i := slices.IndexFunc(s.corpus.Entries, func(o Entry) bool { return o.File == e.RepackOf })
	if i < 0 {
		return false
	}
	_, ok := s.locate(s.corpus.Entries[i])
	return ok
}

// bytes reads the entry's file.
func (s *Source) bytes(e Entry) ([]byte, error) {
	l, ok := s.locate(e)
	if !ok {
		return nil, bearing.Errorf(bearing.NotFound, "file_missing", "%s is not among the files of corpus %s", e.File, s.corpus.Name)
	}
	if l.member == "" {
		f, err := s.fsys.Open(l.file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readLimited(f, l.file)
	}
	var b []byte
	err := s.withZip(l.file, func(z *zip.Reader) error {
		i := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == l.member })
		if i < 0 {
			return bearing.Errorf(bearing.Conflict, "file_missing", "%s changed while it was read: %s is gone", l.file, l.member)
		}
		r, err := z.File[i].Open()
		if err != nil {
			return fmt.Errorf("open %s in %s: %w", l.member, l.file, err)
		}
		defer r.Close()
		b, err = readLimited(r, l.member)
		return err
	})
	return b, err
}

func readLimited(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > MaxFileBytes {
		return nil, bearing.Errorf(bearing.TooLarge, "file_too_large", "%s has more than %d bytes", name, MaxFileBytes)
	}
	return b, nil
}

// Read returns the recording of an entry (or of its [Entry.Other] channel).
func (s *Source) Read(e Entry) (bearing.Recording, error) {
	r, _, err := s.ReadNoted(e)
	return r, err
}

// ReadNoted returns the recording of an entry, and what in the file contradicts
// the catalogue.
func (s *Source) ReadNoted(e Entry) (bearing.Recording, []string, error) {
	b, err := s.bytes(e)
	if err != nil {
		return bearing.Recording{}, nil, err
	}
	return s.decode(e, b)
}

func (s *Source) decode(e Entry, b []byte) (bearing.Recording, []string, error) {
	if s.corpus.Name == ownName {
		r, err := e.decodeOwn(b)
		return r, nil, err
	}
	return e.Decode(b)
}

// Recordings reads all entries that keep accepts; nil accepts those that are not
// excluded.
func (s *Source) Recordings(keep func(Entry) bool) ([]bearing.Recording, error) {
	if keep == nil {
		keep = func(e Entry) bool { return !e.Exclude }
	}
	var recs []bearing.Recording
	for _, e := range s.Entries() {
		if !keep(e) {
			continue
		}
		r, err := s.Read(e)
		if err != nil {
			return nil, fmt.Errorf("corpus %s: %w", s.corpus.Name, err)
		}
		recs = append(recs, r)
	}
	return recs, nil
}

// oneFile is a file system with one file in it.
type oneFile struct {
	fsys fs.FS
	name string
}

func (o oneFile) Open(name string) (fs.File, error) {
	if name != o.name && name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return o.fsys.Open(name)
}

func (o oneFile) ReadDir(name string) ([]fs.DirEntry, error) {
	info, err := fs.Stat(o.fsys, o.name)
	if err != nil || name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return []fs.DirEntry{fs.FileInfoToDirEntry(info)}, nil
}
