// Package model is the decoder of LlamaForCausalLM, Qwen2ForCausalLM and
// Qwen3ForCausalLM: it reads config.json, takes the weights by name from the
// folder's safetensors files, and wires the layers of nn into blocks, forward
// and backward.
//
// Weights stay memory-mapped in the format of their file. The package must not
// know tokenizers, adapter files, optimizers or tasks: LoRA is attached to its
// linear layers from outside.
package model
