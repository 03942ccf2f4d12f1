package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// zmm0 += zmm30 · zmm28, as assembled and run on a processor that has it.
func TestEncodeExample(t *testing.T) {
	if got, want := vdpbf16ps.encode(0, 30, 28), [6]byte{0x62, 0x92, 0x0e, 0x40, 0x52, 0xc4}; got != want {
		t.Errorf("% x, want % x", got, want)
	}
}

// GNU's assembler encodes the same instructions to the same bytes.
func TestEncodeAsGNU(t *testing.T) {
	for _, tool := range []string{"as", "objcopy"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs GNU binutils: ", err)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	var source strings.Builder
	var want []byte
	var lines []string
	for range 6000 {
		o := []opcode{vdpbf16ps, vcvtne2ps2bf16}[r.IntN(2)]
		d, v, m := r.IntN(32), r.IntN(32), r.IntN(32)
		code := o.encode(byte(d), byte(v), byte(m))
		want = append(want, code[:]...)
		line := fmt.Sprintf("%s %%zmm%d, %%zmm%d, %%zmm%d", strings.ToLower(o.name), m, v, d)
		lines = append(lines, line)
		fmt.Fprintln(&source, line)
	}
	dir := t.TempDir()
	object, binary := filepath.Join(dir, "x.o"), filepath.Join(dir, "x.bin")
	as := exec.Command("as", "--64", "-o", object, "-")
	as.Stdin = strings.NewReader(source.String())
	if out, err := as.CombinedOutput(); err != nil {
		t.Skipf("as does not know the instructions: %v: %s", err, out)
	}
	if out, err := exec.Command("objcopy", "-O", "binary", "-j", ".text", object, binary).CombinedOutput(); err != nil {
		t.Fatalf("objcopy: %v: %s", err, out)
	}
	got, err := os.ReadFile(binary)
	if err != nil || len(got) < len(want) {
		t.Fatalf("%d bytes, want %d: %v", len(got), len(want), err)
	}
	for i, line := range lines {
		if g, w := got[6*i:6*i+6], want[6*i:6*i+6]; !bytes.Equal(g, w) {
			t.Fatalf("%s: as has % x, encode % x", line, g, w)
		}
	}
}
