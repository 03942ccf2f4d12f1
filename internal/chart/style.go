package chart

import _ "embed"

// Colors is how many colours series have before they repeat, dashed. They are
// chosen to be told apart by colour-blind readers too.
const Colors = 8

// Style is the style sheet for all drawings of a page. It defines the classes
// c0 to c7 (the colour of a series, as currentColor) for legends too.
//
//go:embed style.css
var Style string
