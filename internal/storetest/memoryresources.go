package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"brinell/bearing"
)

// PutResource implements Store.
func (m *Memory) PutResource(
	ctx context.Context, kind, key string, doc []byte, match int64,
) (version int64, created bool, err error) {
	err = m.change(ctx, func() ([]bearing.Event, error) {
		before, there := m.resources[kind][key]
		if err := bearing.MatchVersion(before.Version, match); err != nil {
			return nil, err
		}
		m.version++
		version, created = m.version, !there
		if m.resources[kind] == nil {
			m.resources[kind] = make(map[string]bearing.Resource)
		}
		m.resources[kind][key] = bearing.Resource{Key: key, Version: version, Doc: slices.Clone(doc)}
		return nil, nil
	})
	return version, created, err
}

// DeleteResource implements Store.
func (m *Memory) DeleteResource(ctx context.Context, kind, key string, match int64) error {
	return m.change(ctx, func() ([]bearing.Event, error) {
		before, there := m.resources[kind][key]
		if !there {
			return nil, bearing.ResourceNotFound(kind, key)
		}
		if err := bearing.MatchVersion(before.Version, match); err != nil {
			return nil, err
		}
		delete(m.resources[kind], key)
		return nil, nil
	})
}

// Resource implements Store.
func (m *Memory) Resource(ctx context.Context, kind, key string) (bearing.Resource, error) {
	return read(ctx, m, func() (bearing.Resource, error) {
		r, there := m.resources[kind][key]
		if !there {
			return r, bearing.ResourceNotFound(kind, key)
		}
		r.Doc = slices.Clone(r.Doc)
		return r, nil
	})
}

// ResourceVersion implements Store.
func (m *Memory) ResourceVersion(ctx context.Context, kind, key string) (int64, error) {
	return read(ctx, m, func() (int64, error) {
		if r, there := m.resources[kind][key]; there {
			return r.Version, nil
		}
		return bearing.NoVersion, nil
	})
}

// Resources implements Store.
func (m *Memory) Resources(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error) {
	return m.list(ctx, kind, limit, func(r bearing.Resource) (bearing.Part, bool) {
		return bearing.Part{Key: r.Key}, r.Key > after
	})
}

// list returns the first resources of a kind that are wanted, in the order of their places.
func (m *Memory) list(
	ctx context.Context, kind string, limit int, place func(bearing.Resource) (at bearing.Part, wanted bool),
) ([]bearing.Resource, error) {
	return read(ctx, m, func() (out []bearing.Resource, err error) {
		for _, r := range m.resources[kind] {
			if _, wanted := place(r); wanted {
				r.Doc = slices.Clone(r.Doc)
				out = append(out, r)
			}
		}
		slices.SortFunc(out, func(a, b bearing.Resource) int {
			p, _ := place(a)
			q, _ := place(b)
			return comparePlaces(p, q)
		})
		return out[:min(limit, len(out))], nil
	})
}

func comparePlaces(a, b bearing.Part) int {
	return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Key, b.Key))
}

// partOf returns what a resource is a part of, "" for nothing: an inspection is of its sensor.
func partOf(kind string, r bearing.Resource) string {
	var of struct{ Sensor, Machine string }
	if err := json.Unmarshal(r.Doc, &of); err != nil {
		return ""
	}
	return map[string]string{bearing.KindInspection: of.Sensor, bearing.KindSensor: of.Machine}[kind]
}

// ResourcesOf implements Store.
func (m *Memory) ResourcesOf(
	ctx context.Context, kind string, of bearing.Parts, after bearing.Part, limit int,
) ([]bearing.Resource, error) {
	return m.list(ctx, kind, limit, func(r bearing.Resource) (bearing.Part, bool) {
		at := bearing.Part{Of: partOf(kind, r), Key: r.Key}
		return at, at.Of != "" && of.Covers(at.Of) && comparePlaces(at, after) > 0
	})
}

// CountOf implements Store.
func (m *Memory) CountOf(ctx context.Context, kind string, of bearing.Parts, most int) (int, error) {
	return read(ctx, m, func() (n int, err error) {
		for _, r := range m.resources[kind] {
			part := r.Key
			if kind != bearing.KindSensor {
				part = partOf(kind, r)
			}
			if part != "" && of.Covers(part) {
				n++
			}
		}
		return min(n, most), nil
	})
}
