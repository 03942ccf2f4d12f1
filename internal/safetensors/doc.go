// Package safetensors reads and writes the safetensors file format: a length,
// a JSON header, and the tensors' bytes.
//
// Reading treats a file as hostile. Everything the header claims is checked
// against the file before a byte of data is used, and a tensor's Data aliases the
// memory-mapped file, so that opening a model costs no memory. Writing is
// deterministic and gives the bytes the Rust library would give: tensors ordered
// by dtype (largest alignment first), then name; the header padded with spaces to
// a multiple of eight.
//
// It also opens a Hugging Face model folder, one file or shards with an index, as
// a Set. It must not know what a tensor's name means.
package safetensors
