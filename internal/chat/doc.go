// Package chat renders a conversation with a checkpoint's chat template, as
// transformers' apply_chat_template does. What templates can do is package
// jinja's affair; their running time and the strings they build on the way are
// not bounded.
//
// It must not know tokenizers, models or tasks.
package chat
