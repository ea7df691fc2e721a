package bearing

import (
	"cmp"
	"slices"
)

// family is the rows that begin with the same number, as far as one of them may be found by that
// number: those without a contact angle.
type family struct {
	rows  []member // by key
	apart int      // how many of them do not agree with the first
}

type member struct {
	key    string
	orders Orders
}

// set adds a row, or replaces the one of that key.
func (f *family) set(m member) {
	i, found := f.at(m.key)
	switch {
	case found:
		f.count(f.rows[i], -1)
		f.rows[i] = m
	default:
		f.rows = slices.Insert(f.rows, i, m)
	}
	f.changed(i, m, 1)
}

func (f *family) remove(key string) {
	i, found := f.at(key)
	if !found {
		return
	}
	gone := f.rows[i]
	f.rows = slices.Delete(f.rows, i, i+1)
	f.changed(i, gone, -1)
}

// changed counts anew after the row at i was set or removed: all where it was the first, with
// which they are compared, or else that row alone.
func (f *family) changed(i int, m member, by int) {
	if i > 0 {
		f.count(m, by)
		return
	}
	f.apart = 0
	for _, m := range f.rows {
		f.count(m, 1)
	}
}

func (f *family) count(m member, by int) {
	if !agree(f.rows[0].orders, m.orders) {
		f.apart += by
	}
}

func (f *family) at(key string) (int, bool) {
	return slices.BinarySearchFunc(f.rows, key, func(m member, key string) int { return cmp.Compare(m.key, key) })
}

// add sets a row in the catalogue and in what finds it.
func (c *Catalogue) add(b KnownBearing) {
	key := DesignationKey(b.Designation)
	c.remove(key)
	c.rows[key] = b
	i, _ := slices.BinarySearch(c.order, key)
	c.order = slices.Insert(c.order, i, key)
	base := baseOf(b.Designation)
	if base == "" || b.Geometry.ContactAngle != 0 {
		return
	}
	f := c.families[base]
	if f == nil {
		f = new(family)
		c.families[base] = f
	}
	f.set(member{key, b.Orders()})
}

func (c *Catalogue) remove(key string) {
	b, ok := c.rows[key]
	if !ok {
		return
	}
	delete(c.rows, key)
	if i, found := slices.BinarySearch(c.order, key); found {
		c.order = slices.Delete(c.order, i, i+1)
	}
	base := baseOf(b.Designation)
	if f := c.families[base]; f != nil {
		if f.remove(key); len(f.rows) == 0 {
			delete(c.families, base)
		}
	}
}

// ofFamily returns the row that a number finds: the one without suffixes, which is the first, or
// else the first if all agree.
func (c *Catalogue) ofFamily(base string) (KnownBearing, bool) {
	f := c.families[base]
	if f == nil {
		return KnownBearing{}, false
	}
	b := c.rows[f.rows[0].key]
	if b.Designation == base || f.apart == 0 {
		return b, true
	}
	return KnownBearing{}, false
}

// Page returns up to limit rows, in the order of their designations, whose DesignationKey is
// after one.
func (c *Catalogue) Page(after string, limit int) []KnownBearing {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, found := slices.BinarySearch(c.order, after)
	if found {
		i++
	}
	keys := c.order[i:min(len(c.order), i+limit)]
	rows := make([]KnownBearing, len(keys))
	for i, key := range keys {
		rows[i] = c.rows[key]
	}
	return rows
}
