// Command _gen writes the AVX2 kernels of package vec; run it by `go generate`
// there. It is a module of its own so that the program does not depend on avo.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!noasm")
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

// pair is a block of 16 elements in two registers.
type pair [2]VecVirtual

// kernel begins the function nameKernel(n int, params...).
func kernel(name, params, result, doc string) {
	TEXT(name+"Kernel", NOSPLIT, "func(n int, "+params+")"+result)
	Pragma("noescape")
	Doc(name + "Kernel is " + doc)
}

func end() {
	VZEROUPPER()
	RET()
}

// block addresses the elements at hand: 16 of them, or in the masked block at
// the end the remaining 1 to 15. The others are then read as 0 and not written.
type block struct {
	offset Register // in bytes
	masked bool
	mask   pair
}

// elements emits body for all whole blocks of n elements and for the rest.
func elements(body func(b block)) {
	n := Load(Param("n"), GP64())
	b := block{offset: GP64()}
	XORQ(b.offset, b.offset)
	SUBQ(Imm(16), n)
	JLT(LabelRef("rest"))
	Label("loop")
	body(b)
	ADDQ(Imm(64), b.offset)
	SUBQ(Imm(16), n)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(16), n)
	JZ(LabelRef("done"))
	table := GP64()
	LEAQ(masks(), table)
	NEGQ(n)
	b.masked, b.mask = true, pair{YMM(), YMM()}
	for k, m := range b.mask {
		VMOVUPS(Mem{Base: table, Index: n, Scale: 4, Disp: 64 + 32*k}, m)
	}
	body(b)
	Label("done")
}

func (b block) at(p Register, k int) Mem {
	return Mem{Base: p, Index: b.offset, Scale: 1, Disp: 32 * k}
}

func (b block) load(p Register) pair {
	y := pair{YMM(), YMM()}
	for k := range y {
		if b.masked {
			VMASKMOVPS(b.at(p, k), b.mask[k], y[k])
		} else {
			VMOVUPS(b.at(p, k), y[k])
		}
	}
	return y
}

func (b block) store(y pair, p Register) {
	for k := range y {
		if b.masked {
			VMASKMOVPS(y[k], b.mask[k], b.at(p, k))
		} else {
			VMOVUPS(y[k], b.at(p, k))
		}
	}
}

// each emits f for both halves of a block, into new registers.
func each(f func(k int, dst VecVirtual)) pair {
	y := pair{YMM(), YMM()}
	for k := range y {
		f(k, y[k])
	}
	return y
}

func mul(x, y pair) pair { return each(func(k int, d VecVirtual) { VMULPS(y[k], x[k], d) }) }

// pointer and broadcast load a parameter.
func pointer(name string) Register { return Load(Param(name), GP64()) }

func broadcast(name string) VecVirtual {
	y := YMM()
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(m.Addr, y)
	return y
}

var vectors = map[string]Mem{}

// vector is a constant in all 8 elements of a register.
func vector(name string, bits uint32) Mem {
	m, ok := vectors[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(bits))
		}
		vectors[name] = m
	}
	return m
}

// masks is a table of 16 words of ones and 16 of zeros.
func masks() Mem {
	m, ok := vectors["masks"]
	if !ok {
		m = GLOBL("masks", RODATA|NOPTR)
		for i := range 32 {
			w := uint32(0)
			if i < 16 {
				w--
			}
			DATA(4*i, U32(w))
		}
		vectors["masks"] = m
	}
	return m
}
