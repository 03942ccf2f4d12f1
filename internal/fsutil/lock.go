package fsutil

import (
	"errors"
	"fmt"
)

// errLocked is what the system's lock says where another process holds it.
var errLocked = errors.New("another process is at work in it")

// Lock keeps other processes that ask for it out of a folder, which must be
// there, until unlock is called or this process ends, however it ends. Where
// the file system knows no locks it does nothing.
func Lock(dir string) (unlock func(), err error) {
	unlock, err = lock(dir)
	switch {
	case errors.Is(err, errLocked):
		return nil, fmt.Errorf("%s is in use: %w; wait for it to end, or choose another folder", dir, err)
	case err != nil:
		return func() {}, nil
	}
	return unlock, nil
}
