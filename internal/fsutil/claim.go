package fsutil

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// errLocked is what the system's lock says where another process holds it.
var errLocked = errors.New("another process is at work in it")

// Claim makes a folder where necessary, removes the temporary files that a kill
// left in it, and keeps out other processes that ask for it, until release is
// called or this process ends, however it ends. Where the file system knows no
// locks nobody is kept out.
func Claim(dir string) (release func(), err error) {
	if err := MkdirAll(dir); err != nil {
		return nil, err
	}
	release, err = lock(dir)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("%s is in use: %w; wait for it to end, or choose another folder", dir, err)
	}
	if err != nil {
		release = func() {}
	}
	if err := removeTemporary(dir); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// temporary matches the names that WriteTo gives. Folders of such names are left:
// one may be a merge's that is under way.
var temporary = regexp.MustCompile(`^\..+\.tmp-[0-9]+$`)

func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && temporary.MatchString(e.Name()) {
			if err := Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
