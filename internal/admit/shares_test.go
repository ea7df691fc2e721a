package admit

import "testing"

// TestMemoryShares: a tenant that takes what it can get leaves some for another, and one with
// little finds room beside what is judged and shown.
func TestMemoryShares(t *testing.T) {
	m := NewMemory(8000) // 3000 of it for bodies, 125 is little
	fill := func(tenant string, step int64) (n int64) {
		for m.TakeFor(tenant, step) {
			n += step
		}
		if m.FitsFor(tenant, step) {
			t.Errorf("%d fit for %s, and are not taken", step, tenant)
		}
		return n
	}
	a := fill("a", 100)
	if a != 2000 || m.Most(Receive) != 2000 {
		t.Errorf("one tenant gets %d of 3000, and at most %d", a, m.Most(Receive))
	}
	if b := fill("b", 100); b < 500 || b > 700 {
		t.Errorf("a second one gets %d", b)
	}
	if !m.Take(Judge, 4800) {
		t.Fatal("there is no room to judge")
	}
	if c := fill("c", 25); c != 125 {
		t.Errorf("one with little gets %d beside it, want 125", c)
	}
	if m.FitsFor("a", 1) {
		t.Error("one with much finds room while there is none")
	}
	if m.HoldFor("c", 10); m.FitsFor("c", 1) {
		t.Error("what is held does not count")
	}
	m.Give(4800)
	for tenant, n := range m.shares.by {
		m.GiveFor(tenant, n)
	}
	if m.Used() != 0 || len(m.shares.by) != 0 {
		t.Errorf("%d are used, by %v", m.Used(), m.shares.by)
	}
	var none *Memory
	none.HoldFor("a", 1)
	if none.GiveFor("a", 1); !none.TakeFor("a", 1<<62) || !none.FitsFor("a", 1<<62) {
		t.Error("no budget refuses something")
	}
}
