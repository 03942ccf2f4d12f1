package main

import (
	"fmt"

	. "github.com/stablelora/stablelora/internal/_neon/asm"
)

// tile generates the kernel for `rows` rows of A and 16 columns of B: four
// accumulators a row, one fused multiply-add on each per step of k.
func tile(rows int) {
	name := fmt.Sprintf("tile%dKernel", rows)
	Func(name, "depth int, a *float32, rs, cs uintptr, b *float32, ldb uintptr, c *float32, ldc uintptr, acc bool", "",
		fmt.Sprintf("the kernel for %d x %d elements of C; see tile.multiplyGeneric. Strides are in bytes.", rows, tileCols))
	depth, a, rs, cs := Load("depth"), Load("a"), Load("rs"), Load("cs")
	b, ldb, c, ldc := Load("b"), Load("ldb"), Load("c"), Load("ldc")
	sum, _ := loadTile(rows, c, ldc)

	loadB := func() [4]*Vec {
		v := loadRow(b, 0)
		Op("ADD", ldb, b, b)
		return v
	}
	Op("CMP", 4, rs)
	Branch("BNE", "apart")

	none := func(int) {} // strides are added in each step
	steps("packed", depth, func(int) {
		v, x := loadB(), loadColumn(rows, a, 0)
		Op("ADD", cs, a, a)
		sum.add(v, x)
	}, none)
	Op("JMP", "store")

	Label("apart") // the rows of A
	row := [tileRows]Reg{a}
	for i := 1; i < rows; i++ {
		row[i] = NewReg()
		Op("ADD", rs, row[i-1], row[i])
	}
	steps("strided", depth, func(int) {
		v := loadB()
		for i := range rows {
			x := LD1R(row[i], cs)
			for j := range v {
				FMLA(sum[i][j], v[j], x)
			}
		}
	}, none)

	Label("store")
	storeTile(rows, c, ldc, sum)
	Return()
}

// panels generates the kernel for whole tiles one below the other: packed panels
// of A against one panel of B.
func panels() {
	Func("panelsKernel", "n, depth int, a, b, c *float32, ldc uintptr, acc bool", "",
		"tile6Kernel for n packed panels of A, which follow one another, and tiles of C below one another.")
	n, a, first, c, ldc := Load("n"), Load("a"), Load("b"), Load("c"), Load("ldc")
	b, depth := NewReg(), NewReg()
	loop("panel", n, func() {
		Op("MOVD", first, b)
		Op("MOVD", Param("depth"), depth)
		sum, below := loadTile(tileRows, c, ldc)
		for range tileRows {
			Op("PRFM", Mem(below, 0), "PSTL1KEEP")
			Op("ADD", ldc, below, below)
		}
		steps("steps", depth, func(u int) {
			sum.add(loadRow(b, u), loadColumn(tileRows, a, u*tileRows))
		}, func(steps int) {
			Op("ADD", steps*4*tileRows, a, a)
			Op("ADD", steps*4*tileCols, b, b)
		})
		storeTile(tileRows, c, ldc, sum)
	})
	Return()
}

// loadRow loads row number k of a panel of B.
func loadRow(b Reg, k int) (v [4]*Vec) {
	v[0], v[1] = LoadPair(b, 4*k*tileCols)
	v[2], v[3] = LoadPair(b, 4*k*tileCols+32)
	return v
}

type sums [tileRows][4]*Vec

// add emits one step of k: row v of B, column x of A.
func (sum *sums) add(v [4]*Vec, x []Lane) {
	for i := range x {
		for j := range v {
			FMLALane(sum[i][j], v[j], x[i])
		}
	}
}

// loadTile starts the chains: at C if the parameter acc is not 0, else at 0. The
// next tile's rows begin at below.
func loadTile(rows int, c, ldc Reg) (sum sums, below Reg) {
	acc, row := NewReg(), NewReg()
	Op("MOVBU", Param("acc"), acc)
	Op("MOVD", c, row)
	Branch("CBZ", acc, "zero")
	for i := range rows {
		sum[i][0], sum[i][1] = LoadPair(row, 0)
		sum[i][2], sum[i][3] = LoadPair(row, 32)
		Op("ADD", ldc, row, row)
	}
	Op("JMP", "start")
	Label("zero")
	for i := range rows {
		Op("PRFM", Mem(row, 0), "PSTL1KEEP") // needed in the end
		Op("ADD", ldc, row, row)
		for _, s := range sum[i] {
			Clear(s)
		}
	}
	Label("start")
	return sum, row
}

// storeTile writes the sums to C; c then points to the next tile's rows.
func storeTile(rows int, c, ldc Reg, sum sums) {
	for i := range rows {
		StorePair(sum[i][0], sum[i][1], c, 0)
		StorePair(sum[i][2], sum[i][3], c, 32)
		Op("ADD", ldc, c, c)
	}
}

// steps emits step depth times, in a loop of four, which step gets the number of,
// and a loop of one; each round ends with advance. It comes out with depth 0.
func steps(label string, depth Reg, step, advance func(int)) {
	const unroll = 4
	Op("SUBS", unroll, depth, depth)
	Branch("BLT", label+"Rest")
	Label(label)
	for u := range unroll {
		step(u)
	}
	advance(unroll)
	Op("SUBS", unroll, depth, depth)
	Branch("BGE", label)
	Label(label + "Rest")
	Op("ADDS", unroll, depth, depth)
	Branch("BEQ", label+"Done")
	loop(label+"Single", depth, func() {
		step(0)
		advance(1)
	})
	Label(label + "Done")
}

// loadColumn loads as many elements as there are rows, from number `from` on, and
// nothing beyond.
func loadColumn(rows int, a Reg, from int) (x []Lane) {
	for _, part := range []struct {
		op   string
		size int
	}{{"FMOVQ", 4}, {"FMOVD", 2}, {"FMOVS", 1}} {
		if rows&part.size == 0 {
			continue
		}
		v := NewVec()
		Op(part.op, Mem(a, 4*(from+len(x))), v)
		for i := range part.size {
			x = append(x, v.Lane(i))
		}
	}
	return x
}

// peak generates a loop of nothing but multiply-adds, in as many chains as the
// largest tile has: more than latency times throughput.
func peak() {
	Func("peakKernel", "rounds int", "", "peakChains multiply-adds of 8 elements in each round.")
	rounds := Load("rounds")
	x := Zero()
	var sum [4 * tileRows]*Vec
	for i := range sum {
		sum[i] = Zero()
	}
	loop("loop", rounds, func() {
		for _, s := range sum {
			FMLA(s, x, x)
		}
	})
	Return()
}
