package main

import (
	"encoding/binary"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Neither avo nor Go's assembler knows the instructions of AVX512_BF16. They are
// written as bytes, and so with registers chosen here.

var (
	zmm = [32]reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	}
	ymm = [32]reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
		reg.Y16, reg.Y17, reg.Y18, reg.Y19, reg.Y20, reg.Y21, reg.Y22, reg.Y23, reg.Y24, reg.Y25, reg.Y26, reg.Y27, reg.Y28, reg.Y29, reg.Y30, reg.Y31,
	}
)

// opcode is an instruction on three vector registers in the opcode map 0F38.
type opcode struct {
	name   string
	prefix byte // the SIMD prefix as EVEX numbers it: 2 for F3, 3 for F2
	code   byte
}

var (
	vdpbf16ps      = opcode{"VDPBF16PS", 2, 0x52}
	vcvtne2ps2bf16 = opcode{"VCVTNE2PS2BF16", 3, 0x72}
)

// encode is the instruction on 512-bit registers number d (destination), v
// (first source) and m (second source); Intel SDM, volume 2, 2.7. EVEX holds the
// registers' upper bits inverted.
func (o opcode) encode(d, v, m byte) [6]byte {
	inverted := func(r, bit, to byte) byte { return (^r >> bit & 1) << to }
	return [6]byte{
		0x62,
		inverted(d, 3, 7) | inverted(m, 4, 6) | inverted(m, 3, 5) | inverted(d, 4, 4) | 2,
		(^v&15)<<3 | 1<<2 | o.prefix,
		2<<5 | inverted(v, 4, 3),
		o.code,
		0xc0 | d&7<<3 | m&7,
	}
}

// emit writes the instruction, with operands in the order of Go's assembler.
func (o opcode) emit(m, v, d reg.VecPhysical) {
	code := o.encode(byte(reg.ToPhysical(d).PhysicalIndex()), byte(reg.ToPhysical(v).PhysicalIndex()), byte(reg.ToPhysical(m).PhysicalIndex()))
	Comment(o.name + " " + m.Asm() + ", " + v.Asm() + ", " + d.Asm())
	Instruction(&ir.Instruction{Opcode: "LONG", Operands: []Op{U32(binary.LittleEndian.Uint32(code[:]))}})
	Instruction(&ir.Instruction{Opcode: "WORD", Operands: []Op{U16(binary.LittleEndian.Uint16(code[4:]))}})
}

// dotPairs adds to each word of d the products of the bfloat16 numbers in those
// of m and v, the upper ones first.
func dotPairs(m, v, d reg.VecPhysical) { vdpbf16ps.emit(m, v, d) }

// roundPairs rounds the words of lo and hi to bfloat16, as the lower and the
// upper half of d.
func roundPairs(lo, hi, d reg.VecPhysical) { vcvtne2ps2bf16.emit(lo, hi, d) }
