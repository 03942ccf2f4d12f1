package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var nan = math.NaN()

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		log    bool
		n      int
		want   string
	}{
		{0, 1, false, 5, "0 0.2 0.4 0.6 0.8 1.0"},
		{0.37, 4.2, false, 5, "1 2 3 4"},
		{1, 45, false, 6, "10 20 30 40"},
		{-3, 3, false, 4, "-2 0 2"},
		{0, 0.0004, false, 4, "0 0.0001 0.0002 0.0003 0.0004"},
		{0, 3e-7, false, 3, "0 1e-7 2e-7 3e-7"},
		{0, 250000, false, 3, "0 100000 200000"},
		{0, 5e8, false, 3, "0 2e8 4e8"},
		{0.003, 250, true, 5, "0.01 0.1 1 10 100"},
		{0.8, 6, true, 5, "1 2 5"},
		{1e-9, 1e6, true, 5, "1e-8 0.0001 1 10000"},
		{5.1, 5.3, true, 4, "5.10 5.15 5.20 5.25 5.30"}, // no round powers: as on a linear axis
	} {
		var got []string
		for _, tick := range (axis{lo: c.lo, hi: c.hi, log: c.log}).ticks(c.n) {
			got = append(got, tick.label)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%g to %g, log %v: %s, want %s", c.lo, c.hi, c.log, s, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 3, "0"}, {nan, 3, "–"}, {1e-4, 3, "0.0001"}, {1e-5, 3, "1e-5"}, {1.25e-7, 2, "1.2e-7"}, {3.14159, 3, "3.14"}, {-2.5, 3, "-2.5"},
		{1234.5, 3, "1234"}, {99.99, 3, "100"}, {1e6, 3, "1e6"}, {-1.5e10, 3, "-1.5e10"}, {0.00123456, 4, "0.001235"},
	} {
		if got := Number(c.v, c.digits); got != c.want {
			t.Errorf("%g: %s, want %s", c.v, got, c.want)
		}
	}
}

// Thinning keeps the ends, every extreme, the order and the gaps.
func TestThin(t *testing.T) {
	y := make([]float64, 10000)
	for i := range y {
		y[i] = math.Sin(float64(i) / 50)
	}
	y[1234], y[7777] = 9, -9
	for i := 4000; i < 4200; i++ {
		y[i] = nan
	}
	keep := Thin(y, 500)
	if len(keep) > 500 || keep[0] != 0 || keep[len(keep)-1] != 9999 {
		t.Fatalf("%d of them, from %d to %d", len(keep), keep[0], keep[len(keep)-1])
	}
	has := map[int]bool{}
	gap := false
	for i, k := range keep {
		has[k] = true
		gap = gap || math.IsNaN(y[k])
		if i > 0 && k <= keep[i-1] {
			t.Fatalf("%d follows %d", k, keep[i-1])
		}
	}
	if !has[1234] || !has[7777] || !gap {
		t.Errorf("the peaks are kept: %v, %v; the gap: %v", has[1234], has[7777], gap)
	}
	if diff := cmp.Diff([]int{0, 1, 2}, Thin(y[:3], 500)); diff != "" {
		t.Errorf("a short series: %s", diff)
	}
	x, low, high := thinBand([]float64{1, 2, 3, 4}, []float64{5, nan, 3, 4}, []float64{6, 9, 7, 8}, 2)
	if diff := cmp.Diff([][]float64{{1, 4}, {5, 3}, {9, 8}}, [][]float64{x, low, high}); diff != "" {
		t.Errorf("band: %s", diff)
	}
}

func TestTextIsEscapedAndFitted(t *testing.T) {
	if got, want := escape("<b>\"a\"&'\x00\xff\n"), "&lt;b&gt;&#34;a&#34;&amp;&#39;\uFFFD\uFFFD\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for s, want := range map[string]string{"short": "short", "model.layers.0.q_proj": "mode…roj", "ααααααααα": "αααα…ααα"} {
		if got := Fit(s, 8); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPlot(t *testing.T) {
	got := Plot{Description: "a < b", XLabel: "step", YLabel: "loss", Marks: []Mark{{2, "limit"}, {99, "far"}},
		Series: []Series{{Name: "one", X: []float64{0, 1, 2, 3}, Y: []float64{4, nan, 2, 1}, Low: []float64{3, 3, 2, 1}, High: []float64{4, 4, 3, 2}}}}.SVG()
	for _, want := range []string{`<svg viewBox="0 0 460 270" role="img" aria-label="a &lt; b">`, `<path class="line c0" d="M19 31.9h0M305 129.9h0L448 179"><title>one</title></path>`,
		`<path class="mark" d="`, `>limit</text>`, `class="band c0"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "far") {
		t.Error("a mark beyond the axis is drawn")
	}
}

// Whatever the numbers and names, a drawing is well-formed and has finite
// positions in its frame or near it.
func TestDrawingsOfAnything(t *testing.T) {
	hostile := "</svg><script>alert(1)</script>" + strings.Repeat("x", 500) + "\x00"
	for _, y := range [][]float64{{}, {1}, {0, 0, 0}, {-1e308, 1e308, 5}, {nan, nan}, {math.Inf(1), 1, math.Inf(-1)}, {0, 5e-324}, {1e16, 1e16 + 2, 1e16}, {1e-300, 1e300, -5}} {
		x := make([]float64, len(y))
		for i := range x {
			x[i] = float64(i) * 1e12
		}
		for _, log := range []bool{false, true} {
			for _, look := range []Look{Solid, Faint, Markers} {
				s := Series{Name: hostile, Color: 13, Look: look, X: x, Y: y, Low: y, High: y}
				checkDrawing(t, Plot{Description: hostile, XLabel: hostile, YLabel: hostile, LogX: log, LogY: log, XTicks: x, Series: []Series{s, s}}.SVG())
			}
		}
		edges := []float64{1, 2, 3, 4, 5, 6, 7}
		checkDrawing(t, Heat{From: 0.5, To: 2.5, Edges: edges, Panels: []Panel{{hostile, []string{hostile, "1"}, [][]float64{y, y}}}}.SVG())
		var rows []Row
		for _, v := range y {
			rows = append(rows, Row{Name: hostile, Note: hostile, Value: v, Low: v, High: v})
		}
		checkDrawing(t, Intervals{XLabel: hostile, Rows: rows}.SVG())
	}
}

var numbers = regexp.MustCompile(`-?[0-9.]+`)

func checkDrawing(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%.2000s", err, svg)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local == "script" {
			t.Fatal("a name became an element")
		}
		for _, a := range e.Attr {
			if a.Name.Local != "d" && a.Name.Local != "x" && a.Name.Local != "y" {
				continue
			}
			if strings.ContainsAny(a.Value, "NIe") {
				t.Fatalf("%s=%s is not finite", a.Name.Local, a.Value)
			}
			for _, n := range numbers.FindAllString(a.Value, -1) {
				if len(n) > 7 {
					t.Fatalf("%s is far outside", n)
				}
			}
		}
	}
}
