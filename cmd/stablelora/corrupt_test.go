package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// corrupt FILE HOW spoils a file. truncate and garbage do for any; the others
// are for safetensors files and leave the rest of the file as it was.
func cmdCorrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: corrupt FILE HOW")
	}
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	switch args[1] {
	case "empty":
		data = nil
	case "truncate":
		data = data[:len(data)/2]
	case "garbage": // one byte in the middle
		data[len(data)/2] ^= 0x55
	case "cut-header":
		data = data[:64]
	case "huge-header":
		binary.LittleEndian.PutUint64(data, math.MaxUint64)
	case "not-utf8": // within the first text
		data[len(`{"prompt": "`)] = 0xff
	case "gzip": // not spoilt, only packed
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(data)
		ts.Check(w.Close())
		data = b.Bytes()
	case "trailing":
		data = append(data, "more"...)
	default:
		data = corruptTensors(ts, data, args[1])
	}
	ts.Check(os.WriteFile(path, data, 0o644))
}

type entry struct {
	DType   string   `json:"dtype"`
	Shape   []uint64 `json:"shape"`
	Offsets [2]int   `json:"data_offsets"`
}

// corruptTensors spoils a file's first tensor (but zero-b: all lora_B).
func corruptTensors(ts *testscript.TestScript, file []byte, how string) []byte {
	size := int(binary.LittleEndian.Uint64(file))
	var raw map[string]json.RawMessage
	ts.Check(json.Unmarshal(file[8:8+size], &raw))
	data, header := file[8+size:], map[string]*entry{}
	var names []string
	for name, text := range raw {
		if name == "__metadata__" {
			continue
		}
		e := &entry{}
		ts.Check(json.Unmarshal(text, e))
		header[name] = e
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return header[a].Offsets[0] - header[b].Offsets[0] })
	first, second := header[names[0]], header[names[1]]
	switch how {
	case "overlap":
		second.Offsets[0] -= 4
		second.Offsets[1] -= 4
	case "overflow":
		first.Shape = []uint64{1 << 40, 1 << 40}
	case "dtype":
		first.DType = "Q4_K"
	case "missing": // a file that is whole but lacks its last tensor
		last := header[names[len(names)-1]]
		data = data[:last.Offsets[0]]
		delete(header, names[len(names)-1])
	case "nan":
		at := data[first.Offsets[0]:first.Offsets[1]]
		for i := range at[:4] {
			at[i] = 0xff // of F32, BF16 and F16 alike
		}
	case "zero-b":
		for name, e := range header {
			if strings.Contains(name, "lora_B") {
				clear(data[e.Offsets[0]:e.Offsets[1]])
			}
		}
	default:
		ts.Fatalf("corrupt does not know %q", how)
	}
	text, err := json.Marshal(header)
	ts.Check(err)
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, data)
}

// spoilt FILE HOW MESSAGE checks that a copy of the demo's model whose FILE is
// spoilt is refused with MESSAGE and exit code 3 by all that read weights.
func cmdSpoilt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: spoilt FILE HOW MESSAGE")
	}
	const dir = "spoilt"
	ts.Check(os.RemoveAll(ts.MkAbs(dir)))
	cmdCopyDir(ts, false, []string{"demo/model", dir})
	cmdCorrupt(ts, false, []string{dir + "/" + args[0], args[1]})
	refusedBy(ts, args[2],
		"generate --prompt a --model "+dir,
		"train --config run.yaml --set model.path="+dir,
		"merge --adapter adapter --output merged --model "+dir,
		"eval --output scores --tasks hellaswag --data hellaswag=demo/data/hellaswag_test.jsonl --model "+dir)
}

// unfit FILE HOW MESSAGE checks the same of a copy of the adapter whose FILE is
// spoilt.
func cmdUnfit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: unfit FILE HOW MESSAGE")
	}
	const dir = "unfit"
	from, file, _ := strings.Cut(args[0], "/")
	ts.Check(os.RemoveAll(ts.MkAbs(dir)))
	cmdCopyDir(ts, false, []string{from, dir})
	cmdCorrupt(ts, false, []string{dir + "/" + file, args[1]})
	commands := []string{
		"generate --prompt a --model demo/model --adapter " + dir,
		"merge --model demo/model --output merged --adapter " + dir,
		"eval --output scores --tasks hellaswag --data hellaswag=demo/data/hellaswag_test.jsonl --model demo/model --adapter " + dir,
	}
	if args[1] != "zero-b" { // which is a fair start for training
		commands = append(commands, "train --config run.yaml --set lora.init_from="+dir)
	}
	refusedBy(ts, args[2], commands...)
}

// refusedBy runs commands that must end with 3, say message and write nothing.
func refusedBy(ts *testscript.TestScript, message string, commands ...string) {
	for _, c := range commands {
		cmdExits(ts, false, append([]string{"3", "stablelora"}, strings.Fields(c)...))
		if text := ts.ReadFile("stderr"); !regexp.MustCompile(message).MatchString(text) {
			ts.Fatalf("%s: said %q, not %q", c, text, message)
		}
		for _, dir := range []string{"out", "merged", "scores"} {
			if _, err := os.Stat(ts.MkAbs(dir)); err == nil {
				ts.Fatalf("%s: left %s behind", c, dir)
			}
		}
	}
}
