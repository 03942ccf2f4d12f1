package parquet

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var errValues = errors.New("a page ends before its values")

// hybrid reads the mixture of run-length and bit-packed values that levels,
// dictionary indices and truth values are written in, one value at a time.
type hybrid struct {
	b      []byte
	width  uint
	run    uint64 // values left of the run
	value  uint32 // that repeats
	packed bool   // or: values are taken from bits
	bits   uint64
	have   uint
}

// newHybrid reads values from 0 to most.
func newHybrid(b []byte, most int) hybrid {
	return hybrid{b: b, width: uint(bits.Len(uint(most)))}
}

func (h *hybrid) next() (uint32, error) {
	for h.run == 0 {
		if err := h.start(); err != nil {
			return 0, err
		}
	}
	h.run--
	if !h.packed {
		return h.value, nil
	}
	for h.have < h.width {
		if len(h.b) == 0 {
			return 0, errValues
		}
		h.bits |= uint64(h.b[0]) << h.have
		h.have += 8
		h.b = h.b[1:]
	}
	v := uint32(h.bits & (1<<h.width - 1))
	h.bits >>= h.width
	h.have -= h.width
	return v, nil
}

// start reads the head of a run: its length and kind in one number.
func (h *hybrid) start() error {
	head, n := binary.Uvarint(h.b)
	if n <= 0 {
		return errValues
	}
	h.b = h.b[n:]
	h.bits, h.have = 0, 0
	if h.packed = head&1 == 1; h.packed {
		h.run = head >> 1 << 3 // groups of eight
		return nil
	}
	h.run = head >> 1
	size := int(h.width+7) / 8
	if len(h.b) < size {
		return errValues
	}
	h.value = 0
	for i := range size {
		h.value |= uint32(h.b[i]) << (8 * i)
	}
	h.b = h.b[size:]
	return nil
}
