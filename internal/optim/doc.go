// Package optim updates LoRA factors from their gradients: optimizers side by
// side behind one small interface, learning rate schedules, and clipping by the
// global norm.
//
// It sees pairs of tensor.Param, one A and one B per adapted linear layer, and
// never a layer, a file or a configuration. Whoever calls Step has already
// refused non-finite gradients; ClipGlobalNorm's result says whether there are
// any.
//
// Arithmetic is float32 with every rounding written out, because a compiler may
// fuse x*y + z but not float32(x*y) + z; scalars are float64 and rounded once.
// Elements are independent and sums run in a fixed order in float64, so results
// depend neither on threads nor on the architecture. The preconditioners of
// Riemann and LoRARITE are r by r matrices in float64 and decomposed by gonum,
// which sums in another order on another architecture.
package optim
