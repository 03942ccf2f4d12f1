package asm

import (
	"fmt"
	"math"
)

// Operations on float32 elements.

func FADD(n, m *Vec) *Vec  { return three(0x4e20d400, "fadd", "4s", n, m) }
func FSUB(n, m *Vec) *Vec  { return three(0x4ea0d400, "fsub", "4s", n, m) }
func FMUL(n, m *Vec) *Vec  { return three(0x6e20dc00, "fmul", "4s", n, m) }
func FDIV(n, m *Vec) *Vec  { return three(0x6e20fc00, "fdiv", "4s", n, m) }
func FADDP(n, m *Vec) *Vec { return three(0x6e20d400, "faddp", "4s", n, m) } // sums of neighbours, n's first
func FSQRT(n *Vec) *Vec    { return two(0x6ea1f800, "fsqrt", "4s", "4s", n) }
func FNEG(n *Vec) *Vec     { return two(0x6ea0f800, "fneg", "4s", "4s", n) }

// FADDTo is d += n.
func FADDTo(d, n *Vec) { vector(0x4e20d400, "fadd v%d.4s, v%d.4s, v%d.4s", d, d, n) }

// FMLA is d += n·m, rounded once.
func FMLA(d, n, m *Vec) { vector(0x4e20cc00, "fmla v%d.4s, v%d.4s, v%d.4s", d, n, m) }

// FMLALane is FMLA with the same m for every element.
func FMLALane(d, n *Vec, m Lane) {
	vector(0x4f801000|uint32(m.i&1)<<21|uint32(m.i>>1)<<11, fmt.Sprintf("fmla v%%d.4s, v%%d.4s, v%%d.s[%d]", m.i), d, n, m.v)
}

// Comparisons give a mask of ones where they hold.

func FCMEQ(n, m *Vec) *Vec { return three(0x4e20e400, "fcmeq", "4s", n, m) }
func FCMGE(n, m *Vec) *Vec { return three(0x6e20e400, "fcmge", "4s", n, m) }
func FCMGT(n, m *Vec) *Vec { return three(0x6ea0e400, "fcmgt", "4s", n, m) }
func CMHI(n, m *Vec) *Vec  { return three(0x6ea03400, "cmhi", "4s", n, m) }  // unsigned >
func CMTST(n, m *Vec) *Vec { return three(0x4ea08c00, "cmtst", "4s", n, m) } // n & m != 0

// Operations on bits and on unsigned words.

func AND(n, m *Vec) *Vec { return three(0x4e201c00, "and", "16b", n, m) }
func BIC(n, m *Vec) *Vec { return three(0x4e601c00, "bic", "16b", n, m) } // n &^ m
func ORR(n, m *Vec) *Vec { return three(0x4ea01c00, "orr", "16b", n, m) }
func MOV(n *Vec) *Vec    { return ORR(n, n) }
func ADD(n, m *Vec) *Vec { return three(0x4ea08400, "add", "4s", n, m) }

// BIT replaces d by n where the mask has ones, BIF where it has zeros.
func BIT(d, n, mask *Vec) { vector(0x6ea01c00, "bit v%d.16b, v%d.16b, v%d.16b", d, n, mask) }
func BIF(d, n, mask *Vec) { vector(0x6ee01c00, "bif v%d.16b, v%d.16b, v%d.16b", d, n, mask) }

func SHL(n *Vec, bits int) *Vec {
	return shift(0x4f005400|uint32(32+bits)<<16, fmt.Sprintf("shl v%%d.4s, v%%d.4s, #%d", bits), n)
}

func USHR(n *Vec, bits int) *Vec {
	return shift(0x6f000400|uint32(64-bits)<<16, fmt.Sprintf("ushr v%%d.4s, v%%d.4s, #%d", bits), n)
}

// Operations on float64 elements.

// FADD2D is d += n.
func FADD2D(d, n *Vec)    { vector(0x4e60d400, "fadd v%d.2d, v%d.2d, v%d.2d", d, d, n) }
func FMLA2D(d, n, m *Vec) { vector(0x4e60cc00, "fmla v%d.2d, v%d.2d, v%d.2d", d, n, m) }
func FADDP2D(n *Vec) *Vec { return shift(0x7e70d800, "faddp d%d, v%d.2d", n) } // both elements' sum

