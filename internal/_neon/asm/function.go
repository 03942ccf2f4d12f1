package asm

import (
	"fmt"
	"strings"
)

// Reg is a general register.
type Reg int

func (r Reg) String() string { return fmt.Sprintf("R%d", int(r)) }

// scratch is the register that constants and parameters go through.
const scratch = Reg(26)

// function is the one being written.
type function struct {
	name, signature, doc string
	args, result         map[string]int // their offsets
	size, frame          int            // bytes of arguments and of local variables
	free                 []Reg
	head, body           []line
	labels               map[string]int
	loops                [][2]int // from label to branch
	numbers              []uint32
	packed               []*Vec
}

var fn *function

// Func begins a function with the parameters of a Go signature such as
// "n int, x, y *float32" and the result type, or "".
func Func(name, params, result, doc string) {
	fn = &function{name: name, signature: "(" + params + ")", doc: doc, args: map[string]int{}, labels: map[string]int{}}
	if result != "" {
		fn.signature += " " + result
	}
	for r := Reg(0); r < scratch; r++ {
		if r < 16 || r > 18 { // these are the linker's and the platform's
			fn.free = append(fn.free, r)
		}
	}
	var names []string
	for p := range strings.SplitSeq(params, ", ") {
		name, typ, typed := strings.Cut(p, " ")
		names = append(names, name)
		if !typed {
			continue
		}
		size := map[string]int{"bool": 1, "float32": 4}[typ]
		if size == 0 {
			size = 8
		}
		for _, n := range names {
			fn.size = (fn.size + size - 1) &^ (size - 1)
			fn.args[n] = fn.size
			fn.size += size
		}
		names = nil
	}
	if result != "" {
		fn.size = (fn.size + 7) &^ 7
		fn.args["ret"] = fn.size
		fn.size += map[string]int{"bool": 1, "float32": 4, "float64": 8}[result]
	}
}

// Frame reserves bytes for local variables and returns the address of the
// lowest.
func Frame(bytes int) string {
	fn.frame = bytes
	return fmt.Sprintf("$local-%d(SP)", bytes)
}

// NewReg is a register of its own for the rest of the function.
func NewReg() Reg {
	r := fn.free[0]
	fn.free = fn.free[1:]
	return r
}

// Param is a parameter as an operand.
func Param(name string) string {
	at, ok := fn.args[name]
	if !ok {
		panic(fn.name + " has no parameter " + name)
	}
	return fmt.Sprintf("%s+%d(FP)", name, at)
}

// Load loads a parameter of 8 bytes.
func Load(name string) Reg {
	r := NewReg()
	Op("MOVD", Param(name), r)
	return r
}

// Op writes an instruction in Go's syntax, operands in Go's order; an int is a
// constant.
func Op(name string, operands ...any) {
	l := line{format: name}
	for i, o := range operands {
		l.format += map[bool]string{true: " ", false: ", "}[i == 0]
		switch o := o.(type) {
		case *Vec:
			l.format += "F%d"
			l.regs = append(l.regs, o)
		case int:
			l.format += fmt.Sprint("$", o)
		default:
			l.format += fmt.Sprint(o)
		}
	}
	fn.body = append(fn.body, l)
}

// Mem is the memory disp bytes from where r points to.
func Mem(r Reg, disp int) string {
	if disp == 0 {
		return fmt.Sprintf("(%v)", r)
	}
	return fmt.Sprintf("%d(%v)", disp, r)
}

// LD1R loads the float32 that r points to into all elements and adds step to r.
func LD1R(r, step Reg) *Vec {
	d := NewVec()
	fn.body = append(fn.body, line{format: fmt.Sprintf("VLD1R.P (%v)(%v), [V%%d.S4]", r, step), regs: []*Vec{d}})
	return d
}

// LoadPair and StorePair move 32 bytes.
func LoadPair(r Reg, disp int) (lo, hi *Vec) {
	lo, hi = NewVec(), NewVec()
	fn.body = append(fn.body, line{format: fmt.Sprintf("FLDPQ %s, (F%%d, F%%d)", Mem(r, disp)), regs: []*Vec{lo, hi}})
	return lo, hi
}

func StorePair(lo, hi *Vec, r Reg, disp int) {
	fn.body = append(fn.body, line{format: fmt.Sprintf("FSTPQ (F%%d, F%%d), %s", Mem(r, disp)), regs: []*Vec{lo, hi}})
}

// Label marks a place to branch to.
func Label(name string) {
	fn.labels[name] = len(fn.body)
	fn.body = append(fn.body, line{format: name + ":", label: true})
}

// Branch writes a branch instruction, whose last operand is a label.
func Branch(name string, operands ...any) {
	label := operands[len(operands)-1].(string)
	if start, ok := fn.labels[label]; ok {
		fn.loops = append(fn.loops, [2]int{start, len(fn.body)})
	}
	Op(name, operands...)
}

// Return ends the function.
func Return() {
	Op("RET")
	fn.loadNumbers()
	functions = append(functions, fn)
	fn = nil
}
