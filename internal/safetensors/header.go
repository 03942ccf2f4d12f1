package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	maxHeader = 100_000_000 // bytes, the Rust reader's limit
	maxDims   = 64          // as torch; bounds what a hostile header makes us allocate
)

const metadataKey = "__metadata__"

// entry is a tensor as the header describes it; its data lies at [begin, end) of
// the data section.
type entry struct {
	Tensor
	begin, end int
}

// parse checks a whole file and returns its tensors, sorted by name, with Data
// aliasing file.
func parse(file []byte) ([]Tensor, map[string]string, error) {
	if len(file) < 8 {
		return nil, nil, fmt.Errorf("not a safetensors file: %d bytes, the header's length alone takes 8", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	switch {
	case n > maxHeader:
		return nil, nil, fmt.Errorf("not a safetensors file: header of %d bytes, at most %d are allowed", n, maxHeader)
	case n > uint64(len(file)-8):
		return nil, nil, fmt.Errorf("header of %d bytes in a file of %d bytes: truncated, or not a safetensors file", n, len(file))
	}
	header, data := file[8:8+n], file[8+n:]
	if !utf8.Valid(header) {
		return nil, nil, errors.New("header is not valid UTF-8")
	}
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("header does not start with '{'")
	}
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if err := checkCoverage(entries, len(data)); err != nil {
		return nil, nil, err
	}
	tensors := make([]Tensor, len(entries))
	for i, e := range entries {
		e.Data = data[e.begin:e.end:e.end]
		tensors[i] = e.Tensor
	}
	slices.SortFunc(tensors, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return tensors, metadata, nil
}

// checkCoverage sorts entries by offset and checks that they cover the data
// section of the given size exactly: no overlap, no hole, nothing left over.
func checkCoverage(entries []entry, size int) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	at := 0
	for _, e := range entries {
		switch {
		case e.begin < at:
			return fmt.Errorf("tensor %.200q: data_offsets [%d, %d] overlap the tensor before, which ends at %d", e.Name, e.begin, e.end, at)
		case e.begin > at:
			return fmt.Errorf("tensor %.200q: data_offsets [%d, %d] leave a hole after %d", e.Name, e.begin, e.end, at)
		case e.end > size:
			return fmt.Errorf("tensor %.200q: data_offsets [%d, %d] reach beyond the %d bytes of data: the file is truncated", e.Name, e.begin, e.end, size)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("%d bytes of data, but the tensors cover only %d", size, at)
	}
	return nil
}

// parseHeader reads the header's JSON object.
func parseHeader(header []byte) ([]entry, map[string]string, error) {
	d := newDecoder(header)
	var entries []entry
	var metadata map[string]string
	err := d.object(func(key string) error {
		if key == metadataKey {
			metadata = map[string]string{}
			return d.stringMap(metadata)
		}
		e, err := d.tensor(key)
		entries = append(entries, e)
		return err
	})
	if err == nil {
		err = d.end()
	}
	return entries, metadata, err
}

// tensor reads {"dtype": …, "shape": […], "data_offsets": [begin, end]} and
// checks that the three agree.
func (d *decoder) tensor(name string) (entry, error) {
	e := entry{Tensor: Tensor{Name: name}}
	var offsets []int
	seen := 0
	err := d.object(func(key string) (err error) {
		seen++
		switch key {
		case "dtype":
			e.DType, err = d.str()
		case "shape":
			e.Shape, err = d.sizes(maxDims)
		case "data_offsets":
			offsets, err = d.sizes(2)
		default:
			return fmt.Errorf("unexpected field %.40q", key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err == nil && seen != 3 {
		err = errors.New("needs dtype, shape and data_offsets")
	}
	if err == nil && len(offsets) != 2 {
		err = fmt.Errorf("data_offsets hold %d numbers, not 2", len(offsets))
	}
	if err == nil {
		e.begin, e.end = offsets[0], offsets[1]
		err = e.check()
	}
	if err != nil {
		return e, fmt.Errorf("tensor %.200q: %w", name, err)
	}
	return e, nil
}

func (e *entry) check() error {
	if e.begin > e.end {
		return fmt.Errorf("data_offsets [%d, %d] run backwards", e.begin, e.end)
	}
	n, err := byteSize(e.DType, e.Shape)
	if err != nil {
		return err
	}
	if n != e.end-e.begin {
		return fmt.Errorf("%s of shape %v takes %d bytes, but data_offsets [%d, %d] hold %d", e.DType, e.Shape, n, e.begin, e.end, e.end-e.begin)
	}
	return nil
}

// byteSize is the size of a tensor's data.
func byteSize(dtype string, shape []int) (int, error) {
	info, ok := lookup(dtype)
	if !ok {
		return 0, fmt.Errorf("unknown dtype %.40q", dtype)
	}
	n := uint64(info.bits)
	for _, dim := range shape {
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("shape %v overflows", shape)
		}
		n = lo
	}
	if n%8 != 0 {
		return 0, fmt.Errorf("%s of shape %v does not fill whole bytes", dtype, shape)
	}
	return int(n / 8), nil
}

// decoder reads JSON of a known form token by token: it refuses duplicate keys
// and anything unexpected, so that nesting cannot run deep.
type decoder struct{ *json.Decoder }

func newDecoder(b []byte) *decoder {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return &decoder{d}
}

// object reads an object and calls value, which must consume the value, for
// every key. A key that comes twice is an error.
func (d *decoder) object(value func(key string) error) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.str()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %.200q comes twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return d.delim('}')
}

func (d *decoder) stringMap(into map[string]string) error {
	return d.object(func(key string) (err error) {
		if into[key], err = d.str(); err != nil {
			return fmt.Errorf("value of %.200q: %w", key, err)
		}
		return nil
	})
}

// sizes reads an array of at most limit non-negative integers.
func (d *decoder) sizes(limit int) ([]int, error) {
	if err := d.delim('['); err != nil {
		return nil, err
	}
	out := []int{}
	for d.More() {
		tok, err := d.next()
		if err != nil {
			return nil, err
		}
		num, ok := tok.(json.Number)
		if !ok {
			return nil, fmt.Errorf("found %v where a number is due", tok)
		}
		n, err := strconv.ParseUint(num.String(), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%.40s is not an integer of 0 to 2^63-1", num)
		}
		if len(out) == limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
		out = append(out, int(n))
	}
	return out, d.delim(']')
}

func (d *decoder) str() (string, error) {
	tok, err := d.next()
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("found %.40v where a string is due", tok)
	}
	return s, nil
}

func (d *decoder) delim(want json.Delim) error {
	tok, err := d.next()
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("found %.40v where '%v' is due", tok, want)
	}
	return nil
}

// next is Token, which reports input that stops short as a plain io.EOF.
func (d *decoder) next() (json.Token, error) {
	tok, err := d.Token()
	if err == io.EOF {
		err = errors.New("the JSON stops short")
	}
	return tok, err
}

// end checks that only white space follows.
func (d *decoder) end() error {
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the closing brace")
	}
	return nil
}
