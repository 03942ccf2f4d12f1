package optim

// LoRAPlus is AdamW with a learning rate of B that is LRRatio times that of A
// (Hayou et al., arXiv 2402.12354). Weight decay goes with each factor's own
// rate.
type LoRAPlus struct{ *AdamW }

func newLoRAPlus(pairs []Pair, hp Hyper) *LoRAPlus {
	return &LoRAPlus{newAdamW(nameLoRAPlus, pairs, hp)}
}

// Step implements Optimizer; lr is the rate of A.
func (o *LoRAPlus) Step(lr float64) { o.advance(lr, lr*o.hp.LRRatio) }
