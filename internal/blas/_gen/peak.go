package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// peak generates a loop of nothing but multiply-adds, in as many chains as the
// largest tile has: more than latency times throughput.
func peak() {
	TEXT("peakKernel", NOSPLIT, "func(rounds int)")
	Doc("peakKernel does peakChains multiply-adds of 8 elements in each round.")
	rounds := Load(Param("rounds"), GP64())
	x := YMM()
	VXORPS(x, x, x)
	var sum [2 * tileRows]VecVirtual
	for i := range sum {
		sum[i] = YMM()
		VXORPS(sum[i], sum[i], sum[i])
	}
	Label("loop")
	for i := range sum {
		VFMADD231PS(x, x, sum[i])
	}
	DECQ(rounds)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
