package tfevents

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

// The bytes are those of TensorBoard 2.20's own RecordWriter and Event message
// for the same three records.
func TestBytesAreTensorBoards(t *testing.T) {
	const want = "0f000000000000006d532b091a0d627261696e2e4576656e743a32fc985129" +
		"2100000000000000017becf609000000000000f83f10ac022a130a110a0a747261696e2f6c6f7373150000803e6557981f" +
		"1800000000000000a37f4b2209000000000000004010ad022a0a0a080a01611500000000effa7ff4"
	var b bytes.Buffer
	e := New(&b)
	e.Scalar("train/loss", 300, 1.5, 0.25)
	e.Scalar("a", 301, 2, 0)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(b.Bytes()); got != want {
		t.Errorf("wrote\n%s, want\n%s", got, want)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFlushReturnsTheFirstError(t *testing.T) {
	e := New(full{})
	for range 1000 {
		e.Scalar("loss", 1, 1, 1)
	}
	if err := e.Flush(); err == nil || err.Error() != "disk full" {
		t.Errorf("error is %v", err)
	}
}
