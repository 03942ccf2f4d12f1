package safetensors

import (
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"unsafe"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// mappings are where files are mapped. One that was closed stays until the next is
// opened: where a fault ends a command, the file is closed before Guard looks.
var mappings struct {
	sync.Mutex
	all []mapping
}

type mapping struct {
	file       *File
	start, end uintptr
	closed     bool
}

func enlist(f *File) {
	mappings.Lock()
	defer mappings.Unlock()
	start := uintptr(unsafe.Pointer(unsafe.SliceData(f.mapping)))
	mappings.all = slices.DeleteFunc(mappings.all, func(m mapping) bool { return m.closed })
	mappings.all = append(mappings.all, mapping{f, start, start + uintptr(len(f.mapping)), false})
}

func strike(f *File) {
	mappings.Lock()
	defer mappings.Unlock()
	for i := range mappings.all {
		if mappings.all[i].file == f {
			mappings.all[i].closed = true
		}
	}
}

// pathAt is the file that is mapped at an address; "": none.
func pathAt(address uintptr) string {
	mappings.Lock()
	defer mappings.Unlock()
	for _, m := range mappings.all {
		if m.start <= address && address < m.end {
			return m.file.path
		}
	}
	return ""
}

// ErrUnreadable is what Guard tells of.
var ErrUnreadable = errors.New("the file can no longer be read: it was cut off or overwritten while in use, or its disk has failed")

// Guard runs f. A part of an open file that can no longer be read, because the
// file was cut off or its disk has failed, makes the system fault where it is
// touched; here, and on the workers of package parallel, that becomes an
// *fsutil.InputError of ErrUnreadable in place of the process's death.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		fault, ok := cause.(interface{ Addr() uintptr })
		if !ok {
			panic(cause)
		}
		path := pathAt(fault.Addr())
		if path == "" {
			panic(cause)
		}
		err = fsutil.Input(path, ErrUnreadable)
	}()
	return f()
}
