package parquet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxDictionary is how many values a dictionary may have; writers give up on it
// long before.
const maxDictionary = 1 << 20

// column reads the values of one column in one group of rows.
type column struct {
	node  *node
	codec int64
	src   *bufio.Reader // the rest of its pages

	left       int64 // values of the page not yet read
	reps, defs hybrid
	plain      []byte // values of the page, or
	indices    hybrid // numbers of values in the dictionary
	indexed    bool
	bit        uint // of plain, for truth values

	dictionary     [][]byte
	dictionarySize int64
	own            int64  // bytes of the dictionary and the page
	held           *int64 // of all columns
	budget         *int64 // of the file

	ready    bool // rep and def are of the value to come
	rep, def int
}

// peek reads the levels of the value to come.
func (c *column) peek() error {
	if c.ready {
		return nil
	}
	for c.left == 0 {
		if err := c.nextPage(); err != nil {
			return err
		}
	}
	rep, err := c.level(&c.reps, c.node.rep)
	if err != nil {
		return err
	}
	def, err := c.level(&c.defs, c.node.def)
	c.rep, c.def, c.ready = rep, def, err == nil
	c.left--
	return err
}

func (c *column) level(h *hybrid, most int) (int, error) {
	if most == 0 {
		return 0, nil
	}
	v, err := h.next()
	if err == nil && v > uint32(most) {
		err = errors.New("a level is out of range")
	}
	return int(v), err
}

// values takes the values of a page.
func (c *column) values(encoding int64, b []byte) error {
	if c.left < 0 {
		return errThrift
	}
	c.plain, c.bit, c.indexed = b, 0, false
	switch {
	case encoding == encodingPlain:
	case encoding == encodingRLE && c.node.kind == typeBoolean:
		part, _, err := prefixed(b)
		c.indexed, c.indices = true, newHybrid(part, 1)
		c.dictionary = [][]byte{{0}, {1}}
		return err
	case encoding == encodingPlainDictionary || encoding == encodingRLEDictionary:
		if len(b) == 0 { // all null
			return nil
		}
		if b[0] > 32 {
			return errValues
		}
		c.indexed, c.indices = true, hybrid{b: b[1:], width: uint(b[0])}
	default:
		return refused("encoding", encodingNames[encoding])
	}
	return nil
}

func (c *column) dictionaryPage(h fields, body []byte, size int) error {
	n := h.number(1, 0)
	if c.dictionary != nil || n > maxDictionary || c.node.kind == typeBoolean {
		return fmt.Errorf("a dictionary of %d values is not what a writer makes", n)
	}
	body, err := c.decompress(body, size)
	if err != nil {
		return err
	}
	if err := c.hold(int(max(n, 0)) * 24); err != nil { // its slices
		return err
	}
	c.plain, c.bit, c.dictionarySize = body, 0, c.own
	for range n {
		v, err := c.plainValue()
		if err != nil {
			return err
		}
		c.dictionary = append(c.dictionary, v)
	}
	return nil
}

// skip passes over the value to come, which must not be there.
func (c *column) skip() error {
	if err := c.peek(); err != nil {
		return err
	}
	if c.def == c.node.def {
		return errColumns
	}
	c.ready = false
	return nil
}

// take returns the value to come; nil: it is null.
func (c *column) take() ([]byte, error) {
	if err := c.peek(); err != nil {
		return nil, err
	}
	c.ready = false
	if c.def < c.node.def {
		return nil, nil
	}
	if !c.indexed {
		return c.plainValue()
	}
	i, err := c.indices.next()
	if err == nil && uint64(i) >= uint64(len(c.dictionary)) {
		err = errors.New("it lacks a value of its dictionary")
	}
	if err != nil {
		return nil, err
	}
	return c.dictionary[i], nil
}

func (c *column) plainValue() ([]byte, error) {
	n := c.node.width
	switch c.node.kind {
	case typeBoolean:
		if len(c.plain) == 0 {
			return nil, errValues
		}
		v := c.plain[0] >> c.bit & 1
		if c.bit = (c.bit + 1) % 8; c.bit == 0 {
			c.plain = c.plain[1:]
		}
		return []byte{v}, nil
	case typeByteArray:
		part, rest, err := prefixed(c.plain)
		c.plain = rest
		return part, err
	}
	if len(c.plain) < n {
		return nil, errValues
	}
	v := c.plain[:n]
	c.plain = c.plain[n:]
	return v, nil
}

// appendJSON appends a value. What JSON has no form for is null.
func (n *node) appendJSON(out, v []byte) ([]byte, error) {
	switch {
	case v == nil || n.decimal:
	case n.kind == typeBoolean:
		return strconv.AppendBool(out, v[0] == 1), nil
	case n.kind == typeInt32 && n.unsigned:
		return strconv.AppendUint(out, uint64(binary.LittleEndian.Uint32(v)), 10), nil
	case n.kind == typeInt32:
		return strconv.AppendInt(out, int64(int32(binary.LittleEndian.Uint32(v))), 10), nil
	case n.kind == typeInt64 && n.unsigned:
		return strconv.AppendUint(out, binary.LittleEndian.Uint64(v), 10), nil
	case n.kind == typeInt64:
		return strconv.AppendInt(out, int64(binary.LittleEndian.Uint64(v)), 10), nil
	case n.kind == typeFloat:
		return appendFloat(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(v)))), nil
	case n.kind == typeDouble:
		return appendFloat(out, math.Float64frombits(binary.LittleEndian.Uint64(v))), nil
	case n.kind == typeByteArray && utf8.Valid(v):
		return appendText(out, v), nil
	case n.kind == typeByteArray && n.text:
		return nil, errors.New("a text is not UTF-8")
	}
	return append(out, "null"...), nil
}

// appendFloat appends a number that tells by a point or an exponent that it is no
// whole one, as Python does.
func appendFloat(out []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(out, "null"...)
	}
	from := len(out)
	out = strconv.AppendFloat(out, v, 'g', -1, 64)
	if !bytes.ContainsAny(out[from:], ".e") {
		out = append(out, ".0"...)
	}
	return out
}

// appendText appends valid UTF-8 as a JSON string.
func appendText(out, v []byte) []byte {
	out = append(out, '"')
	for _, b := range v {
		switch {
		case b == '"' || b == '\\':
			out = append(out, '\\', b)
		case b < 0x20:
			out = append(out, '\\', 'u', '0', '0', "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
		default:
			out = append(out, b)
		}
	}
	return append(out, '"')
}
