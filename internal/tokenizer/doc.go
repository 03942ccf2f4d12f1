// Package tokenizer turns text into token ids and back as a checkpoint's
// tokenizer.json says, exactly as Hugging Face's tokenizers library does.
//
// It owns byte-level BPE (GPT-2, Qwen2, Llama-3) and SentencePiece-style BPE
// (Llama-2, TinyLlama), added tokens, and the byte range of the text that each
// token carries. A part of tokenizer.json it does not implement is refused by
// its path inside the file; nothing is tokenized approximately.
//
// A text passes: added tokens found in the raw text; per piece between them the
// normalizer, then added tokens that match normalized text, then the
// pre-tokenizer's words, BPE on each word; last the post-processor's tokens.
//
// It must not know models, tasks or chat templates.
package tokenizer
