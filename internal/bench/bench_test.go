package bench

import "testing"

// BenchmarkCases runs what "brinell bench" runs, apart from the loads.
func BenchmarkCases(b *testing.B) {
	cases, err := workloads()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			run, per := c.prepare()
			b.ReportAllocs()
			b.ResetTimer()
			run(b.N)
			if per != 0 {
				b.ReportMetric(per*float64(b.N)/b.Elapsed().Seconds(), c.unit)
			}
		})
	}
}
