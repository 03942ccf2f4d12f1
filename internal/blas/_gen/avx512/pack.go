package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// word is what a 32-bit word of a panel holds: a float32, or the bfloat16 numbers
// of two steps of k, the first in the lower half.
type word int

const (
	number word = iota
	pair
)

func (w word) String() string { return [...]string{"", "Pairs"}[w] }

// format is a stored number format.
type format struct {
	name, goType string
	size         int
}

var formats = []format{{"F32", "float32", 4}, {"BF16", "uint16", 2}, {"F16", "uint16", 2}}

// load reads 16 elements, or those in the mask, as float32.
func (f format) load(m Mem, mask reg.Register, z reg.VecPhysical) {
	switch f.name {
	case "F32":
		VMOVUPS_Z(m, mask, z)
	case "BF16":
		VPMOVZXWD_Z(m, mask, z)
		VPSLLD(Imm(16), z, z)
	case "F16":
		VCVTPH2PS_Z(m, mask, z)
	}
}

// mask sets the mask of the first n elements, 0 ≤ n ≤ 32.
func mask(n reg.Register) reg.Register {
	bits, k := GP64(), K()
	MOVQ(I32(-1), bits)
	BZHIQ(n, bits, bits)
	KMOVD(bits.As32(), k)
	return k
}

// upper is the mask of the elements from number 16 on.
func upper(m reg.Register) reg.Register {
	k := K()
	KSHIFTRD(Imm(16), m, k)
	return k
}

// packColumns generates the packing of up to 16 rows of src as columns of a panel
// whose steps lie stride bytes apart.
//
// Each block of 16 words is transposed in registers. Where words are pairs, or
// are widened only when they are stored, a block is 32 elements of each row.
func packColumns(f format, w word) {
	name := "packColumns" + f.name + w.String() + "AVX512"
	TEXT(name, NOSPLIT, "func(dst *float32, stride uintptr, src *"+f.goType+", ld uintptr, depth, columns int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s transposes up to 16 rows of depth elements, ld bytes apart, into columns of a panel with steps of stride bytes. Before its last step it may write up to 16 words to one.", name))
	p := packing{f: f, w: w, widen: f.name == "BF16" && w == number}
	p.elements = 16
	if p.widen || w == pair {
		p.elements = 32
	}
	p.dst = Load(Param("dst"), GP64())
	p.stride = Load(Param("stride"), GP64())
	row := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	p.depth = Load(Param("depth"), GP64())
	columns := Load(Param("columns"), GP64())

	p.rows = AllocLocal(16 * 8) // their addresses; rows that there are not are the last one
	for i := range 16 {
		MOVQ(row, p.rows.Offset(8*i))
		if i < 15 {
			next := GP64()
			LEAQ(Mem{Base: row, Index: ld, Scale: 1}, next)
			CMPQ(columns, Imm(uint64(i+2)))
			CMOVQGE(next, row)
		}
	}
	p.store = mask(columns)
	all := mask(constant(32))
	p.offset = GP64()
	XORQ(p.offset, p.offset)
	p.ahead = GP64()
	MOVQ(ld, p.ahead)
	SHLQ(Imm(4), p.ahead)

	Label("loop")
	CMPQ(p.depth, Imm(uint64(p.elements)))
	JLE(LabelRef("last"))
	p.block(all, false)
	ADDQ(Imm(uint64(p.elements*f.size)), p.offset)
	SUBQ(Imm(uint64(p.elements)), p.depth)
	JMP(LabelRef("loop"))
	Label("last")
	p.block(mask(p.depth), true)
	Label("done")
	VZEROUPPER()
	RET()
}

func constant(n uint32) reg.GPVirtual {
	r := GP64()
	MOVQ(U32(n), r)
	return r
}

// packing is the state of a function that packColumns generates.
type packing struct {
	f        format
	w        word
	widen    bool
	elements int // of a row in a block
	rows     Mem
	offset   reg.GPVirtual // into them, in bytes
	ahead    reg.GPVirtual // from a row to the one that is packed in its place next
	store    reg.Register
	dst      reg.Register
	stride   reg.Register
	depth    reg.Register // elements still to come
}

// block packs the block at hand. The last one is left once its elements are
// stored, and writes nothing beyond the columns there are.
func (p *packing) block(m reg.Register, last bool) {
	var rest reg.Register
	if p.w == pair && p.f.name != "BF16" {
		rest = upper(m)
	}
	for i := range 16 {
		row := GP64()
		MOVQ(p.rows.Offset(8*i), row)
		ADDQ(p.offset, row)
		at := func(disp int) Mem { return Mem{Base: row, Disp: disp} }
		PREFETCHT0(Mem{Base: row, Index: p.ahead, Scale: 1})
		switch {
		case p.f.name == "BF16":
			VMOVDQU16_Z(at(0), m, zmm[i])
		case p.w == pair:
			p.f.load(at(0), m, zmm[16])
			p.f.load(at(16*p.f.size), rest, zmm[17])
			roundPairs(zmm[16], zmm[17], zmm[i])
		default:
			p.f.load(at(0), m, zmm[i])
		}
	}
	transpose()
	put := func(z reg.VecPhysical, elements uint64) {
		if last {
			VMOVUPS(z, p.store, Mem{Base: p.dst})
			SUBQ(Imm(elements), p.depth)
			JLE(LabelRef("done"))
		} else {
			VMOVUPS(z, Mem{Base: p.dst})
		}
		ADDQ(p.stride, p.dst)
	}
	for _, z := range zmm[:16] {
		switch {
		case p.widen:
			VPSLLD(Imm(16), z, zmm[16])
			put(zmm[16], 1)
			VPSRLD(Imm(16), z, zmm[17])
			VPSLLD(Imm(16), zmm[17], zmm[17])
			put(zmm[17], 1)
		case p.w == pair:
			put(z, 2)
		default:
			put(z, 1)
		}
	}
}

