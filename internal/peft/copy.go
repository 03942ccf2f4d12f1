package peft

import "fmt"

// CopyFrom takes over the factors of another adapter of the same modules and
// ranks; an error says where they differ, and then nothing has changed.
func (a *Adapter) CopyFrom(o *Adapter) error {
	if len(a.Pairs) != len(o.Pairs) {
		return fmt.Errorf("it adapts %d modules, not %d", len(o.Pairs), len(a.Pairs))
	}
	for i, p := range a.Pairs {
		q := o.Pairs[i]
		if p.Module != q.Module || p.R != q.R || p.Scale != q.Scale {
			return fmt.Errorf("it adapts %s with rank %d and scale %g, not %s with rank %d and scale %g",
				q.Module, q.R, q.Scale, p.Module, p.R, p.Scale)
		}
	}
	for i, p := range a.Pairs {
		p.A.Value.CopyFrom(o.Pairs[i].A.Value)
		p.B.Value.CopyFrom(o.Pairs[i].B.Value)
	}
	return nil
}
