package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// onDisk runs shell commands in the folder of a workshop, in which the folder disk
// is a file system of its own of so many kilobytes; it skips where a user may not
// mount one.
func onDisk(t *testing.T, dir string, kilobytes int, commands string) string {
	t.Helper()
	script := fmt.Sprintf("mkdir -p disk && mount -t tmpfs -o size=%dk none disk || exit 77\n%s", kilobytes, commands)
	cmd := exec.Command("unshare", "-rm", "sh", "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("no file system could be mounted in a user namespace: %v: %s", err, out)
	}
	return string(out)
}

// A disk that is full ends a run with 1 and a sentence, wherever it happens; with
// room again the run goes on to the same bytes.
func TestDiskFull(t *testing.T) {
	dir := workshop(t)
	train := "stablelora train --config run.yaml --quiet --set train.max_steps=4 --set output.save_every=2"
	start(t, dir, append(strings.Fields(train)[1:], "--output", "whole")...).ends(0)
	full := 0
	for _, kilobytes := range []int{8, 40, 160, 320, 480, 640, 800, 960} {
		said := onDisk(t, dir, kilobytes, train+" --output disk/out\necho code $?\n"+
			"for f in disk/out/checkpoint-*; do [ ! -d $f ] || stablelora inspect $f >/dev/null || echo damaged $f; done\n"+
			"mount -o remount,size=64m disk\n"+train+" --output disk/out --resume auto\necho again $?\n"+
			"cmp disk/out/adapter_model.safetensors whole/adapter_model.safetensors && echo same\nls -A disk/out | grep tmp\ntrue")
		t.Logf("%d kB: %s", kilobytes, said)
		if strings.Contains(said, "code 0\n") {
			break
		}
		full++
		if !regexp.MustCompile(`stablelora: .*no space left on device\ncode 1\n`).MatchString(said) {
			t.Errorf("%d kB: it does not end with 1 and a sentence", kilobytes)
		}
		if !strings.Contains(said, "again 0\n") || !strings.HasSuffix(said, "same\n") || strings.Contains(said, "damaged") {
			t.Errorf("%d kB: the run does not go on to the same adapter", kilobytes)
		}
	}
	if full < 3 {
		t.Errorf("only %d runs met a full disk", full)
	}
}

// A folder that cannot be written to is found before anything is trained.
func TestReadOnly(t *testing.T) {
	dir := workshop(t)
	said := onDisk(t, dir, 64, "mount -o remount,ro disk\nfor c in 'train --config run.yaml' "+
		"'sweep --config run.yaml --seeds 1,2' 'eval --model demo/model --tasks hellaswag --limit 1 --data hellaswag=demo/data/hellaswag_test.jsonl'\n"+
		"do stablelora $c --output disk/out; echo code $?\ndone")
	if sentences, codes := strings.Count(said, ": mkdir disk/out: read-only file system\n"), strings.Count(said, "\ncode 2\n"); sentences != 3 || codes != 3 {
		t.Errorf("%d of 3 commands say it, %d end with 2:\n%s", sentences, codes, said)
	}
}
