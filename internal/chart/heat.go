package chart

import (
	"fmt"
	"strings"
)

// Heat shades rows of values over steps, rows in named panels one below the
// other.
type Heat struct {
	Description string
	XLabel      string
	From, To    float64 // what the columns' outer edges stand for
	Panels      []Panel
	Edges       []float64 // Shades-1 values between the shades
	Diverging   bool      // two hues that meet at the middle edge
	EdgeLabel   string    // what the edges measure
}

// Panel is a block of rows, the first on top.
type Panel struct {
	Name  string
	Rows  []string    // names
	Cells [][]float64 // by row and column; NaN stays empty
}

// Shades is how many shades there are.
const Shades = 8

// SVG draws the panels with one axis below and a key of the shades.
func (h Heat) SVG() string {
	const left, top, panelGap = 40.0, 4.0, 22.0
	rows := 0
	for _, p := range h.Panels {
		rows += len(p.Rows)
	}
	rowHeight := max(3, min(18, float64(300/max(1, rows))))
	height := top + float64(len(h.Panels))*panelGap + float64(rows)*rowHeight + 40 + 44
	x := newAxis(false, []float64{h.From, h.To})
	x.from, x.to = left, Width-12
	var d drawing
	d.open(height, h.Description)
	y := top
	for _, p := range h.Panels {
		d.fitted(left, y+14, x.to-left, "start", p.Name)
		y += panelGap
		h.drawPanel(&d, p, x, y, rowHeight)
		y += float64(len(p.Rows)) * rowHeight
	}
	d.line(left, y+1, x.to, y+1, "base")
	for _, t := range x.ticks(6) {
		d.line(x.at(t.value), y+1, x.at(t.value), y+5, "base")
		d.text(min(x.at(t.value), Width-charWidth/2*float64(len(t.label))), y+18, "middle", "tick", t.label)
	}
	d.text((x.from+x.to)/2, y+34, "middle", "axis", h.XLabel)
	h.drawKey(&d, left, x.to, y+44)
	return d.close()
}

// drawPanel draws each shade as one path of all its stretches of cells.
func (h Heat) drawPanel(d *drawing, p Panel, x axis, top, rowHeight float64) {
	var shades [Shades]strings.Builder
	for r, row := range p.Cells {
		width := (x.to - x.from) / float64(max(1, len(row)))
		for c := 0; c < len(row); {
			s, end := h.shade(row[c]), c+1
			for end < len(row) && h.shade(row[end]) == s {
				end++
			}
			if s >= 0 {
				fmt.Fprintf(&shades[s], "M%s %sh%sv%sh-%sz", coord(x.from+float64(c)*width), coord(top+float64(r)*rowHeight),
					coord(float64(end-c)*width), coord(rowHeight), coord(float64(end-c)*width))
			}
			c = end
		}
	}
	for s := range shades {
		d.path("cell "+h.class(s), shades[s].String(), "")
	}
	every := 1
	for float64(every)*rowHeight < 14 {
		every++
	}
	for r, name := range p.Rows {
		if r%every == 0 {
			d.fitted(34, top+float64(r)*rowHeight+rowHeight/2+4, 34, "end", name)
		}
	}
}

// shade is the number of a value's shade, -1 for none.
func (h Heat) shade(v float64) int {
	if v != v {
		return -1
	}
	s := 0
	for s < len(h.Edges) && s < Shades-1 && v >= h.Edges[s] {
		s++
	}
	return s
}

func (h Heat) class(shade int) string {
	if h.Diverging {
		return fmt.Sprintf("d%d", shade)
	}
	return fmt.Sprintf("h%d", shade)
}

func (h Heat) drawKey(d *drawing, left, right, top float64) {
	width := (right - left) / Shades
	for s := range Shades {
		d.path("cell "+h.class(s), fmt.Sprintf("M%s %sh%sv9h-%sz", coord(left+float64(s)*width), coord(top), coord(width), coord(width)), "")
	}
	for i, e := range h.Edges {
		d.text(left+float64(i+1)*width, top+22, "middle", "tick", Number(e, 3))
	}
	d.text((left+right)/2, top+37, "middle", "axis", h.EdgeLabel)
}
