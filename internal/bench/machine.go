package bench

import (
	"context"
	"runtime"
	"time"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/parallel"
)

// Machine is how fast this machine is, whatever the model.
type Machine struct {
	Peaks
	ReadSpeed float64   `json:"read_bytes_per_second"`
	Products  []Product `json:"products"` // of every kernel there is
}

// Product is the speed of a linear layer's forward product.
type Product struct {
	Kernel string  `json:"kernel"`
	GFlops float64 `json:"gflops"`
}

// Of a linear layer of Qwen2-0.5B's MLP.
const (
	productRows = 512
	productIn   = 896
	productOut  = 4864
)

// MeasureMachine takes about two seconds. Nothing else may be computed meanwhile:
// every kernel is put to use in turn.
func MeasureMachine(ctx context.Context) (*Machine, error) {
	defer isa.Use(isa.Current())
	m := &Machine{}
	m.sample()
	memory := make([]uint16, 64<<20) // 128 MiB
	parallel.Range(len(memory), 1<<20, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			memory[i] = dtype.ToBF16(float32(i%255)/255 - 0.5)
		}
	})
	for _, set := range isa.Available() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		isa.Use(set)
		m.Products = append(m.Products, Product{set.String(), productSpeed(memory) / 1e9})
	}
	m.ReadSpeed = readSpeed(memory)
	runtime.KeepAlive(memory)
	m.sample()
	return m, nil
}

// productSpeed is the rate of the fastest of some products with weights that are
// not in the caches, in operations a second; fewer rows where it is slow.
func productSpeed(memory []uint16) float64 {
	a, c := make([]float32, productRows*productIn), make([]float32, productRows*productOut)
	for i := range a {
		a[i] = float32(i%13) - 6
	}
	const size = productIn * productOut
	best, rows := 0.0, 48
	for i, began := 0, time.Now(); i < 12 && time.Since(began) < time.Second/2; i++ {
		w := blas.Source{DType: dtype.BF16, Rows: productOut, Cols: productIn, U16: memory[i*size:][:size]}
		start := time.Now()
		blas.MulT(c, productOut, a, productIn, rows, w, false)
		took := time.Since(start)
		best = max(best, 2*float64(rows)*size/took.Seconds())
		if took < 20*time.Millisecond {
			rows = productRows
		}
	}
	return best
}
