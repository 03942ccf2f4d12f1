package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/chart"
	"github.com/stablelora/stablelora/internal/runfolder"
)

// kind is the modules of one name in all layers, q_proj for example.
type kind struct {
	name    string
	modules []*runfolder.Module // by layer
}

// kinds sorts modules into kinds, in the order of their first ones.
func kinds(modules []*runfolder.Module) []kind {
	var all []kind
	index := map[string]int{}
	for _, m := range modules {
		name := m.Name[strings.LastIndexByte(m.Name, '.')+1:]
		i, ok := index[name]
		if !ok {
			i = len(all)
			index[name] = i
			all = append(all, kind{name: name})
		}
		all[i].modules = append(all[i].modules, m)
	}
	for _, k := range all {
		slices.SortStableFunc(k.modules, func(a, b *runfolder.Module) int { return cmp.Compare(layer(a.Name), layer(b.Name)) })
	}
	return all
}

// layer is the first number among the parts of a module's name, -1 if none.
func layer(name string) int {
	for _, part := range strings.Split(name, ".") {
		if n, err := strconv.Atoi(part); err == nil {
			return n
		}
	}
	return -1
}

const (
	heatColumns = 90
	heatRuns    = 8   // beyond, layers are not shown
	heatModules = 600 // likewise
)

// layerSections show norms by layer over steps, one section for each run.
func (v *view) layerSections() []Section {
	var all []Section
	for _, r := range v.runs {
		if len(r.Modules) == 0 || len(v.runs) > heatRuns {
			continue
		}
		s := Section{ID: fmt.Sprintf("layers-%d", len(all)+1), Title: "Layer by layer", Folded: !v.single()}
		if !v.single() {
			s.Title += ": " + r.label
		}
		if len(r.Modules) > heatModules {
			s.Note = fmt.Sprintf("%d modules are too many to draw.", len(r.Modules))
			all = append(all, s)
			continue
		}
		s.add("‖A‖ against its first value", r.heat("‖A‖ ÷ ‖A‖ in step 1", nil, func(m *runfolder.Module, i int) float64 { return m.NormA[i] / m.NormA[0] }))
		s.add("‖B‖", r.heat("‖B‖", nil, normB))
		s.add("The stop condition's ratio: blue where A is small enough", r.heat("(‖A‖/n) / (‖B‖/m)", []float64{0.2, 0.5, 0.8, 1, 1.5, 3, 10}, stopRatio))
		all = append(all, s)
	}
	return all
}

func (s *Section) add(title string, h chart.Heat) {
	if h.Panels == nil {
		return
	}
	h.Description = title
	s.Figures = append(s.Figures, Figure{Title: title, SVG: template.HTML(h.SVG())})
}

// heat shades a value of each module over steps. Without edges the shades
// divide the values evenly.
func (r *run) heat(label string, edges []float64, value func(*runfolder.Module, int) float64) chart.Heat {
	h := chart.Heat{XLabel: "optimizer step", EdgeLabel: label, Edges: edges, Diverging: edges != nil, From: math.Inf(1), To: math.Inf(-1)}
	for _, m := range r.Modules {
		h.From, h.To = min(h.From, m.Step[0]), max(h.To, m.Step[len(m.Step)-1])
	}
	h.From, h.To = h.From-0.5, h.To+0.5
	columns := int(min(heatColumns, h.To-h.From))
	low, high := math.Inf(1), math.Inf(-1)
	for _, k := range kinds(r.Modules) {
		p := chart.Panel{Name: k.name + ", by layer"}
		for _, m := range k.modules {
			row := binned(m, value, h.From, h.To, columns)
			for _, x := range row {
				if math.Abs(x) <= math.MaxFloat64 {
					low, high = min(low, x), max(high, x)
				}
			}
			name := m.Name
			if l := layer(m.Name); l >= 0 {
				name = strconv.Itoa(l)
			}
			p.Rows, p.Cells = append(p.Rows, name), append(p.Cells, row)
		}
		h.Panels = append(h.Panels, p)
	}
	if low > high {
		return chart.Heat{}
	}
	if edges == nil {
		for i := 1; i < chart.Shades; i++ {
			h.Edges = append(h.Edges, low+(high-low)*float64(i)/chart.Shades)
		}
	}
	return h
}

// binned is the mean of a module's values in columns of steps, NaN where there
// are none.
func binned(m *runfolder.Module, value func(*runfolder.Module, int) float64, from, to float64, columns int) []float64 {
	sum, n := make([]float64, columns), make([]float64, columns)
	for i, step := range m.Step {
		if v := value(m, i); !math.IsNaN(v) {
			c := min(columns-1, int((step-from)/(to-from)*float64(columns)))
			sum[c], n[c] = sum[c]+v, n[c]+1
		}
	}
	for c := range sum {
		sum[c] /= n[c] // 0/0 is NaN
	}
	return sum
}
