package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Write writes a file of the given tensors, in any order, and metadata, which is
// left out when empty.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	return WriteStream(w, tensors, metadata, func(t Tensor) ([]byte, error) { return t.Data, nil })
}

// WriteStream is Write for tensors whose Data is not at hand yet: data is called
// for one after the other, in the order of the file, and what it returns is
// written before the next call.
func WriteStream(w io.Writer, tensors []Tensor, metadata map[string]string, data func(Tensor) ([]byte, error)) error {
	tensors = slices.Clone(tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int {
		l, _ := lookup(a.DType)
		r, _ := lookup(b.DType)
		return cmp.Or(cmp.Compare(l.rank, r.rank), cmp.Compare(a.Name, b.Name))
	})
	header, err := buildHeader(tensors, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		b, err := data(t)
		if err != nil {
			return err
		}
		if n, _ := byteSize(t.DType, t.Shape); n != len(b) {
			return fmt.Errorf("tensor %.200q: %d bytes of data for %s of shape %v", t.Name, len(b), t.DType, t.Shape)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// buildHeader returns the length and the padded JSON for tensors in the order of
// the file.
func buildHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	b := append(make([]byte, 8), '{')
	if len(metadata) > 0 {
		b = append(appendString(b, metadataKey), ":{"...)
		for i, key := range slices.Sorted(maps.Keys(metadata)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(append(appendString(b, key), ':'), metadata[key])
		}
		b = append(b, "},"...)
	}
	seen := map[string]bool{metadataKey: true}
	at := 0
	for _, t := range tensors {
		n, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %.200q: %w", t.Name, err)
		}
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("tensor %.200q: the name is taken or not valid UTF-8", t.Name)
		}
		seen[t.Name] = true
		b = append(appendString(b, t.Name), `:{"dtype":"`...)
		b = append(append(b, t.DType...), `","shape":`...)
		b = append(appendSizes(b, t.Shape), `,"data_offsets":`...)
		b = append(appendSizes(b, []int{at, at + n}), "},"...)
		at += n
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	if len(b)-8 > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, at most %d are allowed", len(b)-8, maxHeader)
	}
	return b, nil
}

func appendSizes(b []byte, sizes []int) []byte {
	b = append(b, '[')
	for i, n := range sizes {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}

// appendString appends a JSON string escaped as serde_json does, which leaves
// everything but quotes, backslashes and control characters alone.
func appendString(b []byte, s string) []byte {
	const short = "\b\f\n\r\t\"\\"
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= ' ' && c != '"' && c != '\\':
			b = append(b, c)
		default:
			escaped := false
			for k := range len(short) {
				if short[k] == c {
					b = append(b, '\\', `bfnrt"\`[k])
					escaped = true
				}
			}
			if !escaped {
				b = fmt.Appendf(b, `\u%04x`, c)
			}
		}
	}
	return append(b, '"')
}
