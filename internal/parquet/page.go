package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// maxPage is the largest page, compressed or not, in bytes. Writers make pages
// of about one megabyte.
const maxPage = 64 << 20

// maxHeld is how much of all columns may be in memory at a time, uncompressed.
const maxHeld = 512 << 20

// maxHead is the longest head of a page, its statistics included.
const maxHead = 64 << 10

// Encodings that are read.
const (
	encodingPlain           = 0
	encodingPlainDictionary = 2
	encodingRLE             = 3
	encodingRLEDictionary   = 8
)

var encodingNames = map[int64]string{4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED", 6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY", 9: "BYTE_STREAM_SPLIT"}

var codecNames = map[int64]string{3: "LZO", 4: "BROTLI", 5: "LZ4", 7: "LZ4_RAW"}

var zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		panic(err) // the options are right
	}
	return z
})

// refused is the error for what other readers know.
func refused(what, name string) error {
	return fmt.Errorf("%s %s is not read here; write the file anew with pyarrow.parquet.write_table, or as JSON lines", what, name)
}

// nextPage makes the column's next page with values the current one, and takes
// in a dictionary before it.
func (c *column) nextPage() error {
	*c.held -= c.own - c.dictionarySize
	c.own = c.dictionarySize
	for {
		head, _ := c.src.Peek(maxHead)
		if len(head) == 0 {
			return errors.New("it ends before its rows")
		}
		h, n, err := parseThrift(head)
		if err != nil {
			return err
		}
		c.src.Discard(n)
		packed, plain := h.number(3, -1), h.number(2, -1)
		if packed < 0 || packed > maxPage || plain < 0 || plain > maxPage {
			return fmt.Errorf("a page of %d bytes is larger than %d", max(packed, plain), maxPage)
		}
		body := make([]byte, 0, min(packed, 1<<20))
		buf := bytes.NewBuffer(body)
		if _, err := io.CopyN(buf, c.src, packed); err != nil {
			return errors.New("it is cut off")
		}
		body = buf.Bytes()
		switch h.number(1, -1) {
		case 0:
			return c.dataPage(h.inner(5), body, int(plain))
		case 2:
			if err := c.dictionaryPage(h.inner(7), body, int(plain)); err != nil {
				return err
			}
		case 3:
			return c.dataPageV2(h.inner(8), body, int(plain))
		}
	}
}

// dataPage is a page of the first kind: levels and values compressed together,
// each of the levels behind its length.
func (c *column) dataPage(h fields, body []byte, size int) error {
	body, err := c.decompress(body, size)
	if err != nil {
		return err
	}
	c.left = h.number(1, -1)
	if c.reps, body, err = levels(body, c.node.rep, h.number(4, -1)); err != nil {
		return err
	}
	if c.defs, body, err = levels(body, c.node.def, h.number(3, -1)); err != nil {
		return err
	}
	return c.values(h.number(2, -1), body)
}

// levels cuts off a page's levels from 0 to most; none are written where most
// is 0.
func levels(body []byte, most int, encoding int64) (hybrid, []byte, error) {
	if most == 0 {
		return hybrid{}, body, nil
	}
	if encoding != encodingRLE {
		return hybrid{}, nil, refused("level encoding", encodingNames[encoding])
	}
	part, rest, err := prefixed(body)
	return newHybrid(part, most), rest, err
}

// dataPageV2 is one of the second kind: levels in front, not compressed.
func (c *column) dataPageV2(h fields, body []byte, size int) error {
	c.left = h.number(1, -1)
	defs, reps := h.number(5, -1), h.number(6, -1)
	if defs < 0 || reps < 0 || defs > int64(len(body)) || reps > int64(len(body))-defs {
		return errThrift
	}
	c.reps = newHybrid(body[:reps], c.node.rep)
	c.defs = newHybrid(body[reps:reps+defs], c.node.def)
	body = body[reps+defs:]
	if compressed, ok := h.get(7).(bool); !ok || compressed {
		var err error
		if body, err = c.decompress(body, size-int(reps+defs)); err != nil {
			return err
		}
	}
	return c.values(h.number(4, -1), body)
}

// prefixed cuts off a part behind its length in four bytes.
func prefixed(b []byte) (part, rest []byte, err error) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, nil, errValues
	}
	n := binary.LittleEndian.Uint32(b)
	return b[4 : 4+n], b[4+n:], nil
}

// hold counts what a column takes of memory.
func (c *column) hold(n int) error {
	if n < 0 {
		return errThrift
	}
	c.own += int64(n)
	if *c.held += int64(n); *c.held > maxHeld {
		return fmt.Errorf("its pages take more than %d bytes at a time", maxHeld)
	}
	return spend(c.budget, n)
}

// decompress returns the size bytes that are packed in b.
func (c *column) decompress(b []byte, size int) (out []byte, err error) {
	if err := c.hold(size); err != nil {
		return nil, err
	}
	if size == 0 && len(b) == 0 { // some writers pack no values into no bytes
		return b, nil
	}
	switch c.codec {
	case 0:
		out = b
	case 1:
		var n int
		if n, err = snappy.DecodedLen(b); err == nil && n == size {
			out, err = snappy.Decode(nil, b)
		}
	case 2:
		var gz *gzip.Reader
		if gz, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			out, err = io.ReadAll(io.LimitReader(gz, int64(size)+1))
		}
	case 6:
		out, err = zstdDecoder().DecodeAll(b, nil)
	default:
		return nil, refused("compression", codecNames[c.codec])
	}
	if err == nil && len(out) != size {
		err = errors.New("a page has another size than its head says")
	}
	return out, err
}
