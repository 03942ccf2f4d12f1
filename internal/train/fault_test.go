package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/checkpoint"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/parallel"
)

// disk fails a run at one of its changes of the file system, counted from 0.
type disk struct {
	changes int
	failAt  int
	dead    bool // nothing is changed after failAt: the process is gone
	err     error
	undo    *powerCut // what was not synced is lost too
}

func (d *disk) change(c fsutil.Change) error {
	n := d.changes
	d.changes++
	if n == d.failAt || d.dead && n > d.failAt {
		return d.err
	}
	if d.undo != nil {
		d.undo.note(c)
	}
	return nil
}

// powerCut knows what of a run would be lost: content of files that was not
// synced, and names of which the folder was not.
type powerCut struct {
	t       *testing.T
	synced  map[string]int64 // by file that was written to: bytes that are safe
	renames []fsutil.Change
	saved   map[string][]byte // by the new name: the file that was there before
}

func (p *powerCut) note(c fsutil.Change) {
	switch c.Op {
	case fsutil.OpCreate:
		p.synced[c.Path] = fileSize(c.Path)
	case fsutil.OpWrite: // of a temporary file
		if _, ok := p.synced[c.Path]; !ok {
			p.synced[c.Path] = 0
		}
	case fsutil.OpSync:
		p.synced[c.Path] = fileSize(c.Path)
	case fsutil.OpRename:
		if old, err := os.ReadFile(c.To); err == nil {
			p.saved[c.To] = old
		}
		p.renames = append(p.renames, c)
	case fsutil.OpSyncDir:
		p.renames = slices.DeleteFunc(p.renames, func(r fsutil.Change) bool {
			return filepath.Dir(r.To) == filepath.Clean(c.Path)
		})
	}
}

// lose does to the disk what the cut does: renames are undone, the newest first,
// and of what was not synced half is gone.
func (p *powerCut) lose() {
	for _, r := range slices.Backward(p.renames) {
		if os.Rename(r.To, r.Path) != nil {
			continue // removed since
		}
		if old, ok := p.saved[r.To]; ok {
			if err := os.WriteFile(r.To, old, 0o644); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	for path, safe := range p.synced {
		if now := fileSize(path); now > safe {
			if err := os.Truncate(path, safe+(now-safe)/2); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// fileSize is 0 for a file that is not there.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// faultRun writes everything a run can: checkpoints, some of them pruned, a
// held-out loss, the final files.
func faultRun(t *testing.T) *config.Config {
	return demoRun(t, func(c *config.Config) {
		c.Train.MaxSteps, c.Train.BatchSize, c.Train.MicroBatchSize = 2, 1, 1
		c.LoRA.TargetModules = config.Targets{Names: []string{"q_proj"}}
		c.LoRA.Layers = []int{0}
		c.Output.SaveEvery, c.Output.KeepLast = 1, 1
		c.Data.Eval = c.Data.Train[:1]
		c.Data.Eval[0].MaxSamples = 2
	})
}

var times = regexp.MustCompile(`"(elapsed_seconds|tokens_per_second)": ?[0-9.e+-]+`)

// folder is the content of a run's files but for times and its own name, and the
// manifests, which hash them.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == checkpoint.ManifestFile {
			return err
		}
		data := times.ReplaceAll(read(t, path), nil)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(bytes.ReplaceAll(data, []byte(dir), []byte("DIR")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Every single change of the file system that a run makes fails in turn: as an
// error that is told, as a death of the process, and as a power cut that takes
// with it what was not synced. Resumed, each run ends with the files of one that
// was left alone.
func TestEveryFault(t *testing.T) {
	defer parallel.SetThreads(parallel.Threads())
	parallel.SetThreads(1)
	shared := &Shared{} // the model, the tokenizer and the records are opened once
	defer shared.Close()
	whole := faultRun(t)
	counter := &disk{failAt: -1}
	end := fsutil.InjectFaults(counter.change)
	mustRun(t, whole, Options{Shared: shared})
	end()
	want := folder(t, whole.Output.Dir)
	if counter.changes < 50 {
		t.Fatalf("only %d changes were seen", counter.changes)
	}
	stride := 3 // each change fails in one of the ways
	if os.Getenv("STABLELORA_TEST_FAULTS") == "all" {
		stride = 1
	}
	resumed := 0
	for first, mode := range []string{"error", "death", "power cut"} {
		for n := first % stride; n < counter.changes; n += stride {
			cfg := faultRun(t)
			d := &disk{failAt: n, err: syscall.ENOSPC}
			if mode != "error" {
				d.dead, d.err = true, errors.New("no more process")
			}
			if mode == "power cut" {
				d.undo = &powerCut{t: t, synced: map[string]int64{}, saved: map[string][]byte{}}
			}
			end := fsutil.InjectFaults(d.change)
			_, err := Run(context.Background(), Options{Config: cfg, Reporter: &reporter{}, Shared: shared})
			end()
			if err == nil && mode != "error" {
				t.Errorf("%s at change %d: the run ended well", mode, n)
			}
			if mode == "error" && err != nil && !strings.Contains(err.Error(), "no space left") {
				t.Errorf("%s at change %d: said %v", mode, n, err)
			}
			if d.undo != nil {
				d.undo.lose()
			}
			talk := &reporter{}
			mustRun(t, cfg, Options{Resume: "auto", Reporter: talk, Shared: shared})
			if strings.Contains(strings.Join(talk.said, "\n"), "resuming from") {
				resumed++
			}
			if diff := cmp.Diff(want, folder(t, cfg.Output.Dir)); diff != "" {
				t.Errorf("%s at change %d: other files (-want +got):\n%.2000s", mode, n, diff)
			}
			os.RemoveAll(cfg.Output.Dir)
		}
	}
	t.Logf("%d changes, %d of them failed in each way; %d of the runs went on from a checkpoint", counter.changes, counter.changes/stride, resumed)
	if resumed < counter.changes/stride {
		t.Errorf("only %d runs went on from a checkpoint", resumed)
	}
}
