package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pairs generates the kernel for `rows` rows of A and 16 columns of B that has
// the bits of VDPBF16PS: of each two steps of k the second comes first, and
// subnormal numbers, operands and results, are zeros.
func pairs(rows int) {
	name := fmt.Sprintf("pairs%dKernel", rows)
	TEXT(name, NOSPLIT, "func(pairs int, a, b, c *float32, ldc uintptr, acc bool)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the kernel for %d x %d elements of C and panels of bfloat16 values.", name, rows, tileCols))

	csr := AllocLocal(8) // the caller's and this function's MXCSR
	flags := GP32()
	STMXCSR(csr)
	MOVL(csr, flags)
	ORL(U32(denormalsAreZero|flushToZero), flags)
	MOVL(flags, csr.Offset(4))
	LDMXCSR(csr.Offset(4))

	n := Load(Param("pairs"), GP64())
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())
	c := strided(rows, Load(Param("c"), GP64()), Load(Param("ldc"), GP64()))
	acc := Load(Param("acc"), GP8())
	sum := loadTile(rows, c, acc)
	b0, b1, x := YMM(), YMM(), YMM()

	Label("loop")
	for _, k := range []int{1, 0} {
		VMOVUPS(Mem{Base: b, Disp: k * 4 * tileCols}, b0)
		VMOVUPS(Mem{Base: b, Disp: k*4*tileCols + 32}, b1)
		for i := range rows {
			VBROADCASTSS(Mem{Base: a, Disp: 4 * (k*tileRows + i)}, x)
			VFMADD231PS(b0, x, sum[i][0])
			VFMADD231PS(b1, x, sum[i][1])
		}
	}
	ADDQ(U32(2*4*tileRows), a)
	ADDQ(U32(2*4*tileCols), b)
	DECQ(n)
	JNZ(LabelRef("loop"))
	LDMXCSR(csr)
	storeTile(rows, c, sum)
}

// Bits of MXCSR.
const (
	denormalsAreZero = 1 << 6
	flushToZero      = 1 << 15
)

// round generates the rounding of float32 to bfloat16 values, in place, as
// VCVTNE2PS2BF16 does it.
func round() {
	TEXT("roundKernel", NOSPLIT, "func(p *float32, blocks int)")
	Pragma("noescape")
	Doc("roundKernel is roundToBF16 of 8·blocks elements.")
	p := Load(Param("p"), GP64())
	blocks := Load(Param("blocks"), GP64())
	constant := func(bits uint32) VecVirtual {
		r, x, y := GP32(), XMM(), YMM()
		MOVL(U32(bits), r)
		VMOVD(r, x)
		VPBROADCASTD(x, y)
		return y
	}
	sign, exponent, upper := constant(1<<31), constant(0x7f800000), constant(0xffff0000)
	half, one, quiet, zero := constant(0x7fff), constant(1), constant(0x400000), YMM()
	VPXOR(zero, zero, zero)

	Label("loop")
	x, r, mask, t := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: p}, x)
	VPSRLD(Imm(16), x, r) // x + 0x7fff + the last bit that stays
	VPAND(one, r, r)
	VPADDD(half, r, r)
	VPADDD(x, r, r)
	VPOR(quiet, x, t)
	VCMPPS(Imm(3), x, x, mask) // unordered: NaN
	VBLENDVPS(mask, t, r, r)
	VPAND(upper, r, r)
	VPAND(exponent, x, mask) // 0 of zeros and subnormal numbers
	VPCMPEQD(zero, mask, mask)
	VPAND(sign, x, t)
	VBLENDVPS(mask, t, r, r)
	VMOVUPS(r, Mem{Base: p})
	ADDQ(Imm(32), p)
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
