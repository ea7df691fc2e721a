package mutants

// alarms is the machine that makes alarms of diagnoses.
var alarms = join(
	in("internal/alarm/machine.go", ".",
		change{`const maxTracks = 128`, `const maxTracks = 127`},
		change{`epoch == m.Epoch && !at.After(m.Last):`, `epoch == m.Epoch && at.Before(m.Last):`},
		change{`d.Quality.Has(bearing.Late) || epoch`, `epoch`},
		change{`if d.Quality.Level == bearing.Unusable {`, `if d.Quality.Level == bearing.Degraded {`},
		change{`t.Alarm.State != bearing.AlarmReturned
`, `t.Alarm.State != bearing.AlarmActive
`},
		change{`if t.On++; t.On == 1 {`, `if t.On++; t.On >= 1 {`},
		change{`if t.Off++; t.Off == 1 {`, `if t.Off++; t.Off >= 1 {`},
		change{`	t.Off, t.OffSince = 0, time.Time{}
	if t.On++`, `	t.OffSince = time.Time{}
	if t.On++`},
		change{`t.On, t.OnSince = 0, time.Time{}`, `t.OnSince = time.Time{}`},
		change{`if latch && t.Alarm.Acknowledged == nil {`, `if latch {`},
		change{`count >= max(1, d.Count) && span`, `count > max(1, d.Count) && span`},
		change{`span.Seconds() >= d.Seconds`, `span.Seconds() > d.Seconds`},
		change{`if m.Silent != nil || m.Hushed {`, `if m.Silent != nil {`},
		change{`slices.Contains(faults, d.Fault) && p >= c.Probability`, `slices.Contains(faults, d.Fault) && p > c.Probability`},
		change{`z.Zone >= c.Zone`, `z.Zone > c.Zone`},
		change{`limit), v > limit`, `limit), v >= limit`},
		change{`if open && c.Until != nil {`, `if c.Until != nil {`},
		change{`m.Silent, m.Hushed = nil, true`, `m.Silent, m.Hushed = nil, false`},
		change{`bearing.AlarmClosed, nil, nil }`, `bearing.AlarmClosed, a.ShelvedUntil, nil }`},
		change{`if a.ShelvedUntil == nil || a.Shelved(now) {`, `if a.ShelvedUntil == nil {`},
	),
	in("internal/alarm/behind.go", ".",
		change{`SettleCount = 10`, `SettleCount = 9`},
		change{`SettleSpan  = 10 * time.Minute`, `SettleSpan  = 9 * time.Minute`},
		change{`LoneCount   = 3`, `LoneCount   = 4`},
		change{`LoneSpan    = 24 * time.Hour`, `LoneSpan    = 23 * time.Hour`},
		change{`const bufferSlack = time.Minute`, `const bufferSlack = 2 * time.Minute`},
		change{`.Abs()/2 > span+bufferSlack/2`, `.Abs() > span+bufferSlack/2`},
		change{`m.Behind.reaches(came, 2)`, `m.Behind.reaches(came, 1)`},
	),
)

// storage is what is written, in which order, and for how long it is kept.
var storage = join(
	in("internal/store/writer.go", "FailedCommit|Events|Replaced|OneBatch|Ready",
		change{`if db.stored && db.cfg.Committed != nil {`, `if db.cfg.Committed != nil {`},
		change{`r.answer <- result{err: err}`, `r.answer <- result{}`},
		change{`db.failed.Store(nil)`, `db.failed.Load()`},
		change{`	db.stored = true
	if db.cause = db.inPlace(); db.cause != nil {`, `	db.stored = true
	if db.cause = db.inPlace(); false {`},
		change{`	db.stored = false
	if db.cause = db.inPlace(); db.cause != nil {`, `	db.stored = false
	if db.cause = db.inPlace(); false {`},
		change{`db.rawBytes, db.clock.hour = raw, db.clock.written`, `_, db.clock.hour = raw, db.clock.written`},
	),
)

// access is who may do what.
var access = join(
	in("internal/keys/keys.go", ".",
		change{`slices.Contains(k.Scopes, s) || slices.Contains(k.Scopes, Admin)`, `slices.Contains(k.Scopes, s)`},
		change{`len(k.Sensors) == 0 || slices.ContainsFunc(k.Sensors,`, `slices.ContainsFunc(k.Sensors,`},
		change{`return ok && err == nil
	})`, `return ok || err == nil
	})`},
		change{`if !same || !known || !strings.HasPrefix(token, prefix) {`, `if !same || !known {`},
		change{`if !same || !known || !strings.HasPrefix(token, prefix) {`, `if !same && !known || !strings.HasPrefix(token, prefix) {`},
		change{`!k.Expires.IsZero() && !now.Before(k.Expires)`, `!k.Expires.IsZero() && now.After(k.Expires)`},
		change{`&0o007 != 0 || info.Mode().Perm()&0o020 != 0`, `&0o007 != 0`},
		change{`info.Mode().Perm()&0o007 != 0 ||`, `info.Mode().Perm()&0o002 != 0 ||`},
		change{`const DefaultNewSensors = 1000`, `const DefaultNewSensors = 1001`},
		change{`const maxFile = 16 << 20`, `const maxFile = 32 << 20`},
		change{`dec.DisallowUnknownFields()`, ``},
		change{`if k.May(s) && o.May(s) {`, `if k.May(s) || o.May(s) {`},
		change{`k.Expires.IsZero() || !o.Expires.IsZero() && o.Expires.Before(k.Expires)`, `k.Expires.IsZero()`},
		change{`o.Rate > 0 && (k.Rate == 0 || o.Rate < k.Rate)`, `o.Rate > 0 && k.Rate == 0`},
		change{`if few := o.MayBring(); few < k.MayBring() {`, `if few := o.MayBring(); few > k.MayBring() {`},
		change{`to.sync(tmp), tmp.Close()`, `tmp.Close()`},
		change{`errors.Join(to.sync(d), d.Close())`, `d.Close()`},
		change{`if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {`, `if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH); err != nil {`},
	),
	in("internal/keys/ring.go", ".",
		change{`const lookEvery = 500 * time.Millisecond`, `const lookEvery = 600 * time.Millisecond`},
		change{`r.set = r.set.both(s)`, `r.set = s`},
		change{`if err == nil && !r.broken && same(info, r.was) {`, `if err == nil && same(info, r.was) {`},
	),
	in("internal/keys/owner.go", ".",
		change{`o.mode = 0o600`, `o.mode = 0o640`},
		change{`os.O_RDWR|syscall.O_NOFOLLOW, 0)`, `os.O_RDWR, 0)`},
	),
)

