package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// round generates the rounding of float32 to bfloat16 values, in place, as
// VCVTNE2PS2BF16 does it, for processors that have it not or that are slow at
// VDPBF16PS.
func round() {
	TEXT("roundAVX512", NOSPLIT, "func(p *float32, blocks int)")
	Pragma("noescape")
	Doc("roundAVX512 is roundToBF16 of 16·blocks elements.")
	p := Load(Param("p"), GP64())
	blocks := Load(Param("blocks"), GP64())
	broadcast := func(bits uint32) reg.VecVirtual {
		r, z := GP32(), ZMM()
		MOVL(U32(bits), r)
		VPBROADCASTD(r, z)
		return z
	}
	sign, exponent, upper := broadcast(1<<31), broadcast(0x7f800000), broadcast(0xffff0000)
	half, one, quiet := broadcast(0x7fff), broadcast(1), broadcast(0x400000)

	Label("loop")
	x, r, nan, zero := ZMM(), ZMM(), K(), K()
	VMOVUPS(Mem{Base: p}, x)
	VPSRLD(Imm(16), x, r) // x + 0x7fff + the last bit that stays
	VPANDD(one, r, r)
	VPADDD(half, r, r)
	VPADDD(x, r, r)
	VCMPPS(Imm(3), x, x, nan)
	VPORD(quiet, x, nan, r)
	VPANDD(upper, r, r)
	VPTESTNMD(exponent, x, zero) // zeros and subnormal numbers
	VPANDD(sign, x, zero, r)
	VMOVUPS(r, Mem{Base: p})
	ADDQ(Imm(64), p)
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
