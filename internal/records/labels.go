package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// maxLabels is the longest file of labels.
const maxLabels = 64 << 20

// labelled gives records without a label or answer those that stand, one a line,
// in a file of their own: PIQA and Social IQa are published as dev.jsonl with
// dev-labels.lst beside it. end, called behind the last record, says whether the
// two files fit.
func labelled(path string, fn func(string, json.RawMessage) error) (with func(string, json.RawMessage) error, end func() error) {
	none := func() error { return nil }
	stem := strings.TrimSuffix(filepath.Base(path), ".gz")
	stem = strings.TrimSuffix(stem, filepath.Ext(stem))
	apart := filepath.Join(filepath.Dir(path), stem+"-labels.lst")
	_, err := os.Stat(apart)
	if errors.Is(err, fs.ErrNotExist) {
		return fn, none
	}
	var labels [][]byte
	if err == nil {
		var raw []byte
		raw, err = fsutil.ReadFile(apart, maxLabels)
		labels = bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	}
	n, used := 0, false
	with = func(where string, raw json.RawMessage) error {
		n++
		var has struct{ Label, Answer json.RawMessage }
		if json.Unmarshal(raw, &has) != nil || has.Label != nil || has.Answer != nil {
			return fn(where, raw)
		}
		if err != nil {
			return fsutil.Input(apart, err)
		}
		if n > len(labels) {
			return fsutil.Inputf(where, "there is no label for it: %s has %d lines", apart, len(labels))
		}
		used = true
		label, err := json.Marshal(string(bytes.TrimSpace(labels[n-1])))
		if err != nil {
			return err
		}
		comma := ","
		if bytes.Equal(bytes.TrimSpace(raw[1:len(raw)-1]), nil) {
			comma = ""
		}
		return fn(where, fmt.Appendf(nil, `%s%s"label":%s}`, bytes.TrimSpace(raw[:len(raw)-1]), comma, label))
	}
	return with, func() error {
		if used && n < len(labels) {
			return fsutil.Inputf(apart, "it has %d labels for the %d records of %s", len(labels), n, path)
		}
		return nil
	}
}
