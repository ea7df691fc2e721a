package bearing

import (
	"errors"
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// KnownBearing is a row of a catalogue: a bearing whose geometry is known, or whose
// orders are.
type KnownBearing struct {
	Designation string
	Geometry    Geometry // mm, or inches with Inches; zero where Stated holds
	Stated      Orders   // as a table states them; zero where Geometry holds
	Estimate    Estimate // of one that no row has, by its designation: then neither of those holds
	Source      string   // who publishes the figures
	Licence     string   // a short note on their use
	Inches      bool     // the published diameters are in inches
	BuiltIn     bool     // the program's own: may not be replaced

	Beside *KnownBearing // another one that the same sensor hears, nil for none: see Fitted
}

const degree = math.Pi / 180

// facts is the licence of figures that are published beside measurements.
const facts = "published figure of the data set; facts"

// KnownBearings are the bearings of public recordings. Diameters are as published.
var KnownBearings = []KnownBearing{
	{Designation: "6205-2RS", Geometry: Geometry{9, 0.3126, 1.537, 0}, Inches: true, Licence: facts, Source: "CWRU Bearing Data Center, drive end (SKF)"},
	{Designation: "6203-2RS", Geometry: Geometry{8, 0.2656, 1.122, 0}, Inches: true, Licence: facts, Source: "CWRU Bearing Data Center, fan end (SKF)"},
	{Designation: "NICE", Geometry: Geometry{8, 0.235, 1.245, 0}, Inches: true, Licence: facts, Source: "MFPT bearing fault data sets"},
	{Designation: "ZA-2115", Geometry: Geometry{16, 0.331, 2.815, 15.17 * degree}, Inches: true, Licence: facts, Source: "IMS bearing data set, NASA prognostics repository (Rexnord)"},
	{Designation: "FEMTO", Geometry: Geometry{13, 3.5, 25.6, 0}, Licence: facts, Source: "PRONOSTIA, IEEE PHM 2012 challenge; diameters as commonly quoted, not verified"},
	{Designation: "6203-KAT", Geometry: Geometry{8, 6.75, 28.55, 0}, Licence: facts, Source: "Paderborn University (KAt): Lessmeier et al., PHM Europe 2016"},
	{Designation: "ER16K", Geometry: Geometry{9, 7.94, 38.52, 0}, Licence: facts, Source: "University of Ottawa: Huang and Baddour, Data in Brief 21, 2018, SpectraQuest rig (Rexnord)"},
	{Designation: "ER-10K", Geometry: Geometry{8, 0.3125, 1.319, 0}, Inches: true, Licence: facts, Source: "SpectraQuest machinery fault simulator (MB), NPTEL course 112103024, example 15.2"},
	{Designation: "MAFAULDA", Geometry: Geometry{8, 7.145, 28.519, 0}, Licence: facts, Source: "MaFaulDa, machinery fault database of UFRJ (COPPE), bearings of the SpectraQuest trainer"},
	{Designation: "LDK UER204", Geometry: Geometry{8, 7.92, 34.55, 0}, Licence: facts, Source: "XJTU-SY: Wang et al., IEEE Trans. Reliability 2018"},
}

// AppendCandidates appends the orders that the bearing may have: one set of them, or those of an
// estimate; then those of the one beside it.
func (b KnownBearing) AppendCandidates(all []Orders) []Orders {
	if b.Estimate.Known() {
		all = append(all, b.Estimate.Candidates()...)
	} else {
		all = append(all, b.Orders())
	}
	if b.Beside != nil {
		all = b.Beside.AppendCandidates(all)
	}
	return all
}

// Which returns the designation of the bearing that has a candidate, by its place among all.
func (b KnownBearing) Which(candidate int) string {
	own := b
	own.Beside = nil
	if n := len(own.AppendCandidates(nil)); b.Beside != nil && candidate >= n {
		return b.Beside.Which(candidate - n)
	}
	return b.Designation
}

// Orders returns the orders of the bearing: those stated, or those of its geometry; the likeliest
// ones of an estimate.
func (b KnownBearing) Orders() Orders {
	if b.Estimate.Known() {
		return b.Estimate.middle()
	}
	if b.Geometry == (Geometry{}) {
		return b.Stated
	}
	return b.Geometry.Orders()
}

// Bounds of a row.
const (
	maxDesignation = 64
	maxNote        = 200 // bytes of source and licence
	maxElements    = 500
	maxPitch       = 20_000 // mm; the bearing of a tunnelling machine has 8 m
	leastRatio     = 1e-3   // element to pitch diameter
)

// Validate reports what makes the row unusable, as an Invalid *Error with the code
// bearing_name or bearing_invalid, which points at the field in the form of Entry.
//
// Stated orders are held against each other, since two mistakes are common: orders
// of races that are swapped, and the spin frequency in place of twice that. Under
// pure rolling BPFO + BPFI is the number of elements n, FTF is BPFO/n, and 2×BSF is
// cos φ (1-r²)/r with r = (BPFI-BPFO)/n, which leaves only the contact angle φ open.
func (b KnownBearing) Validate() error {
	d := b.Designation
	if !isDesignation(d) || DesignationKey(d) == "" || strings.TrimSpace(d) != d {
		return Errorf(Invalid, "bearing_name", "bearing %q: use 1 to %d printable ASCII characters, letters or digits among them, without blanks at the ends", Clip(d), maxDesignation).At("/designation")
	}
	for _, n := range []struct{ field, text string }{{"source", b.Source}, {"licence", b.Licence}} {
		if len(n.text) > maxNote || !utf8.ValidString(n.text) || strings.ContainsFunc(n.text, unicode.IsControl) {
			return invalidRow("/"+n.field, "%s: use at most %d bytes of text on one line", n.field, maxNote)
		}
	}
	hasGeometry, hasOrders := b.Geometry != (Geometry{}), b.Stated != (Orders{})
	switch {
	case !hasGeometry && !hasOrders:
		return invalidRow("/geometry", "neither geometry nor orders: state elements, element_mm, pitch_mm and contact_deg, or bpfo, bpfi, bsf2 and ftf")
	case hasGeometry && hasOrders:
		return invalidRow("/orders", "both geometry and orders: state one, the orders follow from the geometry")
	case hasGeometry:
		return b.Geometry.check()
	}
	return b.Stated.check()
}

func invalidRow(pointer, format string, args ...any) *Error {
	return Errorf(Invalid, "bearing_invalid", format, args...).At(pointer)
}

// check is stricter than Validate: the figures come from users.
func (g Geometry) check() error {
	switch {
	case g.Elements < 3 || g.Elements > maxElements:
		return invalidRow("/geometry/elements", "%d rolling elements: state 3 to %d", g.Elements, maxElements)
	case !(g.PitchDia > 0) || g.PitchDia > maxPitch:
		return invalidRow("/geometry/pitch_mm", "pitch diameter %g mm: state the diameter of the circle through the elements' centres, at most %d mm", g.PitchDia, maxPitch)
	case !(g.ElementDia >= leastRatio*g.PitchDia) || g.ElementDia > g.PitchDia*math.Sin(math.Pi/float64(g.Elements)):
		return invalidRow("/geometry/element_mm", "%d elements of %g mm do not fit on a pitch circle of %g mm: state diameters, not radii, both in mm", g.Elements, g.ElementDia, g.PitchDia)
	case !(g.ContactAngle >= 0) || g.ContactAngle > 85*degree:
		return invalidRow("/geometry/contact_deg", "contact angle %.4g degrees: state 0 to 85", g.ContactAngle/degree)
	}
	return nil
}

func (o Orders) check() error {
	for _, f := range []struct {
		field string
		v     float64
	}{{"bpfo", o.BPFO}, {"bpfi", o.BPFI}, {"bsf2", o.BSF2()}, {"ftf", o.FTF}} {
		if !(f.v > 0) || f.v > 2*maxElements {
			return invalidRow("/orders/"+f.field, "%s is %g: state all four orders as multiples of the shaft speed, not in Hz", f.field, f.v)
		}
	}
	sum := o.BPFO + o.BPFI
	n := math.Round(sum)
	r := (o.BPFI - o.BPFO) / sum
	spin := (1 - r*r) / r
	switch {
	case o.BPFI <= o.BPFO:
		return invalidRow("/orders/bpfi", "bpfi %g is not above bpfo %g: the inner race is passed more often, swap them", o.BPFI, o.BPFO)
	case n < 3 || math.Abs(sum-n) > 0.05:
		return invalidRow("/orders/bpfi", "bpfo and bpfi add up to %.4g, which is no number of rolling elements: state multiples of the shaft speed with three decimals", sum)
	case math.Abs(o.FTF-o.BPFO/n) > 0.02:
		return invalidRow("/orders/ftf", "ftf is %g, but bpfo over %g elements is %.4g: state the cage's order for an inner ring that turns", o.FTF, n, o.BPFO/n)
	case o.BSF2() < 0.55*spin:
		return invalidRow("/orders/bsf2", "bsf2 is %g, expected up to %.4g: it is twice the spin frequency, double it, or state the geometry", o.BSF2(), spin)
	case o.BSF2() > 1.1*spin:
		return invalidRow("/orders/bsf2", "bsf2 is %g, expected up to %.4g: it is twice the spin frequency, not four times", o.BSF2(), spin)
	}
	return nil
}

// MaxUserBearings is how many rows users may add to a catalogue.
const MaxUserBearings = 10_000

// Catalogue holds bearings by designation: the program's own, which stay as they are,
// and those of users. It is safe for concurrent use.
type Catalogue struct {
	mu       sync.RWMutex
	rows     map[string]KnownBearing // by DesignationKey
	order    []string                // their keys, sorted
	families map[string]*family      // by baseOf
	users    int
}

// NewCatalogue returns a catalogue with rows as its own. It panics if one is invalid or
// stands twice.
func NewCatalogue(rows ...KnownBearing) *Catalogue {
	c := &Catalogue{rows: make(map[string]KnownBearing), families: make(map[string]*family)}
	for _, b := range rows {
		err := b.Validate()
		if _, twice := c.rows[DesignationKey(b.Designation)]; twice {
			err = errors.New("it stands twice")
		}
		if err != nil {
			panic("bearing: catalogue row " + b.Designation + ": " + err.Error())
		}
		b.BuiltIn = true
		c.add(b)
	}
	return c
}

// Lookup returns the bearing of that designation: a row of the catalogue, without the name of a
// maker before it if need be, or else one whose orders are estimated from what the designation
// says by ISO 15.
func (c *Catalogue) Lookup(designation string) (KnownBearing, bool) {
	if b, ok := c.row(designation); ok {
		return b, true
	}
	if rest, made := unmade(designation); made {
		if b, ok := c.row(rest); ok {
			return b, true
		}
	}
	n, ok := numberOf(designation)
	if !ok {
		return KnownBearing{}, false
	}
	if b, ok := c.row(n.String() + n.suffix); ok {
		return b, true
	}
	return estimateOf(n)
}

// row returns the row with the same letters and digits, or else one with the same number before
// its suffixes, which mostly tell seals, clearance and grease: "6205 2Z/C3" finds 6205-2RS. Suffixes also tell contact
// angles, so a row that has one is found by its whole designation only. Of several
// rows the one without suffixes is taken, and if there is none, they must agree.
func (c *Catalogue) row(designation string) (KnownBearing, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if b, ok := c.rows[DesignationKey(designation)]; ok {
		return b, true
	}
	return c.ofFamily(baseOf(designation))
}

// agree reports whether lines are looked for at the same places, slip allowed for.
func agree(a, b Orders) bool {
	near := func(x, y float64) bool { return math.Abs(x-y) <= 0.01*(x+y)/2 }
	return near(a.BPFO, b.BPFO) && near(a.BPFI, b.BPFI) && near(a.BSF, b.BSF)
}

// Rows returns all rows in the order of their designations.
func (c *Catalogue) Rows() []KnownBearing { return c.Page("", math.MaxInt32) }

// Check returns the error that Put would, and puts nothing.
//
// Errors: Invalid bearing_name and bearing_invalid, Conflict bearing_builtin for a
// designation of the program's own, Conflict catalogue_full.
func (c *Catalogue) Check(b KnownBearing) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.check(b)
}

