package parallel

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// withThreads sets the number of threads for the rest of the test.
func withThreads(t testing.TB, n int) {
	old := Threads()
	SetThreads(n)
	t.Cleanup(func() { SetThreads(old) })
}

func TestForRunsEachPartOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 7} {
		withThreads(t, threads)
		for _, n := range []int{0, 1, 2, 3, 64, 1000} {
			for range 20 {
				counts := make([]int, n)
				For(n, func(i int) { counts[i]++ })
				for i, c := range counts {
					if c != 1 {
						t.Fatalf("%d threads: part %d of %d ran %d times", threads, i, n, c)
					}
				}
			}
		}
	}
}

func TestRangeCoversOnce(t *testing.T) {
	withThreads(t, 3)
	for _, n := range []int{0, 1, 9, 10, 11, 105} {
		counts := make([]int, n)
		Range(n, 10, func(lo, hi int) {
			if hi-lo > 10 || hi <= lo {
				t.Errorf("Range(%d, 10) gave %d:%d", n, lo, hi)
			}
			for i := lo; i < hi; i++ {
				counts[i]++
			}
		})
		for i, c := range counts {
			if c != 1 {
				t.Fatalf("element %d of %d seen %d times", i, n, c)
			}
		}
	}
}

// Two parts that wait for each other can only end on two goroutines.
func TestForIsConcurrent(t *testing.T) {
	withThreads(t, 2)
	for range 3 {
		a, b := make(chan int), make(chan int)
		For(2, func(i int) {
			if i == 0 {
				a <- 1
				<-b
			} else {
				<-a
				b <- 1
			}
		})
		time.Sleep(2 * workerSpin) // the worker falls asleep and is woken again
	}
}

func TestCallsInsideCallsRunInline(t *testing.T) {
	withThreads(t, 4)
	var total atomic.Int64
	For(8, func(int) {
		inner := 0 // unsynchronised: only correct when inline
		For(100, func(int) { inner++ })
		total.Add(int64(inner))
	})
	if total.Load() != 800 {
		t.Errorf("%d inner parts ran, want 800", total.Load())
	}
}

func TestConcurrentCallers(t *testing.T) {
	withThreads(t, 2)
	done := make(chan int)
	for range 4 {
		go func() {
			sum := 0
			for range 200 {
				var n atomic.Int64
				For(16, func(i int) { n.Add(int64(i)) })
				sum += int(n.Load())
			}
			done <- sum
		}()
	}
	for range 4 {
		if sum := <-done; sum != 200*120 {
			t.Errorf("sum %d, want %d", sum, 200*120)
		}
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	for _, threads := range []int{1, 3} {
		withThreads(t, threads)
		for bad := range 5 {
			want := fmt.Sprintf("part %d", bad)
			func() {
				defer func() {
					if got := recover(); got != want {
						t.Errorf("%d threads: recovered %v, want %q", threads, got, want)
					}
				}()
				For(5, func(i int) {
					if i == bad {
						panic(want)
					}
				})
				t.Error("For returned after a panic")
			}()
			n := atomic.Int64{}
			For(5, func(int) { n.Add(1) })
			if n.Load() != 5 {
				t.Fatalf("after a panic %d of 5 parts ran", n.Load())
			}
		}
	}
}

// A worker that was held up after it had counted the last part of an earlier call
// wakes the caller of this one.
func TestLateWakeEndsNothing(t *testing.T) {
	p := &pool{finished: make(chan struct{}, 1)}
	p.open.Store(1)
	wake := func() {
		for !p.parked.CompareAndSwap(true, false) {
			runtime.Gosched()
		}
		p.finished <- struct{}{}
	}
	var done atomic.Bool
	go func() {
		wake()
		time.Sleep(10 * callerSpin) // for as long a part is still at work
		done.Store(true)
		if p.open.Add(-1) == 0 && p.parked.CompareAndSwap(true, false) {
			p.finished <- struct{}{}
		}
	}()
	if p.await(); !done.Load() {
		t.Error("await returned before the part was done")
	}
}

func TestThreads(t *testing.T) {
	if shared.threads.Load() == 0 && Threads() != runtime.GOMAXPROCS(0) {
		t.Errorf("Threads() = %d, want GOMAXPROCS", Threads())
	}
	withThreads(t, 5)
	if Threads() != 5 {
		t.Errorf("Threads() = %d after SetThreads(5)", Threads())
	}
	defer func() {
		if recover() == nil {
			t.Error("SetThreads(0) was accepted")
		}
	}()
	SetThreads(0)
}

func TestForDoesNotAllocate(t *testing.T) {
	withThreads(t, 2)
	f := func(int) {}
	For(10, f)
	if n := testing.AllocsPerRun(100, func() { For(10, f) }); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
}

func BenchmarkFor(b *testing.B) {
	withThreads(b, 2)
	f := func(int) {}
	for b.Loop() {
		For(4, f)
	}
}
