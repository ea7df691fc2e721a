package learn

import (
	"runtime"
	"sync"

	"brinell/models/nn"
)

// Each calls do with the answer for each row of x, on all processors and therefore for
// several rows at a time, in no order. The answer is valid until do returns.
func Each(e Estimator, outputs int, x nn.Tensor, do func(row int, answer []float32)) {
	first := e.Predictor()
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			p, z := first.Clone(), make([]float32, outputs)
			for n := w * x.N / workers; n < (w+1)*x.N/workers; n++ {
				p.Predict(z, x.At(n))
				do(n, z)
			}
		})
	}
	wg.Wait()
}
