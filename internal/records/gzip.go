package records

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// A packed file may give maxGrowth bytes for each of its own, and MaxRecord
// beyond: records pack to a tenth, those that are nearly alike to a hundredth.
const maxGrowth = 200

func decompress(f io.Reader) (*bufio.Reader, error) {
	src := bufio.NewReaderSize(f, 64<<10)
	if magic, _ := src.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return src, nil
	}
	packed := &counter{r: src}
	gz, err := gzip.NewReader(bufio.NewReaderSize(packed, 4<<10))
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(&unpacked{gz, packed, MaxRecord}, 64<<10), nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// unpacked ends with an error where a file turns out to be a bomb.
type unpacked struct {
	gz     io.Reader
	packed *counter
	ahead  int64 // what may be read beyond maxGrowth times what was packed
}

func (u *unpacked) Read(b []byte) (int, error) {
	n, err := u.gz.Read(b)
	if u.ahead -= int64(n); u.ahead+maxGrowth*u.packed.n < 0 {
		return 0, fmt.Errorf("the file unpacks to more than %d times its size", maxGrowth)
	}
	return n, err
}
