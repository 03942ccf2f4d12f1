// Package chat renders a conversation with a checkpoint's chat template, as
// transformers' apply_chat_template does.
//
// Templates are Jinja and run on gonja. gonja parts from Jinja in places, so a
// template is first read by rewrite, which spells out what gonja misreads
// (escapes, line breaks, adjacent words) and refuses, by name and line, what it
// cannot do: macros, includes, conditional expressions inside brackets, and
// operators, filters and methods that were not compared with Jinja. Known to
// differ still: s[0] of a string counts bytes, and "a.b.c is defined" is false,
// not an error, where a.b is undefined.
//
// Templates come from outside. They cannot reach files; output, nesting and
// ranges are bounded, and a panic of gonja becomes an error. Their running time
// and the strings they build on the way are not bounded.
//
// It must not know tokenizers, models or tasks.
package chat