func (c *Catalogue) check(b KnownBearing) error {
	if err := b.Validate(); err != nil {
		return err
	}
	old, ok := c.rows[DesignationKey(b.Designation)]
	switch {
	case ok && old.BuiltIn:
		return Errorf(Conflict, "bearing_builtin", "bearing %s is built in and stays as it is: put yours under another designation, such as %s-OWN, and name that", old.Designation, old.Designation).At("/designation")
	case !ok && c.users >= MaxUserBearings:
		return Errorf(Conflict, "catalogue_full", "the catalogue holds %d bearings of users, no more fit: replace one", MaxUserBearings)
	}
	return nil
}

// Put adds a user's row, or replaces the one of that designation. It keeps the row as
// its Entry says it, so that one that was stored is the same when it is read back. Its
// errors are those of Check.
func (c *Catalogue) Put(b KnownBearing) (replaced bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check(b); err != nil {
		return false, err
	}
	if _, replaced = c.rows[DesignationKey(b.Designation)]; !replaced {
		c.users++
	}
	b.BuiltIn = false
	c.add(b.Entry().Row())
	return replaced, nil
}

// Row returns the row of exactly that designation, as DesignationKey has it.
func (c *Catalogue) Row(designation string) (KnownBearing, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	b, ok := c.rows[DesignationKey(designation)]
	return b, ok
}

