// Package settings reads what is set for a command: its flags, the environment, a file. It knows
// quantities with units, sizes and ages, and says what a mistyped name was to be. What the
// settings mean is left to whom they are for.
package settings

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// Where a value comes from, the strongest first.
const (
	FromFlag    = "flag"
	FromEnv     = "env"
	FromFile    = "file"
	FromDefault = "default"
)

// Origin tells where the value of a flag comes from.
type Origin struct {
	Layer string
	Place string // the variable, or file and line
}

// originNote is the annotation of a flag with its origin.
const originNote = "brinell_origin"

// OriginOf tells where the value of f comes from, after Configure.
func OriginOf(f *pflag.Flag) Origin {
	if a := f.Annotations[originNote]; len(a) == 2 {
		return Origin{a[0], a[1]}
	}
	return Origin{Layer: FromDefault}
}

// FileFlag names the flag of the file of settings, which is no setting itself.
const FileFlag = "config"

// EnvName is the variable of a flag: BRINELL_DATA_DIR of data-dir.
func EnvName(flag string) string {
	return "BRINELL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Configure sets every flag that the command line left alone from the environment, and
// where that is silent and the command has --config, from the file. It notes where
// each value comes from, for OriginOf.
func Configure(flags *pflag.FlagSet) error {
	origins := make(map[string]Origin)
	flags.VisitAll(func(f *pflag.Flag) {
		origins[f.Name] = Origin{Layer: FromDefault}
		if f.Changed {
			origins[f.Name] = Origin{Layer: FromFlag, Place: "--" + f.Name}
		}
	})
	k := koanf.New("/") // no key has a slash: none is taken apart
	if f := flags.Lookup(FileFlag); f != nil {
		path := f.Value.String()
		if v, ok := os.LookupEnv(EnvName(FileFlag)); ok && !f.Changed {
			path = v
		}
		if path != "" {
			s, err := Read(path, flags)
			if err != nil {
				return err
			}
			if err := k.Load(layer(s.Values), nil); err != nil {
				return err
			}
			for name := range s.Values {
				if origins[name].Layer == FromDefault {
					origins[name] = Origin{FromFile, s.Place(name)}
				}
			}
		}
	}
	env := make(layer)
	flags.VisitAll(func(f *pflag.Flag) {
		if v, ok := os.LookupEnv(EnvName(f.Name)); ok {
			env[f.Name] = v
			if origins[f.Name].Layer != FromFlag {
				origins[f.Name] = Origin{FromEnv, EnvName(f.Name)}
			}
		}
	})
	if err := k.Load(env, nil); err != nil {
		return err
	}
	for _, name := range k.Keys() {
		o := origins[name]
		if o.Layer == FromFlag {
			continue
		}
		if err := flags.Set(name, k.String(name)); err != nil {
			err = ValueError(err)
			if o.Layer == FromEnv {
				return Usagef("environment variable %s: %w", o.Place, err)
			}
			return Usagef("%s: %w", o.Place, err)
		}
	}
	for name, o := range origins {
		if err := flags.SetAnnotation(name, originNote, []string{o.Layer, o.Place}); err != nil {
			return err
		}
	}
	return nil
}

// layer is one source of settings, a koanf.Provider.
type layer map[string]any

func (l layer) Read() (map[string]any, error) { return l, nil }

func (layer) ReadBytes() ([]byte, error) { return nil, errors.ErrUnsupported }

// File is a file of settings: YAML, one key for each flag, by its name.
type File struct {
	path   string
	Values layer
	Lines  map[string]int
}

// Place says where in the file a key stands.
func (s *File) Place(name string) string { return fmt.Sprintf("%s:%d", s.path, s.Lines[name]) }

// Read reads a file whose keys are names of flags. The error names the lines of
// all that is wrong.
func Read(path string, flags *pflag.FlagSet) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, Usagef("--config: %w", err)
	}
	s := &File{path: path, Values: make(layer), Lines: make(map[string]int)}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, Usagef("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return s, nil // nothing but comments
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, Usagef("%s:%d: want lines of key: value", path, top.Line)
	}
	var wrong []error
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		fail := func(format string, args ...any) {
			wrong = append(wrong, fmt.Errorf("%s:%d: "+format, append([]any{path, key.Line}, args...)...))
		}
		name := key.Value
		switch {
		case flags.Lookup(name) == nil || name == FileFlag || name == "help":
			fail("unknown key %q%s", name, nearestKey(name, flags))
			continue
		case s.Lines[name] != 0:
			fail("%s stands in line %d already", name, s.Lines[name])
			continue
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			fail("%s wants one value", name)
			continue
		}
		s.Lines[name], s.Values[name] = key.Line, value.Value
	}
	if len(wrong) > 0 {
		return nil, Usage(errors.Join(wrong...))
	}
	return s, nil
}

// nearestKey returns a hint at the known key that is most like name, if one is.
func nearestKey(name string, flags *pflag.FlagSet) string {
	known := slices.DeleteFunc(FlagNames(flags), func(n string) bool { return n == FileFlag || n == "help" })
	if best := Closest(name, known); best != "" {
		return fmt.Sprintf(": did you mean %s?", best)
	}
	return ": see brinell serve --help"
}
