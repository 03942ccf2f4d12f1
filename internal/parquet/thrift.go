package parquet

import (
	"encoding/binary"
	"errors"
)

// Types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12
)

// maxThriftDepth is far above what Parquet's structures need.
const maxThriftDepth = 16

// maxValues is how many values a structure may hold, all in all: each takes some
// fifty bytes. A footer has about twenty for each column of each group of rows.
const maxValues = 1 << 21

var errThrift = errors.New("its metadata is broken")

// fields is a Thrift struct. Values are int64, bool, []byte, []any or fields;
// numbers with a fraction are left out.
type fields []field

type field struct {
	id    int16
	value any
}

// get returns a field's value, nil where there is none.
func (f fields) get(id int16) any {
	for _, x := range f {
		if x.id == id {
			return x.value
		}
	}
	return nil
}

// number returns an integer field, or absent.
func (f fields) number(id int16, absent int64) int64 {
	if v, ok := f.get(id).(int64); ok {
		return v
	}
	return absent
}

func (f fields) text(id int16) string {
	v, _ := f.get(id).([]byte)
	return string(v)
}

func (f fields) inner(id int16) fields {
	v, _ := f.get(id).(fields)
	return v
}

func (f fields) list(id int16) []any {
	v, _ := f.get(id).([]any)
	return v
}

// thrift reads the compact protocol from b.
type thrift struct {
	b      []byte
	at     int
	values int // so far
}

// parseThrift reads one struct and returns how many bytes it took.
func parseThrift(b []byte) (fields, int, error) {
	t := &thrift{b: b}
	f, err := t.fields(0)
	return f, t.at, err
}

func (t *thrift) byte() (byte, error) {
	if t.at >= len(t.b) {
		return 0, errThrift
	}
	t.at++
	return t.b[t.at-1], nil
}

func (t *thrift) uvarint() (uint64, error) {
	v, n := binary.Uvarint(t.b[t.at:])
	if n <= 0 {
		return 0, errThrift
	}
	t.at += n
	return v, nil
}

func (t *thrift) varint() (int64, error) {
	v, n := binary.Varint(t.b[t.at:])
	if n <= 0 {
		return 0, errThrift
	}
	t.at += n
	return v, nil
}

func (t *thrift) fields(depth int) (fields, error) {
	var f fields
	id := int16(0)
	for {
		head, err := t.byte()
		if err != nil || head == 0 {
			return f, err
		}
		if delta := int16(head >> 4); delta != 0 {
			id += delta
		} else {
			v, err := t.varint()
			if err != nil {
				return nil, err
			}
			id = int16(v)
		}
		kind := head & 15
		if kind == thriftTrue || kind == thriftFalse {
			f = append(f, field{id, kind == thriftTrue})
			if t.values++; t.values > maxValues {
				return nil, errThrift
			}
			continue
		}
		v, err := t.value(kind, depth+1)
		if err != nil {
			return nil, err
		}
		f = append(f, field{id, v})
	}
}

// value reads a value; a truth value is a byte, as in lists.
func (t *thrift) value(kind byte, depth int) (any, error) {
	if t.values++; t.values > maxValues || depth > maxThriftDepth {
		return nil, errThrift
	}
	switch kind {
	case thriftTrue, thriftFalse:
		b, err := t.byte()
		return b == thriftTrue, err
	case thriftByte:
		b, err := t.byte()
		return int64(int8(b)), err
	case thriftI16, thriftI32, thriftI64:
		return t.varint()
	case thriftDouble:
		_, err := t.bytes(8)
		return nil, err
	case thriftBinary:
		n, err := t.uvarint()
		if err != nil {
			return nil, err
		}
		return t.bytes(n)
	case thriftList, thriftSet:
		return t.list(depth)
	case thriftStruct:
		return t.fields(depth)
	}
	return nil, errThrift // a map: Parquet has none
}

func (t *thrift) bytes(n uint64) ([]byte, error) {
	if n > uint64(len(t.b)-t.at) {
		return nil, errThrift
	}
	t.at += int(n)
	return t.b[t.at-int(n) : t.at], nil
}

func (t *thrift) list(depth int) (any, error) {
	head, err := t.byte()
	if err != nil {
		return nil, err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = t.uvarint(); err != nil {
			return nil, err
		}
	}
	var all []any // grows with what is there, not with what is claimed
	for range n {
		v, err := t.value(head&15, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