// Delete removes a user's row. It leaves the program's own as they are.
func (c *Catalogue) Delete(designation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := DesignationKey(designation)
	b, ok := c.rows[key]
	if !ok || b.BuiltIn {
		return
	}
	c.remove(key)
	c.users--
}

var known = sync.OnceValue(func() *Catalogue { return NewCatalogue(KnownBearings...) })

// LookupBearing returns the known bearing of that designation, as Catalogue.Lookup
// does.
func LookupBearing(designation string) (KnownBearing, bool) { return known().Lookup(designation) }

// CatalogueEntry is a row of a catalogue in the form in which it is stored and the API
// gives it. Keys are added over time, none is renamed.
type CatalogueEntry struct {
	Designation string         `json:"designation"`
	Geometry    *GeometryEntry `json:"geometry,omitempty" doc:"left out where only the orders are known"`
	Orders      OrdersEntry    `json:"orders"`
	Estimated   *EstimateEntry `json:"estimated,omitempty" doc:"of a bearing that no source has: the orders are estimated from its designation, and looked for between these"`
	Source      string         `json:"source" doc:"who publishes the figures"`
	Licence     string         `json:"licence" doc:"a note on their use"`
	BuiltIn     bool           `json:"built_in" doc:"the program's own: cannot be replaced"`
}

