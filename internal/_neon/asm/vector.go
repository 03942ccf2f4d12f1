package asm

import (
	"fmt"
	"slices"
)

// Vec is a vector register of 128 bits. It is free again behind the last
// instruction that names it, or behind the loop if it was there before.
type Vec struct{ number, last int }

// NewVec is a register that the next instructions write.
func NewVec() *Vec { return &Vec{number: -1} }

// Lane is an element of a vector.
type Lane struct {
	v *Vec
	i int
}

// Lane is the float32 number i of v.
func (v *Vec) Lane(i int) Lane { return Lane{v, i} }

// line is an instruction or a label. Registers go into format, and for a vector
// instruction into word, at bits 0, 5 and 16.
type line struct {
	format string
	word   uint32
	regs   []*Vec
	label  bool
}

// vector writes a vector instruction.
func vector(word uint32, format string, regs ...*Vec) {
	fn.body = append(fn.body, line{format: format, word: word, regs: regs})
}

// allocate gives the registers of f their numbers.
func (f *function) allocate(lines []line) {
	for i, l := range lines {
		for _, v := range l.regs {
			v.last = i
		}
	}
	first := map[*Vec]int{}
	for i, l := range lines {
		for _, v := range l.regs {
			if _, ok := first[v]; !ok {
				first[v] = i
			}
		}
	}
	for _, loop := range f.loops {
		from, to := loop[0]+len(f.head), loop[1]+len(f.head)
		for v, at := range first {
			if at < from && from <= v.last && v.last < to {
				v.last = to
			}
		}
	}
	var busy [32]*Vec
	for i, l := range lines {
		for n, v := range busy {
			if v != nil && (v.last < i || v.last == i && slices.Index(l.regs, v) > 0) {
				busy[n] = nil // the destination may take an operand's place
			}
		}
		for _, v := range l.regs {
			if v.number < 0 {
				if v.number = slices.Index(busy[:], nil); v.number < 0 {
					panic(f.name + " needs more than 32 vector registers")
				}
				busy[v.number] = v
			}
		}
	}
}

func (l line) String() string {
	if l.label {
		return l.format
	}
	word, numbers := l.word, make([]any, len(l.regs))
	for i, v := range l.regs {
		numbers[i] = v.number
		word |= uint32(v.number) << [...]int{0, 5, 16}[i]
	}
	text := fmt.Sprintf(l.format, numbers...)
	if l.word == 0 {
		return "\t" + text
	}
	return fmt.Sprintf("\tWORD $0x%08x // %s", word, text)
}
