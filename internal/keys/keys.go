package keys

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"brinell/internal/files"
)

// Scope is what a key may do: ingest windows, read everything, administer. Admin may
// do all.
type Scope string

// The scopes.
const (
	Ingest Scope = "ingest"
	Read   Scope = "read"
	Admin  Scope = "admin"
)

// Scopes are all of them.
var Scopes = []Scope{Ingest, Read, Admin}

// Key is one key as the file has it.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // who has it, for people
	Digest  string    `json:"sha256"`
	Scopes  []Scope   `json:"scopes"`
	Sensors []string  `json:"sensors,omitempty"` // patterns such as pump-*; none for all
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`

	Rate       float64 `json:"windows_per_second,omitempty"`  // 0 for that of serve --key-rate
	NewSensors *int    `json:"new_sensors_per_day,omitempty"` // that its windows may bring in; nil for the default
}

// DefaultNewSensors is how many sensors the windows of a key may bring in a day if it does
// not say: a plant grows slower, and a program that makes up names shows.
const DefaultNewSensors = 1000

// MayBring is how many sensors the windows of the key may bring in a day.
func (k *Key) MayBring() int {
	if k.NewSensors == nil {
		return DefaultNewSensors
	}
	return *k.NewSensors
}

// May says whether the key has a scope.
func (k *Key) May(s Scope) bool {
	return slices.Contains(k.Scopes, s) || slices.Contains(k.Scopes, Admin)
}

// Covers says whether the key may have to do with a sensor.
func (k *Key) Covers(sensor string) bool {
	return len(k.Sensors) == 0 || slices.ContainsFunc(k.Sensors, func(p string) bool {
		ok, err := path.Match(p, sensor)
		return ok && err == nil
	})
}

// Next returns from which name on, the given one or a later one, there may be a sensor that the
// key covers; false for none. Patterns are alike to it that begin alike.
func (k *Key) Next(sensor string) (next string, ok bool) {
	if len(k.Sensors) == 0 {
		return sensor, true
	}
	for _, p := range k.Sensors {
		begin := p
		if i := strings.IndexAny(p, `*?[\`); i >= 0 {
			begin = p[:i]
		}
		if sensor > begin && (begin == p || !strings.HasPrefix(sensor, begin)) {
			continue // all of it is before
		}
		if from := max(sensor, begin); !ok || from < next {
			next, ok = from, true
		}
	}
	return next, ok
}

// Same reports whether two are one key that may do the same.
func (k *Key) Same(o *Key) bool {
	return k.ID == o.ID && k.Digest == o.Digest && k.Expires.Equal(o.Expires) && slices.Equal(k.Scopes, o.Scopes) && slices.Equal(k.Sensors, o.Sensors)
}

// prefix begins every token, so that one that leaked can be searched for.
const prefix = "brk_"

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Set are the keys of one file.
type Set struct {
	keys map[string]Key // by ID
}

// Len is how many keys there are.
func (s *Set) Len() int { return len(s.keys) }

// All returns the keys in the order in which they were made.
func (s *Set) All() []Key {
	all := make([]Key, 0, len(s.keys))
	for _, k := range s.keys {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b Key) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Why a token is refused. Unknown and wrong are one error: who guesses learns nothing.
var (
	ErrInvalid = errors.New("the key is not known")
	ErrExpired = errors.New("the key has expired")
)

// Check returns the key of a token. It takes as long for an ID that is unknown as for a
// secret that is wrong.
func (s *Set) Check(token string, now time.Time) (Key, error) {
	id, secret, _ := strings.Cut(strings.TrimPrefix(token, prefix), "_")
	k, known := s.keys[id]
	want := k.Digest
	if !known {
		want = strings.Repeat("0", 2*sha256.Size)
	}
	sum := sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(want)) == 1
	if !same || !known || !strings.HasPrefix(token, prefix) {
		return Key{}, ErrInvalid
	}
	if !k.Expires.IsZero() && !now.Before(k.Expires) {
		return Key{}, ErrExpired
	}
	return k, nil
}

// Load reads the keys of a file, none if it is not there. A file that others than its
// owner may read or write is refused: the digests are no secret, but who may replace
// them is.
func Load(file string) (*Set, error) {
	s, wide, err := read(file)
	if err = cmp.Or(wide, err); err != nil {
		return nil, err
	}
	return s, nil
}

// maxFile is how long a file of keys may be: a key takes some 300 bytes.
const maxFile = 16 << 20

// read reads the keys of a file whoever may write it; wide says that others may.
func read(file string) (s *Set, wide, err error) {
	s = &Set{keys: make(map[string]Key)}
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait for a writer of a pipe
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no regular file (%s)", file, info.Mode())
	}
	if info.Size() > maxFile {
		return nil, nil, fmt.Errorf("%s has %d bytes, at most %d are read", file, info.Size(), maxFile)
	}
	if info.Mode().Perm()&0o007 != 0 || info.Mode().Perm()&0o020 != 0 {
		wide = fmt.Errorf("%s has mode %04o: others may read or write it, make it 0600 (or 0640 for a mounted file)", file, info.Mode().Perm())
	}
	var all []Key
	dec := json.NewDecoder(io.LimitReader(f, maxFile))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&all); err != nil {
		return nil, wide, fmt.Errorf("%s: %w", file, err)
	}
	if all == nil {
		return nil, wide, fmt.Errorf("%s holds null: without keys it is [], or not there", file)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, wide, fmt.Errorf("%s goes on after its list of keys", file)
	}
	for i, k := range all {
		if err := k.validate(); err != nil {
			return nil, wide, fmt.Errorf("%s: key %d: %w", file, i+1, err)
		}
		if _, twice := s.keys[k.ID]; twice {
			return nil, wide, fmt.Errorf("%s: key %q stands twice", file, k.ID)
		}
		s.keys[k.ID] = k
	}
	return s, wide, nil
}

// both returns the keys of s that are among those of o, too, with their secret, each with what
// it may do in both.
func (s *Set) both(o *Set) *Set {
	out := &Set{keys: make(map[string]Key)}
	for id, k := range s.keys {
		if now, ok := o.keys[id]; ok && k.narrow(now) {
			out.keys[id] = k
		}
	}
	return out
}

// narrow leaves to a key what another version of it may do as well, and says whether that is
// anything.
func (k *Key) narrow(o Key) bool {
	if k.Same(&o) {
		return true
	}
	var scopes []Scope
	for _, s := range Scopes {
		if k.May(s) && o.May(s) {
			scopes = append(scopes, s)
		}
	}
	k.Scopes = scopes
	switch {
	case len(o.Sensors) == 0 || slices.Equal(k.Sensors, o.Sensors):
	case len(k.Sensors) == 0:
		k.Sensors = o.Sensors
	default: // of patterns those that stand in both
		k.Sensors = slices.DeleteFunc(slices.Clone(k.Sensors), func(p string) bool { return !slices.Contains(o.Sensors, p) })
		if len(k.Sensors) == 0 {
			return false
		}
	}
	if few := o.MayBring(); few < k.MayBring() {
		k.NewSensors = &few
	}
	if o.Rate > 0 && (k.Rate == 0 || o.Rate < k.Rate) {
		k.Rate = o.Rate
	}
	if k.Expires.IsZero() || !o.Expires.IsZero() && o.Expires.Before(k.Expires) {
		k.Expires = o.Expires
	}
	return k.Digest == o.Digest && len(k.Scopes) > 0
}

func (k *Key) validate() error {
	if b, err := hex.DecodeString(k.Digest); err != nil || len(b) != sha256.Size || strings.ToLower(k.Digest) != k.Digest {
		return errors.New("sha256 is no digest in lower-case hex")
	}
	if k.ID == "" || strings.Contains(k.ID, "_") {
		return fmt.Errorf("%q is no ID", k.ID)
	}
	if k.Name == "" || len(k.Name) > 100 {
		return errors.New("a name has 1 to 100 bytes")
	}
	if len(k.Scopes) == 0 {
		return errors.New("no scopes: use ingest, read, admin")
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Scopes, s) {
			return fmt.Errorf("%q is no scope: use ingest, read, admin", s)
		}
	}
	if !(k.Rate >= 0 && k.Rate <= 1e6) || k.MayBring() < 0 {
		return errors.New("windows_per_second is 0 to 1e6, and new_sensors_per_day not negative")
	}
	if k.Sensors != nil && len(k.Sensors) == 0 {
		return errors.New("sensors is an empty list: leave it out for all of them")
	}
	for _, p := range k.Sensors {
		if _, err := path.Match(p, "x"); err != nil || p == "" {
			return fmt.Errorf("%q is no pattern of sensor names, such as pump-*", p)
		}
	}
	return nil
}

// Create adds a key of that name to the file, which it makes if it is missing, and
// returns it with the token that its holder sends. Nobody can read the token again.
func Create(file string, k Key, now time.Time) (Key, string, error) {
	var random [7 + 32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return k, "", err
	}
	secret := encoding.EncodeToString(random[7:])
	sum := sha256.Sum256([]byte(secret))
	k.ID, k.Digest, k.Created = encoding.EncodeToString(random[:7]), hex.EncodeToString(sum[:]), now.UTC().Truncate(time.Second)
	if err := k.validate(); err != nil {
		return k, "", err
	}
	err := edit(file, func(s *Set) error {
		s.keys[k.ID] = k
		return nil
	})
	return k, prefix + k.ID + "_" + secret, err
}

// Revoke removes a key from the file.
func Revoke(file, id string) error {
	return edit(file, func(s *Set) error {
		if _, ok := s.keys[id]; !ok {
			for other, k := range s.keys {
				if k.Name == id {
					return fmt.Errorf("there is no key with the ID %q: did you mean %s, which has that name?", id, other)
				}
			}
			return fmt.Errorf("there is no key %q: see brinell keys list", id)
		}
		delete(s.keys, id)
		return nil
	})
}

// edit replaces the file by one with changes, of the same owner and mode. A lock beside it
// keeps two editors from losing each other's keys.
func edit(file string, change func(*Set) error) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	in, err := os.Stat(dir)
	if err != nil {
		return err
	}
	lock, err := openLock(file+".lock", in)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	s, err := Load(file)
	if err != nil {
		return err
	}
	if err := change(s); err != nil {
		return err
	}
	b, err := json.MarshalIndent(s.All(), "", "  ")
	if err != nil {
		return err
	}
	was, err := os.Stat(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return files.Replace(file, append(b, '\n'), func(f *os.File) error {
		o, ok := inherit(was, in, os.Geteuid())
		if !ok {
			return nil // mode 0600, as it is made
		}
		return o.give(f)
	})
}
