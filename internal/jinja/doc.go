// Package jinja renders Jinja templates from outside: chat templates in
// transformers' environment, the templates of tasks in lm-evaluation-harness's.
//
// Templates run on gonja. gonja parts from Jinja in places, so a template is
// first read by rewrite, which spells out what gonja misreads (escapes, line
// breaks, adjacent words) and refuses, by name and line, what it cannot do:
// macros, includes, conditional expressions inside brackets, and operators,
// filters, tests and methods that were not compared with Jinja. Known to differ
// still: "a.b.c is defined" is false, not an error, where a.b is undefined; tuples
// print as lists; truth values are no numbers to + - < >, in chat templates to ==
// neither; there s[0] of a string counts bytes; operations on mixed types that
// Python refuses may give a result.
//
// Templates cannot reach files; output, nesting, the work of loops and the values
// they build on the way are bounded (budget), and a panic of gonja becomes an
// error.
//
// It must not know what is rendered, and nothing outside knows gonja.
package jinja
