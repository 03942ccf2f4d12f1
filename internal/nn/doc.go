// Package nn holds the layers of a LLaMA-like decoder, one file each, with the
// forward and the backward formula together. Base weights are frozen, so a
// backward pass computes the gradient of the layer's input and of LoRA's
// factors, nothing else.
//
// Letters used in shape comments: N rows (all tokens of a pass, sequences laid
// end to end without padding), T tokens of one sequence, D model width, F MLP
// width, H query heads, G key-value heads, K width of a head, V vocabulary,
// R rank of LoRA. The gradient of x is dx.
//
// Every result of a row depends on its own sequence alone and is summed in a
// fixed order (one chain of fused multiply-adds per output element of a
// product), so it does not depend on what else is in the pass or on threads.
//
// The package must not know models, files, tokenizers or optimizers.
package nn
