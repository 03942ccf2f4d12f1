package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Width is the width of every drawing in its own units; a page scales it. Text
// is 13 units high.
const Width = 460

const charWidth = 7 // of text, on average, a little generously

// drawing collects the elements of one SVG picture.
type drawing struct{ b strings.Builder }

// open begins a picture that says what it shows to those who do not see it.
func (d *drawing) open(height float64, description string) {
	fmt.Fprintf(&d.b, `<svg viewBox="0 0 %d %s" role="img" aria-label="%s">`, Width, coord(height), escape(description))
}

func (d *drawing) close() string {
	d.b.WriteString("</svg>")
	return d.b.String()
}

// text places one line of text; anchor is start, middle or end.
func (d *drawing) text(x, y float64, anchor, class, s string) {
	fmt.Fprintf(&d.b, `<text x="%s" y="%s" text-anchor="%s"%s>%s</text>`, coord(x), coord(y), anchor, classOf(class), escape(s))
}

// fitted is text cut to a width, whole on hovering.
func (d *drawing) fitted(x, y, width float64, anchor, s string) {
	cut := Fit(s, int(width/charWidth))
	if cut == s {
		d.text(x, y, anchor, "", s)
		return
	}
	fmt.Fprintf(&d.b, `<text x="%s" y="%s" text-anchor="%s">%s<title>%s</title></text>`, coord(x), coord(y), anchor, escape(cut), escape(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&d.b, `<path%s d="M%s %sL%s %s"/>`, classOf(class), coord(x1), coord(y1), coord(x2), coord(y2))
}

// path draws a path with a name for those who hover over it.
func (d *drawing) path(class, data, name string) {
	if data == "" {
		return
	}
	if name == "" {
		fmt.Fprintf(&d.b, `<path%s d="%s"/>`, classOf(class), data)
		return
	}
	fmt.Fprintf(&d.b, `<path%s d="%s"><title>%s</title></path>`, classOf(class), data, escape(name))
}

func classOf(class string) string {
	if class == "" {
		return ""
	}
	return ` class="` + class + `"`
}

// coord writes a position to a tenth of a unit, as short as it goes.
func coord(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// polyline is the path through points, broken where one cannot be shown.
func polyline(ax, ay axis, x, y []float64) string {
	var b strings.Builder
	down := false
	for i := range x {
		if !ax.shows(x[i]) || !ay.shows(y[i]) {
			down = false
			continue
		}
		at := coord(ax.at(x[i])) + " " + coord(ay.at(y[i]))
		if down {
			b.WriteString("L" + at)
		} else {
			b.WriteString("M" + at + "h0") // so that a lone point is a dot
		}
		down = true
	}
	return b.String()
}

// escape makes text safe inside elements and quoted attributes; control
// characters, which XML has no place for, become U+FFFD.
func escape(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// Fit cuts s in its middle to at most n characters.
func Fit(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	n = max(n, 3)
	head := n / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-head-1):])
}
