package nn

import (
	"fmt"
	"math"
	"testing"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/tensor"
)

// random returns a matrix of standard normal numbers.
func random(name string, rows, cols int) tensor.Matrix {
	s := rng.New(1, name)
	m := tensor.New(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(s.Normal())
	}
	return m
}

func frozen(name string, rows, cols int) *tensor.Weight {
	return tensor.NewWeight(name, blas.Source{DType: dtype.F32, Rows: rows, Cols: cols, F32: random(name, rows, cols).Data})
}

func dot(a, b tensor.Matrix) float64 {
	var s float64
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			s += float64(v) * float64(b.Row(i)[j])
		}
	}
	return s
}

// checkGradient compares ⟨grad, v⟩ with the derivative of f along a random
// direction v, from a four-point stencil: f is evaluated while x is shifted.
func checkGradient(t *testing.T, name string, x, grad tensor.Matrix, f func() float64) {
	t.Helper()
	const eps = 1e-2
	v := random("direction "+name, x.Rows, x.Cols)
	saved := tensor.New(x.Rows, x.Cols)
	saved.CopyFrom(x)
	at := func(h float64) float64 {
		for i := range x.Rows {
			for j := range x.Row(i) {
				x.Row(i)[j] = saved.Row(i)[j] + float32(h*float64(v.Row(i)[j]))
			}
		}
		return f()
	}
	numeric := (8*(at(eps)-at(-eps)) - (at(2*eps) - at(-2*eps))) / (12 * eps)
	x.CopyFrom(saved)
	analytic := dot(grad, v)
	// float32 noise of f over eps is about 1e-4 of the larger value here.
	if diff := math.Abs(analytic - numeric); diff > 1e-3*(math.Abs(analytic)+math.Abs(numeric))/2+2e-3 {
		t.Errorf("%s: derivative %.6g, differences give %.6g", name, analytic, numeric)
	}
}

func pass(lengths ...int) *Pass {
	p := &Pass{Starts: []int{0}}
	for _, n := range lengths {
		p.Starts = append(p.Starts, p.Rows()+n)
	}
	return p
}

func TestRMSNorm(t *testing.T) {
	for _, d := range []int{1, 7, 32} {
		n := &RMSNorm{W: random("w", 1, d).Data, Eps: 1e-5}
		x, u := random("x", 5, d), random("u", 5, d)
		y, rstd := tensor.New(5, d), make([]float32, 5)
		n.Forward(y, x, rstd)
		for i := range 5 {
			sq := 0.0
			for _, v := range x.Row(i) {
				sq += float64(v) * float64(v)
			}
			for j, v := range x.Row(i) {
				want := float64(v) / math.Sqrt(sq/float64(d)+1e-5) * float64(n.W[j])
				if math.Abs(want-float64(y.Row(i)[j])) > 1e-6*math.Abs(want) {
					t.Fatalf("width %d: y[%d][%d] = %v, want %v", d, i, j, y.Row(i)[j], want)
				}
			}
		}
		again := tensor.New(5, d)
		n.Again(again, x, rstd)
		if fmt.Sprint(again) != fmt.Sprint(y) {
			t.Errorf("width %d: Again differs from Forward", d)
		}
		dx := tensor.New(5, d)
		n.Backward(dx, u, x, rstd)
		checkGradient(t, fmt.Sprint("RMSNorm ", d), x, dx, func() float64 {
			n.Forward(y, x, rstd)
			return dot(y, u)
		})
	}
}

func TestSwiGLU(t *testing.T) {
	g, up, u := random("gate", 4, 9), random("up", 4, 9), random("u", 4, 9)
	y := tensor.New(4, 9)
	loss := func() float64 { SwiGLU(y, g, up); return dot(y, u) }
	loss()
	z := float64(g.Row(2)[3])
	if want := z / (1 + math.Exp(-z)) * float64(up.Row(2)[3]); math.Abs(want-float64(y.Row(2)[3])) > 1e-6 {
		t.Errorf("y = %v, want %v", y.Row(2)[3], want)
	}
	dg, du := tensor.New(4, 9), tensor.New(4, 9)
	SwiGLUBackward(dg, du, u, g, up)
	checkGradient(t, "gate", g, dg, loss)
	checkGradient(t, "up", up, du, loss)
	SwiGLUBackward(g, up, u, g, up)
	if fmt.Sprint(g, up) != fmt.Sprint(dg, du) {
		t.Error("the backward pass in place differs")
	}
}

func TestRoPEAdjoint(t *testing.T) {
	r := &RoPE{InvFreq: []float32{1, 0.1, 0.01}, Scale: 1.25}
	x, u := random("x", 7, 12), random("u", 7, 12)
	y, v := tensor.New(7, 12), tensor.New(7, 12)
	y.CopyFrom(x)
	v.CopyFrom(u)
	r.Rotate(y, 2, func(i int) int { return i }, 7)
	r.Backward(v, 2, func(i int) int { return i }, 7)
	if a, b := dot(y, u), dot(x, v); math.Abs(a-b) > 1e-5 {
		t.Errorf("⟨Rx, u⟩ = %v, ⟨x, Rᵀu⟩ = %v", a, b)
	}
	// Position 3 of head 1, pair (1, 4).
	a, b, angle := float64(x.Row(3)[7]), float64(x.Row(3)[10]), 0.3
	want := 1.25 * (a*math.Cos(angle) - b*math.Sin(angle))
	if got := float64(y.Row(3)[7]); math.Abs(got-want) > 1e-6 {
		t.Errorf("rotated element %v, want %v", got, want)
	}
	// The last rows alone, from their position on, are the same bits.
	tail := tensor.New(2, 12)
	tail.CopyFrom(x.RowRange(5, 7))
	r.Rotate(tail, 2, func(i int) int { return 5 + i }, 7)
	if fmt.Sprint(tail.Data) != fmt.Sprint(y.RowRange(5, 7).Data) {
		t.Error("a later start changes the rotation")
	}
}