// EstimateEntry is what is known of estimated orders.
type EstimateEntry struct {
	ElementsLow  int         `json:"elements_low" doc:"fewest rolling elements in a row"`
	ElementsHigh int         `json:"elements_high" doc:"most rolling elements in a row"`
	Low          OrdersEntry `json:"low" doc:"least of each order"`
	High         OrdersEntry `json:"high" doc:"greatest of each order"`
}

// GeometryEntry is a Geometry in millimetres and degrees.
type GeometryEntry struct {
	Elements   int     `json:"elements" doc:"number of rolling elements"`
	ElementMM  float64 `json:"element_mm" doc:"diameter of a rolling element"`
	PitchMM    float64 `json:"pitch_mm" doc:"diameter of the circle through the elements' centres"`
	ContactDeg float64 `json:"contact_deg" doc:"contact angle"`
}

// OrdersEntry are Orders as bearing tables give them.
type OrdersEntry struct {
	BPFO float64 `json:"bpfo" doc:"outer race, multiple of the shaft speed"`
	BPFI float64 `json:"bpfi" doc:"inner race"`
	BSF2 float64 `json:"bsf2" doc:"rolling element: twice its spin frequency"`
	FTF  float64 `json:"ftf" doc:"cage"`
}

func entryOf(o Orders) OrdersEntry { return OrdersEntry{o.BPFO, o.BPFI, o.BSF2(), o.FTF} }

// rounded returns the orders with so many decimals.
func (e OrdersEntry) rounded(decimals int) OrdersEntry {
	unit := math.Pow10(decimals)
	for _, v := range []*float64{&e.BPFO, &e.BPFI, &e.BSF2, &e.FTF} {
		*v = math.Round(*v*unit) / unit
	}
	return e
}

// Entry returns the row in its outer form. Row is its inverse for rows in
// millimetres; inches are converted.
func (b KnownBearing) Entry() CatalogueEntry {
	o := b.Orders()
	e := CatalogueEntry{Designation: b.Designation, Orders: entryOf(o), Source: b.Source, Licence: b.Licence, BuiltIn: b.BuiltIn}
	if b.Estimate.Known() {
		low, high := b.Estimate.Bounds()
		e.Orders = entryOf(o).rounded(4)
		e.Estimated = &EstimateEntry{b.Estimate.Elements[0], b.Estimate.Elements[1], entryOf(low).rounded(4), entryOf(high).rounded(4)}
	}
	if g := b.Geometry; g != (Geometry{}) {
		e.Orders = e.Orders.rounded(6)
		mm := func(v float64) float64 {
			if !b.Inches {
				return v
			}
			return math.Round(v*25.4*1e6) / 1e6
		}
		e.Geometry = &GeometryEntry{g.Elements, mm(g.ElementDia), mm(g.PitchDia), math.Round(g.ContactAngle/degree*1e9) / 1e9}
	}
	return e
}

// Row returns the row that the entry describes. Where there is a geometry, its orders
// follow from it, whatever Orders says.
func (e CatalogueEntry) Row() KnownBearing {
	b := KnownBearing{Designation: e.Designation, Source: e.Source, Licence: e.Licence, BuiltIn: e.BuiltIn}
	if g := e.Geometry; g != nil {
		b.Geometry = Geometry{g.Elements, g.ElementMM, g.PitchMM, g.ContactDeg * degree}
	} else {
		b.Stated = Orders{e.Orders.BPFO, e.Orders.BPFI, e.Orders.BSF2 / 2, e.Orders.FTF}
	}
	return b
}
