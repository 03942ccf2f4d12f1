package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// format is a stored number format: load widens 8 elements to float32.
type format struct {
	name, goType string
	size         int
	load         func(m Mem, y VecVirtual)
}

var formats = []format{
	{"F32", "float32", 4, func(m Mem, y VecVirtual) { VMOVUPS(m, y) }},
	{"BF16", "uint16", 2, func(m Mem, y VecVirtual) { VPMOVZXWD(m, y); VPSLLD(Imm(16), y, y) }},
	{"F16", "uint16", 2, func(m Mem, y VecVirtual) { VCVTPH2PS(m, y) }},
}

// packColumns generates the packing of 8 rows of src, the columns of a panel of
// B, into 8 of its tileCols columns: blocks of 8 k steps are transposed.
func packColumns(f format) {
	TEXT("packColumns"+f.name+"Kernel", NOSPLIT, "func(dst *float32, src *"+f.goType+", ld uintptr, blocks int)")
	Pragma("noescape")
	Doc("packColumns" + f.name + "Kernel transposes 8 rows of 8·blocks elements, ld bytes apart, into 8 columns of a panel.")
	dst := Load(Param("dst"), GP64())
	src := strided(6, Load(Param("src"), GP64()), Load(Param("ld"), GP64()))
	sixth := GP64() // rows 6 and 7
	LEAQ(src.at(5, 0), sixth)
	ADDQ(src.stride, sixth)
	blocks := Load(Param("blocks"), GP64())
	row := func(i int) Mem {
		switch i {
		case 6:
			return Mem{Base: sixth}
		case 7:
			return Mem{Base: sixth, Index: src.stride, Scale: 1}
		}
		return src.at(i, 0)
	}
	eighth, fourteenth := GP64(), GP64() // the 8 rows that are packed next
	LEAQ(Mem{Base: sixth, Index: src.stride, Scale: 2}, eighth)
	ahead := strided(6, eighth, src.stride)
	LEAQ(ahead.at(5, 0), fourteenth)
	ADDQ(src.stride, fourteenth)

	Label("loop")
	for i := range 6 {
		PREFETCHT0(ahead.at(i, 0))
	}
	PREFETCHT0(Mem{Base: fourteenth})
	PREFETCHT0(Mem{Base: fourteenth, Index: src.stride, Scale: 1})
	var y [8]VecVirtual
	for i := range y {
		y[i] = YMM()
		f.load(row(i), y[i])
	}
	for i, t := range transpose(y) {
		VMOVUPS(t, Mem{Base: dst, Disp: i * 4 * tileCols})
	}
	step := GP64()
	MOVQ(U32(8*f.size), step)
	src.advance(step)
	ahead.advance(step)
	ADDQ(step, fourteenth)
	ADDQ(step, sixth)
	ADDQ(U32(8*4*tileCols), dst)
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// packLeft generates the packing of six rows of A. Each store writes two
// elements too many, which the next one overwrites.
func packLeft() {
	TEXT("packLeftKernel", NOSPLIT, "func(dst, src *float32, ld uintptr, blocks int)")
	Pragma("noescape")
	Doc("packLeftKernel transposes 6 rows of 8·blocks elements, ld bytes apart, into a panel of A; it writes two elements beyond.")
	dst := Load(Param("dst"), GP64())
	src := strided(tileRows, Load(Param("src"), GP64()), Load(Param("ld"), GP64()))
	blocks := Load(Param("blocks"), GP64())

	Label("loop")
	var y [8]VecVirtual
	for i := range y {
		y[i] = YMM()
		if i < tileRows {
			VMOVUPS(src.at(i, 0), y[i])
		} else {
			VXORPS(y[i], y[i], y[i])
		}
	}
	for i, t := range transpose(y) {
		VMOVUPS(t, Mem{Base: dst, Disp: i * 4 * tileRows})
	}
	step := GP64()
	MOVQ(U32(32), step)
	src.advance(step)
	ADDQ(U32(8*4*tileRows), dst)
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// transpose emits the transposition of an 8x8 block of float32.
func transpose(r [8]VecVirtual) (c [8]VecVirtual) {
	var u [8]VecVirtual // pairs of rows interleaved, within each 128-bit half
	for i := 0; i < 8; i += 2 {
		u[i], u[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], u[i])   // columns 0 1 | 4 5
		VUNPCKHPS(r[i+1], r[i], u[i+1]) // columns 2 3 | 6 7
	}
	var q [8]VecVirtual // column p | column p+4, of rows 0-3 (q[p]) and 4-7 (q[p+4])
	for h := 0; h < 8; h += 4 {
		for p := range 4 {
			q[h+p] = YMM()
			if p%2 == 0 {
				VUNPCKLPD(u[h+p/2+2], u[h+p/2], q[h+p])
			} else {
				VUNPCKHPD(u[h+p/2+2], u[h+p/2], q[h+p])
			}
		}
	}
	for p := range 4 {
		c[p], c[p+4] = YMM(), YMM()
		VPERM2F128(Imm(0x20), q[p+4], q[p], c[p])
		VPERM2F128(Imm(0x31), q[p+4], q[p], c[p+4])
	}
	return c
}

// packRows generates the packing of a panel of B whose rows are contiguous.
func packRows(f format) {
	TEXT("packRows"+f.name+"Kernel", NOSPLIT, "func(dst *float32, src *"+f.goType+", ld uintptr, depth int)")
	Pragma("noescape")
	Doc("packRows" + f.name + "Kernel copies 16 elements of each of depth rows, ld bytes apart, to a panel.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	depth := Load(Param("depth"), GP64())
	lo, hi, ahead := YMM(), YMM(), GP64()
	MOVQ(ld, ahead)
	SHLQ(Imm(4), ahead)
	Label("loop")
	PREFETCHT0(Mem{Base: src, Index: ahead, Scale: 1}) // 16 rows below, on a page of its own mostly
	f.load(Mem{Base: src}, lo)
	f.load(Mem{Base: src, Disp: 8 * f.size}, hi)
	VMOVUPS(lo, Mem{Base: dst})
	VMOVUPS(hi, Mem{Base: dst, Disp: 32})
	ADDQ(ld, src)
	ADDQ(Imm(4*tileCols), dst)
	DECQ(depth)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
