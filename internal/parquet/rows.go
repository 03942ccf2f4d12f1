package parquet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Magic begins every file.
const Magic = "PAR1"

// A file may give maxGrowth bytes for each of its own, and maxPage beyond: text
// packs to a tenth, what is repeated in every row to less.
const maxGrowth = 200

// maxFooter is the longest footer; those of thousands of row groups are shorter.
const maxFooter = 8 << 20

var (
	errFooter  = errors.New("the Parquet file has no footer; it seems to be cut off")
	errColumns = errors.New("the columns do not fit together")
)

// reader assembles rows from columns.
type reader struct {
	src     io.ReaderAt
	size    int64
	root    *node
	nodes   []*node   // of the columns
	columns []*column // of the group being read
	max     int
	out     []byte
	held    int64 // bytes of all columns' pages
	budget  int64 // bytes that may still be made of the file
}

// Rows calls fn for each row of a file of size bytes, as a JSON object of at
// most max bytes, which fn must not keep. An error of fn ends the reading and is
// returned as it is; every other error is the file's, and Row tells where.
func Rows(src io.ReaderAt, size int64, max int, fn func(row int, object []byte) error) error {
	r := &reader{src: src, size: size, max: max, budget: maxPage + maxGrowth*min(size, math.MaxInt64/maxGrowth-maxPage)}
	footer, err := r.footer()
	if err != nil {
		return err
	}
	if r.root, r.nodes, err = parseSchema(footer.list(2)); err != nil {
		return err
	}
	if footer.number(3, 0) > 1024*size { // gzip cannot claim more either
		return errors.New("the Parquet file claims more rows than fit into it")
	}
	row := 1
	for _, g := range footer.list(4) {
		group, _ := g.(fields)
		if group.number(3, 0) <= 0 {
			continue
		}
		if err := r.open(group.list(1)); err != nil {
			return &RowError{row, err}
		}
		for range group.number(3, 0) {
			if int64(row) > footer.number(3, 0) {
				return &RowError{row, errColumns}
			}
			err := r.row()
			if err == nil {
				err = spend(&r.budget, len(r.out))
			}
			if err != nil {
				return &RowError{row, err}
			}
			if err := fn(row, r.out); err != nil {
				return err
			}
			row++
		}
	}
	return nil
}

// spend takes n bytes off a budget.
func spend(budget *int64, n int) error {
	if *budget -= int64(n); *budget < 0 {
		return fmt.Errorf("the Parquet file unpacks to more than %d times its size", maxGrowth)
	}
	return nil
}

// RowError says at which row, from 1, a file is broken.
type RowError struct {
	Row int
	Err error
}

func (e *RowError) Error() string { return e.Err.Error() }
func (e *RowError) Unwrap() error { return e.Err }

// footer reads the file's metadata, which stands before its length and Magic.
func (r *reader) footer() (fields, error) {
	tail := make([]byte, 8)
	if r.size < 12 {
		return nil, errFooter
	}
	if _, err := r.src.ReadAt(tail, r.size-8); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	switch {
	case string(tail[4:]) == "PARE":
		return nil, errors.New("the Parquet file is encrypted")
	case string(tail[4:]) != Magic || n > r.size-12:
		return nil, errFooter
	case n > maxFooter:
		return nil, fmt.Errorf("the Parquet file's footer is longer than %d bytes", maxFooter)
	}
	raw := make([]byte, n)
	if _, err := r.src.ReadAt(raw, r.size-8-n); err != nil {
		return nil, err
	}
	f, _, err := parseThrift(raw)
	return f, err
}

// open makes the columns of a group of rows ready.
func (r *reader) open(chunks []any) error {
	if len(chunks) != len(r.nodes) {
		return errColumns
	}
	r.columns, r.held = r.columns[:0], 0
	for i, n := range r.nodes {
		chunk, _ := chunks[i].(fields)
		meta := chunk.inner(3)
		start, size := meta.number(9, -1), meta.number(7, -1)
		if d := meta.number(11, 0); d > 0 && d < start {
			start = d
		}
		if chunk.text(1) != "" || start < 0 || size < 0 || start > r.size || size > r.size-start || meta.number(1, -1) != n.kind {
			return fmt.Errorf("column %q: %w", n.name, errThrift)
		}
		buffer := int(min(size, maxHead))
		if err := spend(&r.budget, buffer); err != nil {
			return err
		}
		r.columns = append(r.columns, &column{node: n, held: &r.held, budget: &r.budget, codec: meta.number(4, -1),
			src: bufio.NewReaderSize(io.NewSectionReader(r.src, start, size), buffer)})
	}
	return nil
}
