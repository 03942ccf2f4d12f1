// Command vec writes the NEON kernels of package vec; run it by `go generate`
// there. Each does what its namesake in internal/vec/_gen does.
package main

import . "github.com/stablelora/stablelora/internal/_neon/asm"

func main() {
	expKernels()
	swiGLU()
	swiGLUBackward()
	maximum()
	dot()
	softmaxBackward()
	rmsNormScale()
	rmsNormDot()
	rmsNormBackward()
	add()
	scale()
	rotate()
	adamW()
	widenBF16()
	widenF16()
	roundBF16()
	roundF16()
	Generate()
}

// quad is a block of 16 elements in four registers.
type quad [4]*Vec

// kernel begins the function nameKernel(n int, params...).
func kernel(name, params, result, doc string) {
	Func(name+"Kernel", "n int, "+params, result, doc)
	slices = nil
}

// slice is a parameter that points to n elements.
type slice struct {
	at      Reg
	in, out bool
	buffer  int // of the last, partial block
}

const bufferSize = 64

var slices []*slice // of the kernel being written

func input(name string) *slice  { return newSlice(name, true, false) }
func output(name string) *slice { return newSlice(name, false, true) }
func inout(name string) *slice  { return newSlice(name, true, true) }

func newSlice(name string, in, out bool) *slice {
	s := &slice{Load(name), in, out, len(slices) * bufferSize}
	slices = append(slices, s)
	return s
}

// block addresses the elements at hand: 16 of them, or in the partial block at
// the end the remaining 1 to 15. That one lies in buffers, the others being 0.
type block struct {
	partial bool
	buffers Reg
	count   Reg // of elements in a partial block
}

// elements emits body for all whole blocks of n elements and for the rest.
func elements(body func(b block)) {
	n := Load("n")
	Op("SUBS", 16, n, n)
	Branch("BLT", "rest")
	Label("loop")
	body(block{})
	for _, s := range slices {
		Op("ADD", 64, s.at, s.at)
	}
	Op("SUBS", 16, n, n)
	Branch("BGE", "loop")
	Label("rest")
	Op("ADDS", 16, n, n)
	Branch("BEQ", "done")
	b := block{true, NewReg(), n}
	b.copyIn()
	body(b)
	b.copyOut()
	Label("done")
}

// copyIn fills the buffers of a partial block.
func (b block) copyIn() {
	Op("MOVD", Frame(len(slices)*bufferSize), b.buffers)
	for _, s := range slices {
		for at := 0; s.in && at < bufferSize; at += 16 {
			Op("STP", "(ZR, ZR)", Mem(b.buffers, s.buffer+at))
		}
	}
	b.each("in", func(word Reg) {
		for _, s := range slices {
			if s.in {
				Op("MOVWU.P", Mem(s.at, 4), word)
				Op("MOVW", word, Mem(b.buffers, s.buffer))
			}
		}
	})
	for _, s := range slices {
		if s.in && s.out {
			Op("SUB", b.count.String()+"<<2", s.at, s.at)
		}
	}
}

// copyOut takes the results from the buffers.
func (b block) copyOut() {
	b.each("out", func(word Reg) {
		for _, s := range slices {
			if s.out {
				Op("MOVWU", Mem(b.buffers, s.buffer), word)
				Op("MOVW.P", word, Mem(s.at, 4))
			}
		}
	})
}

// each emits body for every element of a partial block, if there is anything
// to be done; buffers moves along and returns.
func (b block) each(label string, body func(word Reg)) {
	needed := false
	for _, s := range slices {
		needed = needed || label == "in" && s.in || label == "out" && s.out
	}
	if !needed {
		return
	}
	left := NewReg()
	Op("MOVD", b.count, left)
	Label(label)
	body(NewReg())
	Op("ADD", 4, b.buffers, b.buffers)
	Op("SUBS", 1, left, left)
	Branch("BNE", label)
	Op("SUB", b.count.String()+"<<2", b.buffers, b.buffers)
}

func (b block) at(s *slice, k int) string {
	if b.partial {
		return Mem(b.buffers, s.buffer+16*k)
	}
	return Mem(s.at, 16*k)
}

func (b block) load(s *slice) quad {
	return each(func(k int) *Vec {
		v := NewVec()
		Op("FMOVQ", b.at(s, k), v)
		return v
	})
}

func (b block) store(y quad, s *slice) {
	for k, v := range y {
		Op("FMOVQ", v, b.at(s, k))
	}
}

// present are the masks of the elements that a partial block has.
func (b block) present() quad {
	if order == "" {
		var w [16]uint32
		for i := range w {
			w[i] = uint32(i)
		}
		order = Table("order", w[:])
	}
	table, count := NewReg(), DUPReg(b.count)
	Op("MOVD", order, table)
	return each(func(k int) *Vec {
		v := NewVec()
		Op("FMOVQ", Mem(table, 16*k), v)
		return CMHI(count, v)
	})
}

var order string

// each emits f for the four quarters of a block.
func each(f func(k int) *Vec) (y quad) {
	for k := range y {
		y[k] = f(k)
	}
	return y
}

func mul(x, y quad) quad { return each(func(k int) *Vec { return FMUL(x[k], y[k]) }) }

// all is a block of one value.
func all(v *Vec) quad { return quad{v, v, v, v} }
