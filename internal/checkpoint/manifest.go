package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// ManifestFile lists the other files of a checkpoint.
const ManifestFile = "manifest.json"

const maxManifest = 1 << 20 // bytes

type manifest struct {
	Files []manifestFile `json:"files"`
}

type manifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hexadecimal
}

// seal syncs every file of dir and writes the manifest.
func seal(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var m manifest
	for _, e := range entries { // sorted by name
		path := filepath.Join(dir, e.Name())
		if !e.Type().IsRegular() || e.Name() == ManifestFile {
			return fmt.Errorf("%s does not belong into a checkpoint", path)
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		size, sum, err := hash(f)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
		m.Files = append(m.Files, manifestFile{e.Name(), size, sum})
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return fsutil.WriteFile(filepath.Join(dir, ManifestFile), append(text, '\n'))
}

func hash(r io.Reader) (size int64, sum string, err error) {
	h := sha256.New()
	size, err = io.Copy(h, r)
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// ErrNoManifest says that a folder is no checkpoint, or one never completed.
var ErrNoManifest = errors.New("is missing: no complete checkpoint is here, resume from another")

// Verify reads a whole checkpoint and reports a missing or broken manifest and
// the first file that is missing or not as it was written, as an InputError.
func Verify(dir string) error {
	m, err := check(dir)
	if err != nil {
		return err
	}
	for _, mf := range m.Files {
		path := filepath.Join(dir, mf.Name)
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, sum, err := hash(f)
		f.Close()
		if err != nil {
			return err
		}
		if sum != mf.SHA256 {
			return fsutil.Inputf(path, "its SHA-256 is not that of %s: the checkpoint is damaged, resume from another", ManifestFile)
		}
	}
	return nil
}

// check is Verify without reading the files: their presence and sizes.
func check(dir string) (manifest, error) {
	m, err := readManifest(filepath.Join(dir, ManifestFile))
	if err != nil {
		return m, err
	}
	for _, mf := range m.Files {
		path := filepath.Join(dir, mf.Name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return m, fsutil.Inputf(path, "is missing: the checkpoint is incomplete, resume from another")
		case err != nil:
			return m, err
		case !info.Mode().IsRegular():
			return m, fsutil.Inputf(path, "is not a plain file: the checkpoint is damaged, resume from another")
		case info.Size() != mf.Size:
			return m, fsutil.Inputf(path, "has %d bytes, %s says %d: the checkpoint is damaged, resume from another",
				info.Size(), ManifestFile, mf.Size)
		}
	}
	return m, nil
}

func readManifest(path string) (m manifest, err error) {
	if info, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return m, fsutil.Input(path, ErrNoManifest)
	} else if err != nil {
		return m, err
	} else if !info.Mode().IsRegular() || info.Size() > maxManifest {
		return m, fsutil.Inputf(path, "is not a manifest: not a plain file or above %d bytes", maxManifest)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fsutil.Inputf(path, "is not a manifest: %w", err)
	}
	if len(m.Files) == 0 {
		return m, fsutil.Inputf(path, "is not a manifest: it lists no files")
	}
	for i, f := range m.Files {
		if !isPlainName(f.Name) {
			return m, fsutil.Inputf(path, "file name %q would leave the checkpoint", f.Name)
		}
		if i > 0 && f.Name <= m.Files[i-1].Name { // each is read once
			return m, fsutil.Inputf(path, "is not a manifest: file name %q is out of order", f.Name)
		}
	}
	return m, nil
}

// isPlainName refuses everything that is not one name in the folder itself, and
// what no system takes for a name, which would look like a disk that fails.
func isPlainName(name string) bool {
	return filepath.IsLocal(name) && name != "." && !strings.ContainsAny(name, "/\\\x00") && len(name) <= 255
}
