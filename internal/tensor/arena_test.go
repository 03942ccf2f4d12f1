package tensor

import "testing"

func TestArenaReusesMemory(t *testing.T) {
	var a Arena
	x := a.Alloc(3, 5)
	m := a.Mark()
	y := a.Alloc(2, minSlab) // a slab of its own
	if x.Rows != 3 || x.Cols != 5 || x.Stride != 5 || len(x.Data) != 15 {
		t.Fatalf("Alloc(3, 5) = %+v", x)
	}
	x.Data[14], y.Data[0] = 1, 2
	a.Release(m)
	if z := a.Alloc(1, 10); &z.Data[0] == &x.Data[14] || x.Data[14] != 1 {
		t.Error("memory allocated before the mark was handed out again")
	}
	if n := testing.AllocsPerRun(10, func() { a.Reset(); a.Alloc(3, 5); a.Alloc(2, minSlab) }); n != 0 {
		t.Errorf("%v allocations in a pass already seen", n)
	}
}

func TestArenaBytes(t *testing.T) {
	var a Arena
	m := a.Mark()
	a.Floats(100)
	a.Release(m)
	a.Floats(7)
	a.Floats(minSlab - 5) // does not fit behind them
	if got := a.Bytes(); got != 4*(100+minSlab-5) {
		t.Errorf("%d bytes", got)
	}
}

func TestArenaReserve(t *testing.T) {
	var a Arena
	a.Reserve(3 * minSlab)
	a.Floats(minSlab - 1)
	a.Floats(2 * minSlab)
	if a.Reserve(1); len(a.slabs) != 1 || a.Bytes() != 4*(3*minSlab-1) {
		t.Errorf("%d slabs, %d bytes", len(a.slabs), a.Bytes())
	}
}
