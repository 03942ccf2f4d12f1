package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Two vectors of B and two of A beside the accumulators, 0 to 27.
var (
	b0, b1 = zmm[28], zmm[29]
	x      = [2]reg.VecPhysical{zmm[30], zmm[31]}
)

// tile generates the kernel for `rows` rows of A, which need not be packed, and 32
// columns of B: two accumulators a row, one fused multiply-add on each per step of
// k.
func tile(rows int) {
	name := fmt.Sprintf("tile%dAVX512", rows)
	TEXT(name, NOSPLIT, "func(depth int, a *float32, rs, cs uintptr, b, c *float32, ldc uintptr, acc bool, columns uint32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the kernel for %d x %d elements of C, of which columns is the mask; see tile.multiplyGeneric. Strides are in bytes.", name, rows, tileCols))
	lo, hi := columnMasks()
	loadTile(tileAt(rows, parameter("c")), rows, lo, hi)
	depth := parameter("depth")
	a := strided(rows, parameter("a"), parameter("rs"))
	cs := parameter("cs")
	b := parameter("b")
	Label("loop")
	VMOVUPS(Mem{Base: b}, b0)
	VMOVUPS(Mem{Base: b, Disp: 64}, b1)
	for i := range rows {
		VBROADCASTSS(a.at(i, 0), x[i%2])
		VFMADD231PS(b0, x[i%2], zmm[2*i])
		VFMADD231PS(b1, x[i%2], zmm[2*i+1])
	}
	a.advance(cs)
	ADDQ(U32(4*tileCols), b)
	DECQ(depth)
	JNZ(LabelRef("loop"))
	storeTile(tileAt(rows, parameter("c")), rows, lo, hi)
	VZEROUPPER()
	RET()
}

func load(m Mem) reg.Register {
	r := GP64()
	MOVQ(m, r)
	return r
}

func parameter(name string) reg.Register { return Load(Param(name), GP64()) }

// loadTile starts the chains: at C if acc is not 0, else at 0. It prefetches the
// tile beside this one, or this one where it is not read.
func loadTile(c rowsAt, rows int, lo, hi reg.Register) {
	acc := Load(Param("acc"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("zero"))
	for i := range rows {
		VMOVUPS_Z(c.at(i, 0), lo, zmm[2*i])
		VMOVUPS_Z(c.at(i, 64), hi, zmm[2*i+1])
		PREFETCHT0(c.at(i, 128))
		PREFETCHT0(c.at(i, 192))
	}
	JMP(LabelRef("start"))
	Label("zero")
	for i := range rows {
		PREFETCHT0(c.at(i, 0)) // needed in the end
		PREFETCHT0(c.at(i, 64))
		for _, z := range zmm[2*i : 2*i+2] {
			VPXORD(z, z, z)
		}
	}
	Label("start")
}

func storeTile(c rowsAt, rows int, lo, hi reg.Register) {
	for i := range rows {
		VMOVUPS(zmm[2*i], lo, c.at(i, 0))
		VMOVUPS(zmm[2*i+1], hi, c.at(i, 64))
	}
}

// tileAt addresses the rows of a tile of C.
func tileAt(rows int, c reg.Register) rowsAt { return strided(rows, c, parameter("ldc")) }

// columnMasks splits the parameter columns into masks of 16.
func columnMasks() (lo, hi reg.Register) {
	lo, hi = K(), K()
	columns := Load(Param("columns"), GP32())
	KMOVW(columns.(reg.GPVirtual).As32(), lo)
	SHRL(Imm(16), columns)
	KMOVW(columns.(reg.GPVirtual).As32(), hi)
	return lo, hi
}

// rowsAt addresses up to 14 rows a fixed number of bytes apart: five of them from
// each pointer, with one, two, three or four strides.
type rowsAt struct {
	base           []reg.Register
	stride, triple reg.Register
}

func strided(rows int, base, stride reg.Register) rowsAt {
	r := rowsAt{base: []reg.Register{base}, stride: stride}
	if rows > 3 {
		r.triple = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, r.triple)
	}
	for first := 5; first < rows; first += 5 {
		next := GP64()
		LEAQ(Mem{Base: r.base[len(r.base)-1], Index: stride, Scale: 4}, next)
		ADDQ(stride, next)
		r.base = append(r.base, next)
	}
	return r
}

func (r rowsAt) at(i, disp int) Mem {
	m := Mem{Base: r.base[i/5], Disp: disp}
	switch i % 5 {
	case 1, 2, 4:
		m.Index, m.Scale = r.stride, uint8(i%5)
	case 3:
		m.Index, m.Scale = r.triple, 1
	}
	return m
}

func (r rowsAt) advance(by reg.Register) {
	for _, p := range r.base {
		ADDQ(by, p)
	}
}

// peak generates a loop of nothing but multiply-adds, in as many chains as the
// largest tile has.
func peak(w word) {
	TEXT("peak"+w.String()+"AVX512", NOSPLIT, "func(rounds int)")
	Doc("peak" + w.String() + "AVX512 does 28 multiply-adds of 16 elements in each round" + map[word]string{pair: ", each of two products"}[w] + ".")
	rounds := Load(Param("rounds"), GP64())
	for _, z := range zmm[:2*tileRows+1] {
		VPXORD(z, z, z)
	}
	Label("loop")
	for _, z := range zmm[:2*tileRows] {
		if w == pair {
			dotPairs(b0, b0, z)
		} else {
			VFMADD231PS(b0, b0, z)
		}
	}
	DECQ(rounds)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
