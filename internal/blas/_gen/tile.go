package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tile generates the kernel for `rows` rows of A and 16 columns of B: two
// accumulators a row, one fused multiply-add on each per step of k.
func tile(rows int) {
	TEXT(fmt.Sprintf("tile%dKernel", rows), NOSPLIT,
		"func(depth int, a *float32, rs, cs uintptr, b *float32, ldb uintptr, c *float32, ldc uintptr, acc bool)")
	Pragma("noescape")
	Doc(fmt.Sprintf("tile%dKernel is the kernel for %d x %d elements of C; see tile.multiplyGeneric. Strides are in bytes.", rows, rows, tileCols))

	depth := Load(Param("depth"), GP64())
	a := strided(rows, Load(Param("a"), GP64()), Load(Param("rs"), GP64()))
	cs := Load(Param("cs"), GP64())
	b := Load(Param("b"), GP64())
	ldb := Load(Param("ldb"), GP64())
	c := strided(rows, Load(Param("c"), GP64()), Load(Param("ldc"), GP64()))
	acc := Load(Param("acc"), GP8())

	sum := loadTile(rows, c, acc)
	b0, b1, x := YMM(), YMM(), YMM()

	step := func() {
		VMOVUPS(Mem{Base: b}, b0)
		VMOVUPS(Mem{Base: b, Disp: 32}, b1)
		ADDQ(ldb, b)
		for i := range rows {
			VBROADCASTSS(a.at(i, 0), x)
			VFMADD231PS(b0, x, sum[i][0])
			VFMADD231PS(b1, x, sum[i][1])
		}
		a.advance(cs)
	}
	const unroll = 4
	SUBQ(Imm(unroll), depth)
	JLT(LabelRef("rest"))
	Label("loop")
	for range unroll {
		step()
	}
	SUBQ(Imm(unroll), depth)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(unroll), depth)
	JZ(LabelRef("store"))
	Label("single")
	step()
	DECQ(depth)
	JNZ(LabelRef("single"))

	Label("store")
	storeTile(rows, c, sum)
}

// panels generates the kernel for whole tiles one below the other: packed panels
// of A against one panel of B.
func panels() {
	TEXT("panelsKernel", NOSPLIT, "func(n, depth int, a, b, c *float32, ldc uintptr, acc bool)")
	Pragma("noescape")
	Doc("panelsKernel is tile6Kernel for n packed panels of A, which follow one another, and tiles of C below one another.")
	n := Load(Param("n"), GP64())
	a := Load(Param("a"), GP64())
	first := Load(Param("b"), GP64())
	c := strided(tileRows, Load(Param("c"), GP64()), Load(Param("ldc"), GP64()))
	acc := Load(Param("acc"), GP8())
	down := GP64()
	LEAQ(Mem{Base: c.stride, Index: c.stride, Scale: 2}, down)
	ADDQ(down, down)

	b, depth := GP64(), GP64()
	b0, b1, x := YMM(), YMM(), YMM()
	Label("panel")
	MOVQ(first, b)
	Load(Param("depth"), depth)
	sum := loadTile(tileRows, c, acc)
	next := rowsAt{[2]Register{GP64(), GP64()}, c.stride}
	for i := range next.base {
		LEAQ(Mem{Base: c.base[i], Index: down, Scale: 1}, next.base[i])
	}
	for i := range tileRows {
		PREFETCHT0(next.at(i, 0))
	}

	step := func(u int) {
		VMOVUPS(Mem{Base: b, Disp: u * 4 * tileCols}, b0)
		VMOVUPS(Mem{Base: b, Disp: u*4*tileCols + 32}, b1)
		for i := range tileRows {
			VBROADCASTSS(Mem{Base: a, Disp: 4 * (u*tileRows + i)}, x)
			VFMADD231PS(b0, x, sum[i][0])
			VFMADD231PS(b1, x, sum[i][1])
		}
	}
	advance := func(steps int) {
		ADDQ(Imm(uint64(steps*4*tileRows)), a)
		ADDQ(U32(steps*4*tileCols), b)
	}
	const unroll = 4
	SUBQ(Imm(unroll), depth)
	JLT(LabelRef("rest"))
	Label("loop")
	for u := range unroll {
		step(u)
	}
	advance(unroll)
	SUBQ(Imm(unroll), depth)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(unroll), depth)
	JZ(LabelRef("store"))
	Label("single")
	step(0)
	advance(1)
	DECQ(depth)
	JNZ(LabelRef("single"))

	Label("store")
	for i := range tileRows {
		VMOVUPS(sum[i][0], c.at(i, 0))
		VMOVUPS(sum[i][1], c.at(i, 32))
	}
	c.advance(down)
	DECQ(n)
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	RET()
}

type sums [tileRows][2]VecVirtual

// loadTile starts the chains: at C if acc is not 0, else at 0.
func loadTile(rows int, c rowsAt, acc Register) (sum sums) {
	for i := range rows {
		sum[i] = [2]VecVirtual{YMM(), YMM()}
	}
	TESTB(acc, acc)
	JZ(LabelRef("zero"))
	for i := range rows {
		VMOVUPS(c.at(i, 0), sum[i][0])
		VMOVUPS(c.at(i, 32), sum[i][1])
	}
	JMP(LabelRef("start"))
	Label("zero")
	for i := range rows {
		PREFETCHT0(c.at(i, 0)) // needed in the end
		VXORPS(sum[i][0], sum[i][0], sum[i][0])
		VXORPS(sum[i][1], sum[i][1], sum[i][1])
	}
	Label("start")
	return sum
}

// storeTile ends a kernel.
func storeTile(rows int, c rowsAt, sum sums) {
	for i := range rows {
		VMOVUPS(sum[i][0], c.at(i, 0))
		VMOVUPS(sum[i][1], c.at(i, 32))
	}
	VZEROUPPER()
	RET()
}

// rowsAt addresses up to six rows a fixed number of bytes apart with two
// pointers, to rows 0 and 3.
type rowsAt struct {
	base   [2]Register
	stride Register
}

func strided(rows int, base, stride Register) rowsAt {
	r := rowsAt{[2]Register{base, base}, stride}
	if rows > 3 {
		third := GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, third)
		ADDQ(base, third)
		r.base[1] = third
	}
	return r
}

func (r rowsAt) at(i, disp int) Mem {
	m := Mem{Base: r.base[i/3], Disp: disp}
	if i%3 > 0 {
		m.Index, m.Scale = r.stride, uint8(i%3)
	}
	return m
}

func (r rowsAt) advance(by Register) {
	ADDQ(by, r.base[0])
	if r.base[1] != r.base[0] {
		ADDQ(by, r.base[1])
	}
}
