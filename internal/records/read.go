package records

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/parquet"
)

// MaxRecord is the longest record in bytes, and so what Read may hold at once.
const MaxRecord = 64 << 20

// Read calls fn for each record of the file in order. where is "path:line",
// the line being the one the record starts on, or in Parquet the row's number;
// raw is valid JSON, an object, and fn may keep it. An error of fn ends the
// reading and is returned as it is; every other error is an *fsutil.InputError.
// A file without a record is an error.
func Read(path string, fn func(where string, raw json.RawMessage) error) error {
	fn, end := labelled(path, fn)
	if err := read(path, fn); err != nil {
		return err
	}
	return end()
}

func read(path string, fn func(where string, raw json.RawMessage) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fsutil.Input(path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return fsutil.Inputf(path, "it is a folder; name a file in it")
	}
	magic := make([]byte, len(parquet.Magic))
	if f.ReadAt(magic, 0); string(magic) == parquet.Magic {
		return readParquet(f, path, fn)
	}
	src, err := decompress(f)
	if err != nil {
		return fsutil.Input(path, early(err))
	}
	r := &reader{path: path, src: src, line: 1, fn: fn, max: MaxRecord}
	if bom, _ := src.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		src.Discard(3)
	}
	if err := r.run(); err != nil {
		return err
	}
	if r.count == 0 {
		return fsutil.Inputf(path, "the file holds no record; give one JSON object per line, or one JSON array of objects")
	}
	return nil
}

type reader struct {
	path  string
	src   *bufio.Reader
	line  int // of the next byte, from 1
	count int // records handed out
	max   int
	fn    func(string, json.RawMessage) error
}

func (r *reader) run() error {
	c, err := r.skipSpace()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return r.failed(r.line, err)
	}
	if c == '[' {
		return r.array()
	}
	r.src.UnreadByte()
	return r.lines()
}

// lines reads one record per line; blank lines are passed over.
func (r *reader) lines() error {
	for {
		start := r.line
		line, err := r.readLine()
		if err != nil && err != io.EOF {
			return r.failed(start, err)
		}
		r.line++
		if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 {
			if err := r.emit(start, line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

func (r *reader) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := r.src.ReadSlice('\n')
		if len(line)+len(part) > r.max {
			return nil, r.tooLong()
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// array reads the elements of one JSON array, its "[" being read already.
func (r *reader) array() error {
	c, err := r.skipSpace()
	for ; err == nil && c != ']'; c, err = r.skipSpace() {
		if r.count > 0 {
			// c is the comma readElement stopped at.
			if _, err = r.skipSpace(); err != nil {
				break
			}
		}
		start := r.line
		r.src.UnreadByte()
		element, err := r.readElement()
		if err != nil {
			return r.failed(start, err)
		}
		if err := r.emit(start, element); err != nil {
			return err
		}
	}
	if err != nil {
		return r.failed(r.line, err)
	}
	if _, err = r.skipSpace(); err == nil {
		err = errors.New("something follows the end of the JSON array")
	}
	if err != io.EOF {
		return r.failed(r.line, err)
	}
	return nil
}

// readElement returns the bytes up to the "," or "]" that ends an element,
// which stays unread. It knows strings and nesting only; emit checks the rest.
func (r *reader) readElement() ([]byte, error) {
	var element []byte
	depth, inString, escaped := 0, false, false
	for {
		c, err := r.src.ReadByte()
		if err != nil {
			return nil, err
		}
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case depth == 0 && (c == ',' || c == ']'):
			return bytes.Trim(element, " \t\r\n"), r.src.UnreadByte()
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if c == '\n' {
			r.line++
		}
		if len(element) == r.max {
			return nil, r.tooLong()
		}
		element = append(element, c)
	}
}

func (r *reader) emit(line int, raw []byte) error {
	where := fmt.Sprintf("%s:%d", r.path, line)
	if err := check(raw); err != nil {
		return fsutil.Input(where, err)
	}
	rows, err := hubRows(raw)
	if err != nil {
		return fsutil.Input(where, err)
	}
	for _, row := range rows {
		r.count++
		if err := r.fn(fmt.Sprintf("%s (row %d)", where, *row.Index), bytes.Clone(row.Row)); err != nil {
			return err
		}
	}
	if rows != nil {
		return nil
	}
	r.count++
	return r.fn(where, bytes.Clone(raw))
}

// skipSpace returns the first byte that is no white space.
func (r *reader) skipSpace() (byte, error) {
	for {
		c, err := r.src.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			r.line++
		case ' ', '\t', '\r':
		default:
			return c, nil
		}
	}
}

func (r *reader) tooLong() error {
	return fmt.Errorf("the record is longer than %d bytes; is a newline missing?", r.max)
}

func (r *reader) failed(line int, err error) error {
	return fsutil.Input(fmt.Sprintf("%s:%d", r.path, line), early(err))
}

// early has words for a file that is cut off.
func early(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the file ends too early; it seems to be cut off")
	}
	return err
}
