package parquet

import (
	"bytes"
	"fmt"
)

// row assembles one row into out. Each of its columns begins with repetition
// level 0, and so does each of the next.
func (r *reader) row() error {
	r.out = r.out[:0]
	if err := r.object(r.root); err != nil {
		return err
	}
	for _, c := range r.columns {
		if c.left == 0 && !c.ready { // the next page begins a row, or is there none
			continue
		}
		if err := c.peek(); err != nil {
			return err
		}
		if c.rep != 0 {
			return errColumns
		}
	}
	return nil
}

func (r *reader) object(n *node) error {
	r.out = append(r.out, '{')
	for i, child := range n.children {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		r.out = append(appendText(r.out, bytes.ToValidUTF8([]byte(child.name), []byte("?"))), ':')
		if err := r.field(child); err != nil {
			return err
		}
	}
	r.out = append(r.out, '}')
	return nil
}

// field appends a node with all its repetitions.
func (r *reader) field(n *node) error {
	if len(r.out) > r.max {
		return fmt.Errorf("the row is longer than %d bytes", r.max)
	}
	switch {
	case n.repetition == repeated:
		return r.elements(n, func() error { return r.content(n) })
	case n.repetition == optional && n.children != nil:
		there, err := r.there(n)
		if err != nil || !there {
			return r.null(n, err)
		}
	}
	return r.content(n)
}

// there says whether a node is more than null or an empty list here.
func (r *reader) there(n *node) (bool, error) {
	c := r.columns[n.leaves[0]]
	err := c.peek()
	return c.def >= n.def, err
}

func (r *reader) null(n *node, err error) error {
	r.out = append(r.out, "null"...)
	return r.skip(n, err)
}

func (r *reader) skip(n *node, err error) error {
	for _, i := range n.leaves {
		if err == nil {
			err = r.columns[i].skip()
		}
	}
	return err
}

// content appends a node that is there, once.
func (r *reader) content(n *node) error {
	if n.children == nil {
		c := r.columns[n.leaves[0]]
		v, err := c.take()
		if err == nil {
			r.out, err = n.appendJSON(r.out, v)
		}
		if err != nil {
			return fmt.Errorf("column %q: %w", n.name, err)
		}
		return nil
	}
	if !n.list {
		return r.object(n)
	}
	inner := n.children[0]
	if e := inner.element(); e != nil {
		return r.elements(inner, func() error { return r.field(e) })
	}
	return r.elements(inner, func() error { return r.content(inner) })
}

// elements appends the list of a repeated node.
func (r *reader) elements(n *node, element func() error) error {
	there, err := r.there(n)
	if err != nil || !there {
		r.out = append(r.out, "[]"...)
		return r.skip(n, err)
	}
	r.out = append(r.out, '[')
	first := r.columns[n.leaves[0]]
	for {
		if err := element(); err != nil {
			return err
		}
		if len(r.out) > r.max {
			return fmt.Errorf("the row is longer than %d bytes", r.max)
		}
		if first.left == 0 && !first.ready { // a page may end within a row
			if _, err := first.src.Peek(1); err != nil {
				break
			}
		}
		if err := first.peek(); err != nil {
			return err
		}
		if first.rep != n.rep {
			break
		}
		r.out = append(r.out, ',')
	}
	r.out = append(r.out, ']')
	return nil
}
