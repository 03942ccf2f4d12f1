// Package peft reads, makes, writes and merges LoRA adapters as PEFT 0.21 does:
// adapter_config.json and adapter_model.safetensors, target matching, scaling and
// initialisation.
//
// Reading is strict where PEFT only warns: a tensor that is missing, unexpected,
// of the wrong shape or not finite is an error, and so is a setting we cannot
// compute. Such errors are InputErrors; those of New, whose input is the user's
// configuration, are ordinary ones.
//
// It knows linear layers by name and shape only. It must not know configuration
// files, training or what a model computes.
package peft
