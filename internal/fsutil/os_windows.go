package fsutil

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: Windows writes names through.
func syncDir(string) error { return nil }

// lock makes a hidden file .lock that nobody else may open and that goes with its
// handle.
func lock(dir string) (func(), error) {
	name, err := windows.UTF16PtrFromString(filepath.Join(dir, ".lock"))
	if err != nil {
		return nil, err
	}
	const attributes = windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_FLAG_DELETE_ON_CLOSE
	h, err := windows.CreateFile(name, windows.GENERIC_WRITE, 0, nil, windows.OPEN_ALWAYS, attributes, 0)
	switch err {
	case nil:
		return func() { windows.CloseHandle(h) }, nil
	case windows.ERROR_SHARING_VIOLATION:
		return nil, errLocked
	}
	return nil, err
}