// Permutations: TRN1 and TRN2 give n[0] m[0] n[2] m[2] and n[1] m[1] n[3] m[3],
// ZIP1 and ZIP2 n[0] m[0] n[1] m[1] and n[2] m[2] n[3] m[3]; with 2D the elements
// have 64 bits.

func TRN1(n, m *Vec) *Vec   { return three(0x4e802800, "trn1", "4s", n, m) }
func TRN2(n, m *Vec) *Vec   { return three(0x4e806800, "trn2", "4s", n, m) }
func ZIP1(n, m *Vec) *Vec   { return three(0x4e803800, "zip1", "4s", n, m) }
func ZIP2(n, m *Vec) *Vec   { return three(0x4e807800, "zip2", "4s", n, m) }
func ZIP12D(n, m *Vec) *Vec { return three(0x4ec03800, "zip1", "2d", n, m) }
func ZIP22D(n, m *Vec) *Vec { return three(0x4ec07800, "zip2", "2d", n, m) }

// Conversions; those with a 2 read, or write, the upper half.

func FCVTL2D(n *Vec) *Vec  { return two(0x0e617800, "fcvtl", "2d", "2s", n) } // float32 to float64
func FCVTL22D(n *Vec) *Vec { return two(0x4e617800, "fcvtl2", "2d", "4s", n) }
func FCVTL(n *Vec) *Vec    { return two(0x0e217800, "fcvtl", "4s", "4h", n) } // float16 to float32
func FCVTL2(n *Vec) *Vec   { return two(0x4e217800, "fcvtl2", "4s", "8h", n) }
func FCVTN(n *Vec) *Vec    { return two(0x0e216800, "fcvtn", "4h", "4s", n) } // float32 to float16
func FCVTN2(d, n *Vec)     { vector(0x4e216800, "fcvtn2 v%d.8h, v%d.4s", d, n) }
func SHLL(n *Vec) *Vec     { return shift(0x2e613800, "shll v%d.4s, v%d.4h, #16", n) } // to the upper half of words
func SHLL2(n *Vec) *Vec    { return shift(0x6e613800, "shll2 v%d.4s, v%d.8h, #16", n) }
func SHRN(n *Vec) *Vec     { return shift(0x0f108400, "shrn v%d.4h, v%d.4s, #16", n) } // and back
func SHRN2(d, n *Vec)      { vector(0x4f108400, "shrn2 v%d.8h, v%d.4s, #16", d, n) }

// Clear makes all elements of d 0.
func Clear(d *Vec) { vector(0x6f00e400, "movi v%d.2d, #0", d) }

// Zero is 0 in all elements.
func Zero() *Vec {
	d := NewVec()
	Clear(d)
	return d
}

// DUP is a lane, or the low half of a register, in all elements.
func DUP(l Lane) *Vec {
	return shift(0x4e040400|uint32(l.i)<<19, fmt.Sprintf("dup v%%d.4s, v%%d.s[%d]", l.i), l.v)
}

// EXT is the bytes of n from number `from` on, and then its first ones.
func EXT(n *Vec, from int) *Vec {
	d := NewVec()
	vector(0x6e000000|uint32(from)<<11, fmt.Sprintf("ext v%%d.16b, v%%d.16b, v%%d.16b, #%d", from), d, n, n)
	return d
}

// DUPReg is the lower word of r in all elements.
func DUPReg(r Reg) *Vec { return one(0x4e040c00|uint32(r)<<5, fmt.Sprintf("dup v%%d.4s, w%d", int(r))) }

// Broadcast is a parameter of 4 bytes in all elements.
func Broadcast(name string) *Vec {
	Op("MOVWU", Param(name), scratch)
	return DUPReg(scratch)
}

// Number is a constant: where it is used as a vector, DUP it. Word is one given
// by its bits.
func Number(f float32) Lane { return Word(math.Float32bits(f)) }

func one(word uint32, format string) *Vec {
	d := NewVec()
	vector(word, format, d)
	return d
}

func shift(word uint32, format string, n *Vec) *Vec {
	d := NewVec()
	vector(word, format, d, n)
	return d
}

func two(word uint32, name, to, from string, n *Vec) *Vec {
	return shift(word, fmt.Sprintf("%s v%%d.%s, v%%d.%s", name, to, from), n)
}

func three(word uint32, name, arrangement string, n, m *Vec) *Vec {
	d := NewVec()
	vector(word, fmt.Sprintf("%[1]s v%%d.%[2]s, v%%d.%[2]s, v%%d.%[2]s", name, arrangement), d, n, m)
	return d
}