// transpose emits the transposition of the 16 x 16 words in registers 0 to 15.
func transpose() {
	r, t := zmm[:16], zmm[16:]
	for i := 0; i < 16; i += 2 { // words of two rows interleaved, within each 128-bit lane
		VPUNPCKLDQ(r[i+1], r[i], t[i])
		VPUNPCKHDQ(r[i+1], r[i], t[i+1])
	}
	for q := 0; q < 16; q += 4 { // r[q+c], lane l: column 4l+c of rows q to q+3
		VPUNPCKLQDQ(t[q+2], t[q], r[q])
		VPUNPCKHQDQ(t[q+2], t[q], r[q+1])
		VPUNPCKLQDQ(t[q+3], t[q+1], r[q+2])
		VPUNPCKHQDQ(t[q+3], t[q+1], r[q+3])
	}
	for c := range 4 { // the 4 x 4 lanes of r[c], r[4+c], r[8+c], r[12+c] are transposed
		VSHUFI32X4(Imm(0x44), r[4+c], r[c], t[4*c])
		VSHUFI32X4(Imm(0xee), r[4+c], r[c], t[4*c+1])
		VSHUFI32X4(Imm(0x44), r[12+c], r[8+c], t[4*c+2])
		VSHUFI32X4(Imm(0xee), r[12+c], r[8+c], t[4*c+3])
	}
	for c := range 4 {
		VSHUFI32X4(Imm(0x88), t[4*c+2], t[4*c], r[c])
		VSHUFI32X4(Imm(0xdd), t[4*c+2], t[4*c], r[4+c])
		VSHUFI32X4(Imm(0x88), t[4*c+3], t[4*c+1], r[8+c])
		VSHUFI32X4(Imm(0xdd), t[4*c+3], t[4*c+1], r[12+c])
	}
}

// packRows generates the packing of depth rows of up to 16·vectors contiguous
// columns: two vectors are a panel of B, whose missing columns become zeros, one
// is a panel of A, beyond whose columns nothing is written.
func packRows(f format, w word, vectors int) {
	name := map[int]string{1: "packLeftRows", 2: "packRows"}[vectors] + f.name + w.String() + "AVX512"
	TEXT(name, NOSPLIT, "func(dst *float32, stride uintptr, src *"+f.goType+", ld uintptr, depth, columns int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s copies up to %d elements of each of depth rows, ld bytes apart, to a panel with steps of stride bytes.", name, 16*vectors))
	dst := Load(Param("dst"), GP64())
	stride := Load(Param("stride"), GP64())
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	depth := Load(Param("depth"), GP64())
	half := []reg.Register{mask(Load(Param("columns"), GP64()))}
	if vectors == 2 {
		half = append(half, upper(half[0]))
	}
	second := []reg.Register{K(), K()} // those of the second row of a pair
	if w == pair {
		for v, m := range half {
			KMOVW(m, second[v])
		}
	}

	ahead := GP64() // the row 16 below, on a page of its own mostly
	MOVQ(ld, ahead)
	SHLQ(Imm(4), ahead)
	ADDQ(src, ahead)

	Label("loop")
	for line := 0; line < vectors*16*f.size; line += 64 {
		PREFETCHT0(Mem{Base: ahead, Disp: line})
		if w == pair {
			PREFETCHT0(Mem{Base: ahead, Index: ld, Scale: 1, Disp: line})
		}
	}
	if w == pair {
		CMPQ(depth, Imm(2))
		JGE(LabelRef("whole"))
		for _, m := range second[:vectors] { // the last pair has no second row
			KXORW(m, m, m)
		}
		Label("whole")
	}
	for v := range vectors {
		z, lo, hi := zmm[3*v], zmm[3*v+1], zmm[3*v+2]
		from := v * 16 * f.size
		switch {
		case w == number:
			f.load(Mem{Base: src, Disp: from}, half[v], z)
		case f.name == "BF16":
			VPMOVZXWD_Z(Mem{Base: src, Disp: from}, half[v], lo)
			VPMOVZXWD_Z(Mem{Base: src, Index: ld, Scale: 1, Disp: from}, second[v], hi)
			joinPairs(lo, hi, z)
		default:
			f.load(Mem{Base: src, Disp: from}, half[v], lo)
			f.load(Mem{Base: src, Index: ld, Scale: 1, Disp: from}, second[v], hi)
			roundPairs(lo, hi, z)
			VEXTRACTI64X4(Imm(1), z, ymm[3*v+2])
			VPMOVZXWD(ymm[3*v+2], hi)
			VPMOVZXWD(ymm[3*v], lo)
			joinPairs(lo, hi, z)
		}
		if vectors == 1 {
			VMOVUPS(z, half[v], Mem{Base: dst})
		} else {
			VMOVUPS(z, Mem{Base: dst, Disp: 64 * v})
		}
	}
	ADDQ(stride, dst)
	if w == pair {
		LEAQ(Mem{Base: src, Index: ld, Scale: 2}, src)
		LEAQ(Mem{Base: ahead, Index: ld, Scale: 2}, ahead)
		SUBQ(Imm(2), depth)
		JG(LabelRef("loop"))
	} else {
		ADDQ(ld, src)
		ADDQ(ld, ahead)
		DECQ(depth)
		JNZ(LabelRef("loop"))
	}
	VZEROUPPER()
	RET()
}

// joinPairs makes words of the lower halves of lo and hi.
func joinPairs(lo, hi, z reg.VecPhysical) {
	VPSLLD(Imm(16), hi, hi)
	VPORD(hi, lo, z)
}