var quality, computing []mutant

// evidence is what is found of a bearing's lines in a window.
var evidence = join(
	in("features/lines/comb.go", "CombScore|Combs|GoldenEvidence",
		change{`decay     = 0.7`, `decay     = 0.5`},
		change{`maxSlip   = 0.012`, `maxSlip   = 0.010`},
		change{`slips     = 12`, `slips     = 11`},
		change{`slipCost  = 40`, `slipCost  = 30`},
		change{`freeLow, freeHigh, freeRatio = 1.3, 14, 1.003`, `freeLow, freeHigh, freeRatio = 1.5, 14, 1.003`},
		change{`freeLow, freeHigh, freeRatio = 1.3, 14, 1.003`, `freeLow, freeHigh, freeRatio = 1.3, 12, 1.003`},
		change{`freeLow, freeHigh, freeRatio = 1.3, 14, 1.003`, `freeLow, freeHigh, freeRatio = 1.3, 14, 1.004`},
		change{`const decoys = 40`, `const decoys = 38`},
		change{`near(o.BPFI-1) || near(o.BPFI+1) || near(o.BSF2()-o.FTF)`, `near(o.BPFI+1) || near(o.BSF2()-o.FTF)`},
		change{`lo, hi = 0.7*lo, 1.3*hi`, `lo, hi = 0.8*lo, 1.3*hi`},
		change{`c.peak(1.5 * order)}`, `c.peak(1.25 * order)}`},
	),
	in("features/lines/analyzer.go", "GoldenEvidence|LongWindows|Among",
		change{`lowEdge  = 100.0`, `lowEdge  = 200.0`},
		change{`highEdge = 5000.0`, `highEdge = 4500.0`},
		change{`bandTop  = 0.4`, `bandTop  = 0.38`},
		change{`segmentTurns = 30`, `segmentTurns = 28`},
		change{`floorHalf = 0.6`, `floorHalf = 0.7`},
		change{`toneOver  = 16`, `toneOver  = 14`},
		change{`math.Sqrt(max(0, z*z-2*math.Log(float64(n))))`, `math.Sqrt(max(0, z*z-math.Log(float64(n))))`},
		change{`sq*float64(n)/(sum*sum)-2`, `sq*float64(n)/(sum*sum)-1`},
	),
	in("features/lines/shaft.go", "GoldenEvidence",
		change{`shaftTop    = 18`, `shaftTop    = 7`},
		change{`shaftFloor  = 30`, `shaftFloor  = 26`},
		change{`shaftMost   = 3.0`, `shaftMost   = 2.5`},
		change{`shaftDecoys = 64`, `shaftDecoys = 60`},
	),
	in("features/lines/speed.go", "GoldenEvidence|ShortWindows",
		change{`slowest, fastest = 8.0, 70.0`, `slowest, fastest = 8.0, 60.0`},
		change{`speedTop         = 1500.0`, `speedTop         = 1200.0`},
		change{`speedFloor       = 40.0`, `speedFloor       = 30.0`},
		change{`sameSpeed        = 0.03`, `sameSpeed        = 0.02`},
	),
	in("features/lines/resolve.go", "Turns",
		change{`resolution  = 1.5`, `resolution  = 1.4`},
		change{`MostTurns = 20`, `MostTurns = 19`},
	),
)

// learning is what trains, what is kept of it, and what may be scored.
var learning = join(
	in("models/nn/norm.go", "RunningStatistics",
		change{`sq/max(1, m-1)`, `sq/max(1, m)`},
		change{`bnEpsilon  = 1e-5`, `bnEpsilon  = 1e-4`},
		change{`bnMomentum = 0.1`, `bnMomentum = 0.2`},
	),
	in("models/artefact.go", "SaveLasts",
		change{`err = sync(f)`, `err = nil`},
		change{`err = f.Chmod(0o644)`, `err = nil`},
	),
	in("models/model.go", "LeakError",
		change{`from < s.To && s.From < to`, `from <= s.To && s.From < to`},
		change{`from < s.To && s.From < to`, `from < s.To && s.From <= to`},
	),
	in("dataset/corpus.go", "Overlaps",
		change{`r.From < o.To && o.From < r.To`, `r.From <= o.To && o.From < r.To`},
		change{`r.From < o.To && o.From < r.To`, `r.From < o.To && o.From <= r.To`},
	),
	in("models/train/recipe.go", "DefaultHop",
		change{`const DefaultHop = 1.0 / 16`, `const DefaultHop = 1.0 / 2`},
	),
)
