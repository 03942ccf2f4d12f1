package tensor

// Param is a trained matrix: one LoRA factor. Grad holds the gradient of the
// whole batch once Sum.Finish has been called; Sum collects it example by
// example.
type Param struct {
	Name  string // as in the adapter file
	Value Matrix
	Grad  Matrix
	Sum   *TreeSum
}

// NewParam returns a zero parameter.
func NewParam(name string, rows, cols int) *Param {
	p := &Param{Name: name, Value: New(rows, cols), Grad: New(rows, cols)}
	p.Sum = NewTreeSum(p.Grad)
	return p
}