func TestLinearGradients(t *testing.T) {
	for _, dropout := range []float64{0, 0.4} {
		p := pass(3, 1, 6)
		p.Train, p.Seed, p.Step, p.First = true, 3, 5, 2
		l := &Linear{Name: "layer", W: frozen("w", 5, 8), Bias: random("bias", 1, 5).Data}
		A, B := tensor.NewParam("A", 2, 8), tensor.NewParam("B", 5, 2)
		A.Value.CopyFrom(random("A", 2, 8))
		B.Value.CopyFrom(random("B", 5, 2))
		l.Attach(&LoRA{A: A, B: B, Scale: 1.5, Dropout: dropout})
		x, u, y, dx := random("x", 10, 8), random("u", 10, 5), tensor.New(10, 5), tensor.New(10, 8)
		var a tensor.Arena
		loss := func() float64 {
			a.Reset()
			l.Forward(y, x, l.NewCache(10, &a), p, &a)
			return dot(y, u)
		}
		a.Reset()
		c := l.NewCache(10, &a)
		l.Forward(y, x, c, p, &a)
		l.Backward(dx, u, x, false, c, p, &a)
		A.Sum.Finish()
		B.Sum.Finish()
		checkGradient(t, fmt.Sprint("x, dropout ", dropout), x, dx, loss)
		checkGradient(t, fmt.Sprint("A, dropout ", dropout), A.Value, A.Grad, loss)
		checkGradient(t, fmt.Sprint("B, dropout ", dropout), B.Value, B.Grad, loss)
	}
}

// Dropout hits the given share of the inputs, scales the rest, and depends on
// the place in the batch, not on how sequences are grouped into passes.
func TestDropoutKeys(t *testing.T) {
	l := &Linear{Name: "layer", LoRA: &LoRA{Dropout: 0.25}}
	ones := tensor.New(40, 100)
	for i := range ones.Data {
		ones.Data[i] = 1
	}
	whole := tensor.New(40, 100)
	l.dropout(whole, ones, &Pass{Starts: []int{0, 10, 40}, Train: true, Seed: 1, Step: 7, First: 4})
	zeros := 0
	for _, v := range whole.Data {
		switch v {
		case 0:
			zeros++
		case float32(1 / 0.75):
		default:
			t.Fatalf("value %v", v)
		}
	}
	if zeros < 880 || zeros > 1120 { // 1000 expected, standard deviation 27
		t.Errorf("%d of 4000 dropped at rate 0.25", zeros)
	}
	alone := tensor.New(30, 100)
	l.dropout(alone, ones.RowRange(0, 30), &Pass{Starts: []int{0, 30}, Train: true, Seed: 1, Step: 7, First: 5})
	if fmt.Sprint(alone.Data) != fmt.Sprint(whole.RowRange(10, 40).Data) {
		t.Error("the mask depends on what else is in the pass")
	}
	l.dropout(alone, ones.RowRange(0, 30), &Pass{Starts: []int{0, 30}, Train: true, Seed: 1, Step: 8, First: 5})
	if fmt.Sprint(alone.Data) == fmt.Sprint(whole.RowRange(10, 40).Data) {
		t.Error("two steps share a mask")
	}
}

func TestHead(t *testing.T) {
	const vocab = 11
	h := &Head{W: frozen("w", vocab, 6)}
	x, targets := random("x", 9, 6), []int32{0, 3, 10, 4, 4, 1, 2, 9, 8}
	losses, dx := make([]float64, 9), tensor.New(9, 6)
	var a tensor.Arena
	h.Loss(dx, x, targets, 0.5, losses, &a)
	logits := tensor.New(9, vocab)
	h.Logits(logits, x)
	logp, best := make([]float64, 9), make([]bool, 9)
	h.Score(x, nil, targets, logp, best, &a)
	for i, target := range targets {
		sum := 0.0
		for _, v := range logits.Row(i) {
			sum += math.Exp(float64(v))
		}
		want := math.Log(sum) - float64(logits.Row(i)[target])
		if math.Abs(losses[i]-want) > 1e-6 || math.Abs(logp[i]+want) > 1e-6 {
			t.Errorf("row %d: loss %v, log-probability %v, want loss %v", i, losses[i], logp[i], want)
		}
		if best[i] != (ArgMax(logits.Row(i)) == target) {
			t.Errorf("row %d: best = %v", i, best[i])
		}
	}
	checkGradient(t, "head", x, dx, func() float64 {
		h.Loss(tensor.Matrix{}, x, targets, 1, losses, &a)
		sum := 0.0
		for _, l := range losses {
			sum += 0.5 * l
		}
		return sum
	})
}
