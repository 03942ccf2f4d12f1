package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/chart"
	"github.com/stablelora/stablelora/internal/runfolder"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var pageStyle string

// Options is what a page says beside its runs.
type Options struct {
	Version string // of the program
	Waiting int    // runs of a sweep that have not begun
}

// page is what page.html shows.
type page struct {
	Title, Summary string
	Style          template.CSS
	Warnings       []string
	Facts          []Fact
	Settings       *Table
	Head           []string
	Runs           []Overview
	Single         bool
	Comparison     *Table
	Sections       []Section
	Version        string
}

// Page returns one HTML document of all runs, of which there must be one at
// least.
func Page(runs []*runfolder.Run, o Options) ([]byte, error) {
	v := newView(runs)
	p := page{Style: template.CSS(chart.Style + pageStyle), Single: v.single(), Facts: v.facts(), Settings: v.settings(),
		Comparison: v.comparison(), Version: o.Version}
	p.Title, p.Summary = v.title()
	p.Head, p.Runs = v.overview()
	for _, r := range v.runs {
		if !r.Finished() {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s is %s.", r.label, r.Status()))
		}
	}
	if v.single() && v.runs[0].Finished() {
		for _, w := range v.runs[0].Summary.Stability.Warnings {
			p.Warnings = append(p.Warnings, "On the way: "+w+".")
		}
	}
	if o.Waiting > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("Runs of the sweep that have not begun, or left no steps, and are not shown: %d.", o.Waiting))
	}
	sections := []Section{v.accuracySection(), v.rateSection(), v.lossSection(), v.normSection(), v.termSection()}
	for _, s := range append(sections, v.layerSections()...) {
		if len(s.Figures) > 0 {
			p.Sections = append(p.Sections, s)
		}
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// title names the page and says in a sentence what was run.
func (v *view) title() (title, summary string) {
	if !v.single() {
		cells := len(v.cells())
		summary = fmt.Sprintf("%d runs", len(v.runs))
		if cells < len(v.runs) {
			summary = fmt.Sprintf("%d runs of %d configurations", len(v.runs), cells)
		}
		return "Comparison of " + summary, ""
	}
	r := v.runs[0]
	title = filepath.Base(r.Dir)
	if abs, err := filepath.Abs(r.Dir); err == nil {
		title = filepath.Base(abs)
	}
	method, model := cmp.Or(r.Setting(keyMethod), "an unnamed method"), filepath.Base(filepath.FromSlash(r.Setting("model.path")))
	summary = fmt.Sprintf("A LoRA adapter of %s, trained with %s for %d steps", model, method, r.Steps.Last())
	if len(r.Steps.Loss) > 0 {
		summary += fmt.Sprintf("; the training loss ended at %s", chart.Number(r.finalLoss(), 3))
	}
	return "Run " + title, summary + "."
}
