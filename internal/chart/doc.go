// Package chart draws series of numbers as SVG for a page: Plot draws lines and
// bands over an axis, Heat shades rows by value over steps, Intervals marks
// values with their intervals, one row each.
//
// Colours are classes of Style, the style sheet that a page must hold once; it
// has a light and a dark form. Drawings are functions of their data alone, all
// text in them is escaped, and long series are thinned so that every peak
// remains.
//
// It must not know what the numbers mean.
package chart
