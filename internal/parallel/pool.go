package parallel

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// pool runs one job at a time. Parts are claimed by lowering left; whoever
// lowers it holds a part of the present job, which cannot end before the part
// does, and may therefore read the job's other fields. A worker that wakes too
// late finds left at 0 and touches nothing: the caller never waits for it.
type pool struct {
	threads atomic.Int64 // 0: not set
	busy    atomic.Bool  // a job runs; its caller alone may write n, f and workers
	workers []*worker

	n    int
	f    func(int)
	left atomic.Int64 // parts not claimed
	open atomic.Int64 // parts not done

	parked   atomic.Bool // the caller sleeps on finished
	finished chan struct{}

	mu       sync.Mutex
	panicked bool
	value    any
}

// worker is a goroutine that watches for calls.
type worker struct {
	calls  atomic.Uint64 // raised to call the worker
	parked atomic.Bool   // it sleeps on wake
	wake   chan struct{}
}

// A worker that has run out of work watches for more for a while before it
// sleeps: waking a sleeping thread takes longer than many products do.
const (
	workerSpin = time.Millisecond
	callerSpin = 100 * time.Microsecond
)

// run shares n parts between the caller and helpers workers; busy is held.
func (p *pool) run(helpers, n int, f func(int)) {
	if p.finished == nil {
		p.finished = make(chan struct{}, 1)
	}
	for len(p.workers) < helpers {
		w := &worker{wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		go w.loop(p)
	}
	p.n, p.f = n, f
	p.open.Store(int64(n))
	p.left.Store(int64(n)) // from here on parts can be claimed
	for _, w := range p.workers[:helpers] {
		w.calls.Add(1)
		if w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	p.drain()
	p.await()

	failed, value := p.panicked, p.value
	p.f, p.panicked, p.value = nil, false, nil
	p.busy.Store(false)
	if failed {
		panic(value)
	}
}

// drain claims parts and runs them until none is left.
func (p *pool) drain() {
	for {
		left := p.left.Load()
		if left <= 0 {
			return
		}
		if p.left.CompareAndSwap(left, left-1) {
			p.part(p.n - int(left))
		}
	}
}

// part runs part i and counts it as done, also if it panics.
func (p *pool) part(i int) {
	normal := false
	defer func() {
		done := int64(1)
		if !normal {
			done += p.fail(recover())
		}
		if p.open.Add(-done) == 0 && p.parked.CompareAndSwap(true, false) {
			p.finished <- struct{}{}
		}
	}()
	p.f(i)
	normal = true
}

// fail notes the first panic and drops the parts nobody has claimed; it returns
// their number.
func (p *pool) fail(value any) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.panicked {
		p.panicked, p.value = true, value
	}
	return p.left.Swap(0)
}

// await returns when all parts are done. A worker held up between counting the
// last part of an earlier call and looking at parked may wake it too soon: it
// then waits on.
func (p *pool) await() {
	for !spin(callerSpin, func() bool { return p.open.Load() == 0 }) {
		p.parked.Store(true)
		if p.open.Load() > 0 || !p.parked.CompareAndSwap(true, false) {
			<-p.finished
		}
	}
}

func (w *worker) loop(p *pool) {
	debug.SetPanicOnFault(true) // a mapped file that was cut off is the caller's to tell
	var seen uint64
	called := func() bool { return w.calls.Load() != seen }
	for {
		if !spin(workerSpin, called) {
			w.parked.Store(true)
			if !called() || !w.parked.CompareAndSwap(true, false) {
				<-w.wake
			}
		}
		seen = w.calls.Load()
		p.drain()
	}
}

// spin watches for cond, at most for about the given time, and says whether it
// came true. It lets other goroutines run in between.
func spin(limit time.Duration, cond func() bool) bool {
	var start time.Time
	for round := 0; ; round++ {
		for range 200 {
			if cond() {
				return true
			}
		}
		runtime.Gosched()
		if round == 0 {
			start = time.Now()
		} else if time.Since(start) > limit {
			return false
		}
	}
}
