package parquet

import (
	"errors"
	"fmt"
)

// Physical types.
const (
	typeBoolean = iota
	typeInt32
	typeInt64
	typeInt96
	typeFloat
	typeDouble
	typeByteArray
	typeFixed
)

const (
	required = iota
	optional
	repeated
)

const (
	maxSchemaDepth = 32
	maxColumns     = 1024
)

// node is a field of the schema.
type node struct {
	name       string
	repetition int64
	def, rep   int     // levels at which it is there
	list       bool    // a list, of the repeated node inside
	children   []*node // nil: a column
	leaves     []int   // numbers of the columns in it

	kind     int64 // physical type
	width    int   // bytes of a value of fixed length
	text     bool  // must be UTF-8
	unsigned bool
	decimal  bool
}

// schema turns the footer's list of elements, depth first, into a tree.
type schema struct {
	elements []any
	columns  []*node
}

func parseSchema(elements []any) (*node, []*node, error) {
	s := &schema{elements: elements}
	root, err := s.next(0, 0, 0)
	if err == nil && (len(s.elements) > 0 || root.children == nil) {
		err = errThrift
	}
	if err != nil {
		return nil, nil, err
	}
	return root, s.columns, nil
}

func (s *schema) next(depth, def, rep int) (*node, error) {
	if len(s.elements) == 0 || depth > maxSchemaDepth {
		return nil, errThrift
	}
	e, ok := s.elements[0].(fields)
	if !ok {
		return nil, errThrift
	}
	s.elements = s.elements[1:]
	n := &node{name: e.text(4), repetition: e.number(3, required), def: def, rep: rep, kind: e.number(1, -1)}
	if depth > 0 && n.repetition != required {
		n.def++
		if n.repetition == repeated {
			n.rep++
		}
	}
	converted, logical := e.number(6, -1), e.inner(10)
	children := e.number(5, 0)
	if children < 0 {
		return nil, errThrift
	}
	if children == 0 {
		return n, s.column(n, e, converted, logical)
	}
	for range children {
		child, err := s.next(depth+1, n.def, n.rep)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
		n.leaves = append(n.leaves, child.leaves...)
	}
	annotated := logical.get(3) != nil
	n.list = (converted == 3 || annotated) && len(n.children) == 1 && n.children[0].repetition == repeated
	return n, nil
}

// column fills in a node that holds values. ConvertedType 0, 4 and 19 and
// LogicalType 1, 4 and 12 are UTF8, ENUM and JSON; 5 is DECIMAL in both.
func (s *schema) column(n *node, e fields, converted int64, logical fields) error {
	if n.kind < typeBoolean || n.kind > typeFixed {
		return fmt.Errorf("column %q has the unknown type %d", n.name, n.kind)
	}
	if len(s.columns) == maxColumns {
		return fmt.Errorf("it has more than %d columns", maxColumns)
	}
	has := func(id int16) bool { return logical.get(id) != nil }
	n.text = converted == 0 || converted == 4 || converted == 19 || has(1) || has(4) || has(12)
	n.decimal = converted == 5 || has(5)
	n.unsigned = converted >= 11 && converted <= 14
	switch n.kind {
	case typeInt32, typeFloat:
		n.width = 4
	case typeInt64, typeDouble:
		n.width = 8
	case typeInt96:
		n.width = 12
	case typeFixed:
		n.width = int(e.number(2, 0))
		if n.width < 1 || n.width > maxPage {
			return errors.New("a column of fixed length has none")
		}
	}
	n.leaves = []int{len(s.columns)}
	s.columns = append(s.columns, n)
	return nil
}

// element is what a list's repeated node stands for: itself or, in the usual
// three-level form, the one field in it.
func (n *node) element() *node {
	if len(n.children) == 1 && n.name != "array" && n.name[max(0, len(n.name)-6):] != "_tuple" {
		return n.children[0]
	}
	return nil
}
