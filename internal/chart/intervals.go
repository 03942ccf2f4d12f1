package chart

import "fmt"

// Intervals marks values and their intervals, one row each.
type Intervals struct {
	Description string
	XLabel      string
	Rows        []Row
}

// Row is a value from Low to High with a name on its left and a note on its
// right.
type Row struct {
	Name, Note       string
	Value, Low, High float64
	Color            int
	Hollow           bool // a reference
}

// SVG draws the rows in their order.
func (v Intervals) SVG() string {
	const rowHeight, top = 22.0, 6.0
	name, note := 0, 0
	var values [][]float64
	for _, r := range v.Rows {
		name, note = max(name, len([]rune(r.Name))), max(note, len([]rune(r.Note)))
		values = append(values, []float64{r.Value, r.Low, r.High})
	}
	left := min(205, charWidth*float64(name)+14)
	right := Width - 8 - min(150, charWidth*float64(note)+4)
	bottom := top + rowHeight*float64(len(v.Rows))
	x := newAxis(false, values...).pad(0.03)
	x.from, x.to = left, right
	var d drawing
	d.open(bottom+40, v.Description)
	for _, t := range x.ticks(5) {
		d.line(x.at(t.value), top, x.at(t.value), bottom, "grid")
		d.text(x.at(t.value), bottom+15, "middle", "tick", t.label)
	}
	for i, r := range v.Rows {
		y := top + rowHeight*(float64(i)+0.5)
		color := fmt.Sprintf("c%d", r.Color%Colors)
		d.fitted(left-8, y+4, left-8, "end", r.Name)
		if x.shows(r.Low) && x.shows(r.High) {
			d.line(x.at(r.Low), y, x.at(r.High), y, "bar "+color)
		}
		if x.shows(r.Value) {
			class := "dot " + color
			if r.Hollow {
				class = "ring " + color
			}
			d.path(class, marker(0, x.at(r.Value), y), fmt.Sprintf("%s: %s (%s to %s)", r.Name, Number(r.Value, 4), Number(r.Low, 4), Number(r.High, 4)))
		}
		d.fitted(right+8, y+4, Width-right-8, "start", r.Note)
	}
	d.text((left+right)/2, bottom+34, "middle", "axis", v.XLabel)
	return d.close()
}
