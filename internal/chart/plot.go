package chart

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Look is how a series is drawn.
type Look int

const (
	Solid   Look = iota // a line
	Faint               // a thin pale line, for what is behind a smoothed one
	Markers             // points joined by a thin line, Low to High as bars
)

// Series is one line: Y over X, of one length, X increasing. Low and High, of
// that length or nil, bound a band around it.
type Series struct {
	Name      string
	Color     int // 0 and up; Style repeats after Colors, dashed
	Look      Look
	X, Y      []float64
	Low, High []float64
}

// Mark is a labelled horizontal line.
type Mark struct {
	Value float64
	Label string
}

// Plot is a diagram of lines.
type Plot struct {
	Description    string // for those who do not see it
	XLabel, YLabel string
	LogX, LogY     bool
	Series         []Series
	Marks          []Mark // drawn where the axis reaches them
	XTicks         []float64
}

const (
	plotHeight = 270
	plotTop    = 26 // below the y axis' label
	plotBottom = plotHeight - 42
	points     = 500   // of one series
	allPoints  = 12000 // of one plot
)

// SVG draws the plot.
func (p Plot) SVG() string {
	x, y := p.axes()
	yTicks := y.ticks(5)
	left := 16.0
	for _, t := range yTicks {
		left = max(left, 12+charWidth*float64(utf8.RuneCountInString(t.label)))
	}
	x.from, x.to = left, Width-12
	y.from, y.to = plotBottom, plotTop
	var d drawing
	d.open(plotHeight, p.Description)
	d.text(2, 13, "start", "axis", p.YLabel)
	for _, t := range yTicks {
		d.line(left, y.at(t.value), x.to, y.at(t.value), "grid")
		d.text(left-6, y.at(t.value)+4, "end", "tick", t.label)
	}
	p.drawXAxis(&d, x)
	for _, m := range p.Marks {
		if y.shows(m.Value) && m.Value >= y.lo && m.Value <= y.hi {
			d.line(left, y.at(m.Value), x.to, y.at(m.Value), "mark")
			d.text(x.to, y.at(m.Value)-5, "end", "note", m.Label)
		}
	}
	for _, pass := range []Look{Faint, Solid, Markers} { // faint ones behind
		for i, s := range p.Series {
			if s.Look == pass {
				x := x
				if s.Low != nil && pass == Markers { // bars side by side
					x.from += 4 * (float64(i) - float64(len(p.Series)-1)/2)
					x.to += x.from - left
				}
				s.draw(&d, x, y, max(80, min(points, allPoints/len(p.Series))))
			}
		}
	}
	return d.close()
}

// axes span all series; a linear y axis that comes near 0 begins there.
func (p Plot) axes() (x, y axis) {
	var xs, ys [][]float64
	for _, s := range p.Series {
		xs = append(xs, s.X)
		ys = append(ys, s.Y, s.Low, s.High)
	}
	x = newAxis(p.LogX, xs...)
	if p.LogX {
		x = x.pad(0.06)
	}
	y = newAxis(p.LogY, ys...)
	zero := !p.LogY && y.lo >= 0 && y.lo < 0.4*y.hi
	y = y.pad(0.04)
	if zero {
		y.lo = 0
	}
	return x, y
}

func (p Plot) drawXAxis(d *drawing, x axis) {
	n := 6
	if !p.LogX && x.hi-x.lo >= 1 { // steps are whole
		n = int(min(6, x.hi-x.lo))
	}
	ticks := x.ticks(n)
	if p.XTicks != nil {
		ticks = nil
		last := math.Inf(-1)
		for _, v := range p.XTicks {
			label := Number(v, 3)
			if at := x.at(v); at-last > charWidth*float64(len(label)) {
				ticks = append(ticks, tick{v, label})
				last = at
			}
		}
	}
	d.line(x.from, plotBottom, x.to, plotBottom, "base")
	for _, t := range ticks {
		d.line(x.at(t.value), plotBottom, x.at(t.value), plotBottom+4, "base")
		d.text(min(x.at(t.value), Width-charWidth/2*float64(len(t.label))), plotBottom+18, "middle", "tick", t.label)
	}
	d.text((x.from+x.to)/2, plotHeight-5, "middle", "axis", p.XLabel)
}

func (s Series) draw(d *drawing, x, y axis, n int) {
	color := fmt.Sprintf("c%d", s.Color%Colors)
	if s.Color/Colors%2 == 1 {
		color += " dash"
	}
	if s.Look == Markers {
		s.drawMarkers(d, x, y, color)
		return
	}
	if s.Low != nil {
		d.path("band "+color, bandPath(x, y, s, n/2), "")
	}
	class := "line " + color
	if s.Look == Faint {
		class = "faint " + color
	}
	keep := Thin(s.Y, n)
	d.path(class, polyline(x, y, pick(s.X, keep), pick(s.Y, keep)), s.Name)
}

func pick(v []float64, at []int) []float64 {
	out := make([]float64, len(at))
	for i, k := range at {
		out[i] = v[k]
	}
	return out
}

// bandPath goes along the upper bound and back along the lower; what an axis
// cannot show is left out.
func bandPath(x, y axis, s Series, n int) string {
	tx, low, high := thinBand(s.X, s.Low, s.High, n)
	var there, back []string
	for i := range tx {
		if x.shows(tx[i]) && y.shows(low[i]) && y.shows(high[i]) {
			at := coord(x.at(tx[i]))
			there = append(there, at+" "+coord(y.at(high[i])))
			back = append(back, at+" "+coord(y.at(low[i])))
		}
	}
	if len(there) < 2 {
		return ""
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return "M" + strings.Join(append(there, back...), "L") + "Z"
}

func (s Series) drawMarkers(d *drawing, x, y axis, color string) {
	d.path("thin "+color, polyline(x, y, s.X, s.Y), "")
	for i := range s.X {
		if !x.shows(s.X[i]) || !y.shows(s.Y[i]) {
			continue
		}
		px, py := x.at(s.X[i]), y.at(s.Y[i])
		name := fmt.Sprintf("%s: %s at %s", s.Name, Number(s.Y[i], 4), Number(s.X[i], 4))
		if s.Low != nil && y.shows(s.Low[i]) && y.shows(s.High[i]) {
			d.line(px, y.at(s.Low[i]), px, y.at(s.High[i]), "bar "+color)
			name += fmt.Sprintf(" (%s to %s)", Number(s.Low[i], 4), Number(s.High[i], 4))
		}
		d.path("dot "+color, marker(s.Color, px, py), name)
	}
}

// marker is a shape that goes with a colour.
func marker(color int, x, y float64) string {
	switch color % 4 {
	case 0:
		return fmt.Sprintf("M%s %sa4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", coord(x-4), coord(y))
	case 1:
		return fmt.Sprintf("M%s %sh7v7h-7Z", coord(x-3.5), coord(y-3.5))
	case 2:
		return fmt.Sprintf("M%s %sl5 8h-10Z", coord(x), coord(y-5))
	}
	return fmt.Sprintf("M%s %sl5 5l-5 5l-5 -5Z", coord(x), coord(y-5))
}
