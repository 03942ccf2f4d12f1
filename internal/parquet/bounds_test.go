package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Thrift's compact protocol, as far as a hostile footer needs it.

func varint(n int) []byte { return binary.AppendVarint(nil, int64(n)) }

func number(delta byte, n int) []byte { return append([]byte{delta<<4 | thriftI64}, varint(n)...) }

func text(delta byte, s string) []byte {
	return append(append([]byte{delta<<4 | thriftBinary}, binary.AppendUvarint(nil, uint64(len(s)))...), s...)
}

func structure(parts ...[]byte) []byte { return append(slices.Concat(parts...), 0) }

func list(delta byte, items ...[]byte) []byte {
	head := binary.AppendUvarint([]byte{delta<<4 | thriftList, 0xf0 | thriftStruct}, uint64(len(items)))
	return append(head, slices.Concat(items...)...)
}

func inner(delta byte, parts ...[]byte) []byte {
	return append([]byte{delta<<4 | thriftStruct}, structure(parts...)...)
}

// file puts magic, data and footer together.
func file(data, footer []byte) []byte {
	tail := binary.LittleEndian.AppendUint32(nil, uint32(len(footer)))
	return slices.Concat([]byte(Magic), data, footer, tail, []byte(Magic))
}

// columns is a file of columns of texts, all of which share one chunk of pages.
func columns(n int, codec, rows int, chunk []byte) []byte {
	schema := [][]byte{structure(text(4, "r"), number(1, n))}
	var chunks [][]byte
	for i := range n {
		schema = append(schema, structure(number(1, typeByteArray), text(3, "c"+strings.Repeat("x", i%3)), number(2, 0)))
		chunks = append(chunks, structure(inner(3, number(1, typeByteArray), number(3, codec), number(3, len(chunk)), number(2, 4))))
	}
	return file(chunk, structure(list(2, schema...), number(1, rows), list(1, structure(list(1, chunks...), number(2, rows)))))
}

// page is a page of a kind with its own head in field.
func page(kind, size int, body []byte, field byte, head ...[]byte) []byte {
	return append(structure(number(1, kind), number(1, size), number(1, len(body)), inner(field-3, head...)), body...)
}

func pack(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// allocated is what f allocates, in bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestBounded: files of a few bytes that stand for very much.
func TestBounded(t *testing.T) {
	empty := make([]byte, 4<<20) // a million empty texts
	dictionary := page(2, len(empty), pack(empty), 7, number(1, 1<<20), number(1, 0))
	one := page(0, 6, pack(binary.AppendUvarint([]byte{0}, 1<<32)), 5, number(1, 1<<30), number(1, encodingRLEDictionary), number(1, encodingRLE), number(1, encodingRLE))
	long := append(binary.LittleEndian.AppendUint32(nil, 1<<20), make([]byte, 1<<20)...)
	repeated := append(page(2, len(long), pack(long), 7, number(1, 1), number(1, 0)), one...)
	nothing := bytes.Repeat(page(0, 1<<20, pack(make([]byte, 1<<20)), 5, number(1, 0), number(1, encodingPlain), number(1, encodingRLE), number(1, encodingRLE)), 500)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"dictionaries of slices", "unpacks to more than", columns(1000, 2, 1, append(dictionary, one...))},
		{"one value a million times", "unpacks to more than", columns(1, 2, 1<<20, repeated)},
		{"pages without values", "unpacks to more than", columns(1, 2, 1, nothing)},
		{"a footer of empty structures", "metadata is broken", file(nil, structure(list(2, slices.Repeat([][]byte{{0}}, maxFooter-100)...)))},
		{"a footer of truth values", "metadata is broken", file(nil, structure(list(2, slices.Repeat([][]byte{{0x11, 0}}, maxFooter/2-100)...)))},
		{"groups without rows", "", file(nil, structure(list(2, structure(text(4, "r"), number(1, 1)), structure(number(1, 6), text(3, "c"), number(2, 0))), number(1, 0),
			list(1, slices.Repeat([][]byte{structure(list(1, structure()), number(2, 0))}, 1<<18)...)))},
	} {
		var err error
		n := allocated(func() {
			err = Rows(bytes.NewReader(c.file), int64(len(c.file)), 64<<20, func(int, []byte) error { return nil })
		})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if n > 1<<29 {
			t.Errorf("%s: %d MiB allocated for %d bytes", c.name, n>>20, len(c.file))
		}
	}
}

// TestNothingPacked: a page of nulls alone may hold no packed values at all.
func TestNothingPacked(t *testing.T) {
	levels := []byte{4, 0} // twice 0
	nulls := page(3, len(levels), levels, 8, number(1, 2), number(1, 2), number(1, 2), number(1, encodingPlain), number(1, len(levels)), number(1, 0))
	schema := list(2, structure(text(4, "r"), number(1, 1)), structure(number(1, typeByteArray), number(2, optional), text(1, "c")))
	chunk := structure(inner(3, number(1, typeByteArray), number(3, 6), number(3, len(nulls)), number(2, 4)))
	got, err := rows(file(nulls, structure(schema, number(1, 2), list(1, structure(list(1, chunk), number(2, 2))))), 100)
	if want := []any{map[string]any{"c": nil}, map[string]any{"c": nil}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
