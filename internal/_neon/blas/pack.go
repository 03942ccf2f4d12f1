package main

import . "github.com/stablelora/stablelora/internal/_neon/asm"

// format is a stored number format: load widens 8 elements to float32.
type format struct {
	name, goType string
	size         int
	load         func(r Reg, disp int) (lo, hi *Vec)
}

var formats = []format{
	{"F32", "float32", 4, LoadPair},
	{"BF16", "uint16", 2, widening(SHLL, SHLL2)},
	{"F16", "uint16", 2, widening(FCVTL, FCVTL2)},
}

func widening(low, high func(*Vec) *Vec) func(Reg, int) (lo, hi *Vec) {
	return func(r Reg, disp int) (lo, hi *Vec) {
		h := NewVec()
		Op("FMOVQ", Mem(r, disp), h)
		return low(h), high(h)
	}
}

// packColumns generates the packing of 8 rows of src, the columns of a panel of
// B, into 8 of its tileCols columns: blocks of 8 k steps are transposed.
func packColumns(f format) {
	Func("packColumns"+f.name+"Kernel", "dst *float32, src *"+f.goType+", ld uintptr, blocks int", "",
		"the transposition of 8 rows of 8·blocks elements, ld bytes apart, into 8 columns of a panel.")
	dst, row := Load("dst"), rows(8)
	loop("loop", Load("blocks"), func() {
		for i := 0; i < 8; i += 4 {
			var lo, hi [4]*Vec
			for k := range 4 {
				lo[k], hi[k] = f.load(row[i+k], 0)
				Op("ADD", 8*f.size, row[i+k], row[i+k])
			}
			for k, v := range transpose(lo) {
				Op("FMOVQ", v, Mem(dst, 4*(k*tileCols+i)))
			}
			for k, v := range transpose(hi) {
				Op("FMOVQ", v, Mem(dst, 4*((k+4)*tileCols+i)))
			}
		}
		Op("ADD", 8*4*tileCols, dst, dst)
	})
	Return()
}

// rows are pointers to n rows of src that begin ld bytes apart.
func rows(n int) []Reg {
	r := []Reg{Load("src")}
	ld := Load("ld")
	for i := 1; i < n; i++ {
		r = append(r, NewReg())
		Op("ADD", ld, r[i-1], r[i])
	}
	return r
}

// transpose emits the transposition of a 4x4 block of float32.
func transpose(r [4]*Vec) (c [4]*Vec) {
	even, odd := [2]*Vec{}, [2]*Vec{} // columns 0 2, and 1 3, of two rows
	for i := range even {
		even[i], odd[i] = TRN1(r[2*i], r[2*i+1]), TRN2(r[2*i], r[2*i+1])
	}
	return [4]*Vec{ZIP12D(even[0], even[1]), ZIP12D(odd[0], odd[1]), ZIP22D(even[0], even[1]), ZIP22D(odd[0], odd[1])}
}

// packLeft generates the packing of six rows of A.
func packLeft() {
	Func("packLeftKernel", "dst, src *float32, ld uintptr, blocks int", "",
		"the transposition of 6 rows of 4·blocks elements, ld bytes apart, into a panel of A.")
	dst, row := Load("dst"), rows(tileRows)
	loop("loop", Load("blocks"), func() {
		var v [tileRows]*Vec
		for i := range v {
			v[i] = NewVec()
			Op("FMOVQ.P", Mem(row[i], 16), v[i])
		}
		first, last := ZIP1(v[4], v[5]), ZIP2(v[4], v[5]) // rows 4 and 5 of steps 0 1 and 2 3
		pairs := [4]*Vec{first, EXT(first, 8), last, EXT(last, 8)}
		for k, t := range transpose([4]*Vec(v[:4])) {
			Op("FMOVQ.P", t, Mem(dst, 16))
			Op("FMOVD.P", pairs[k], Mem(dst, 8))
		}
	})
	Return()
}

// packRows generates the packing of a panel of B whose rows are contiguous.
func packRows(f format) {
	Func("packRows"+f.name+"Kernel", "dst *float32, src *"+f.goType+", ld uintptr, depth int", "",
		"the copy of 16 elements of each of depth rows, ld bytes apart, to a panel.")
	dst, src, ld := Load("dst"), Load("src"), Load("ld")
	loop("loop", Load("depth"), func() {
		lo, hi := f.load(src, 0)
		StorePair(lo, hi, dst, 0)
		lo, hi = f.load(src, 8*f.size)
		StorePair(lo, hi, dst, 32)
		Op("ADD", ld, src, src)
		Op("ADD", 4*tileCols, dst, dst)
	})
	Return()
}
