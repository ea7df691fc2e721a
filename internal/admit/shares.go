package admit

import "sync"

// shares are the bytes that each tenant holds of the part of a budget for bodies.
type shares struct {
	mu sync.Mutex
	by map[string]int64
}

// A tenant with little is one that holds no more than a 64th of the budget. What is little
// may also take what large grants leave.
const little = 64

// TakeFor counts n bytes of bodies of a tenant, or reports that they are not there now. A
// tenant holds twice what is left at most, so that however many take what they can get, there
// is some for another one: two thirds of it all for one, two fifths for each of two. One that
// has little is refused only where the whole budget is full, whatever is judged and shown
// beside it.
//
// Reference: Choudhury, Hahne, "Dynamic queue length thresholds for shared-memory packet
// switches", IEEE/ACM Transactions on Networking 6(2), 1998.
func (m *Memory) TakeFor(tenant string, n int64) bool {
	if m == nil {
		return true
	}
	tenant = Claim{Tenant: tenant}.plant().Tenant
	m.shares.mu.Lock()
	defer m.shares.mu.Unlock()
	if !m.grants(tenant, n) {
		return false
	}
	m.add(n)
	m.shares.add(tenant, n)
	return true
}

// FitsFor says whether TakeFor would count n bytes now.
func (m *Memory) FitsFor(tenant string, n int64) bool {
	if m == nil {
		return true
	}
	tenant = Claim{Tenant: tenant}.plant().Tenant
	m.shares.mu.Lock()
	defer m.shares.mu.Unlock()
	return m.grants(tenant, n)
}

// HoldFor counts n bytes of a tenant that are there already, whether they fit or not.
func (m *Memory) HoldFor(tenant string, n int64) {
	if m == nil {
		return
	}
	tenant = Claim{Tenant: tenant}.plant().Tenant
	m.shares.mu.Lock()
	defer m.shares.mu.Unlock()
	m.Hold(n)
	m.shares.add(tenant, n)
}

// GiveFor gives n bytes of a tenant back.
func (m *Memory) GiveFor(tenant string, n int64) { m.HoldFor(tenant, -n) }

// grants says whether a tenant may have n bytes more, after what is kept without need was let go.
func (m *Memory) grants(tenant string, n int64) bool {
	for !m.room(tenant, n) {
		if !m.again() {
			return false
		}
	}
	return true
}

func (m *Memory) room(tenant string, n int64) bool {
	own, used := m.shares.by[tenant], m.used.Load()
	if own+n <= m.max/little {
		return used+n <= m.max-m.max/(2*little)
	}
	left := m.max/8*eighths[Receive] - used
	return n <= left && (!evenly || own+n <= 2*left)
}

func (s *shares) add(tenant string, n int64) {
	if s.by == nil {
		s.by = make(map[string]int64)
	}
	if n += s.by[tenant]; n > 0 {
		s.by[tenant] = n
	} else {
		delete(s.by, tenant)
	}
}
