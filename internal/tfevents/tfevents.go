package tfevents

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// Writer writes one event file. The first error sticks; Flush returns it.
type Writer struct {
	w      *bufio.Writer
	record []byte
}

// New begins an event file.
func New(w io.Writer) *Writer {
	e := &Writer{w: bufio.NewWriter(w)}
	e.write(appendBytes(nil, 3, "brain.Event:2")) // Event.file_version
	return e
}

// Scalar adds a value of a series at a step; wall is in seconds, from whenever.
func (e *Writer) Scalar(tag string, step int64, wall, value float64) {
	v := appendBytes(nil, 1, tag)                                                             // Summary.Value.tag
	v = binary.LittleEndian.AppendUint32(append(v, 2<<3|5), math.Float32bits(float32(value))) // .simple_value
	record := appendDouble(e.record[:0], 1, wall)                                             // Event.wall_time
	record = binary.AppendUvarint(append(record, 2<<3), uint64(step))                         // .step
	e.record = appendBytes(record, 5, string(appendBytes(nil, 1, string(v))))                 // .summary.value
	e.write(e.record)
}

// Flush writes what is buffered.
func (e *Writer) Flush() error { return e.w.Flush() }

// write frames a record: length, its sum, the bytes, their sum.
func (e *Writer) write(record []byte) {
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(record)))
	e.w.Write(binary.LittleEndian.AppendUint32(head, masked(head)))
	e.w.Write(record)
	e.w.Write(binary.LittleEndian.AppendUint32(nil, masked(record)))
}

// masked is TFRecord's sum: a CRC-32C rotated, so that the sum of data that
// holds sums stays a good one.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (c>>15 | c<<17) + 0xa282ead8
}

func appendDouble(b []byte, field byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, field<<3|1), math.Float64bits(v))
}

func appendBytes(b []byte, field byte, s string) []byte {
	b = binary.AppendUvarint(append(b, field<<3|2), uint64(len(s)))
	return append(b, s...)
}
