package parallel

import "runtime"

// shared is the pool of this process.
var shared pool

// SetThreads sets how many goroutines, the caller among them, a call may use
// from now on.
func SetThreads(n int) {
	if n < 1 {
		panic("parallel: SetThreads needs at least one thread")
	}
	shared.threads.Store(int64(n))
}

// Threads is the number last given to SetThreads, GOMAXPROCS before that.
func Threads() int {
	if n := shared.threads.Load(); n > 0 {
		return int(n)
	}
	return runtime.GOMAXPROCS(0)
}

// For calls f(0), …, f(n-1), each once and in no fixed order, and returns when
// all have returned. If one panics, parts that have not begun are left out and
// For panics with the same value.
func For(n int, f func(i int)) {
	workers := min(Threads(), n)
	if workers <= 1 || !shared.busy.CompareAndSwap(false, true) {
		for i := range n {
			f(i)
		}
		return
	}
	shared.run(workers-1, n, f)
}

// Range cuts 0, …, n-1 into pieces of grain elements, the last one perhaps
// smaller, and calls f(lo, hi) for each piece lo ≤ i < hi as For does.
func Range(n, grain int, f func(lo, hi int)) {
	if n <= grain {
		if n > 0 {
			f(0, n)
		}
		return
	}
	For((n+grain-1)/grain, func(i int) {
		f(i*grain, min(n, (i+1)*grain))
	})
}
