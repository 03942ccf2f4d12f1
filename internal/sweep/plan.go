package sweep

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/stablelora/stablelora/internal/config"
)

// planned is one run before it is begun.
type planned struct {
	cell   int
	values []string // by axis
	folder string   // below the sweep's
	cfg    *config.Config
}

// plan makes the configuration of every run. The error is a *config.Error with
// every problem of every cell. A warning is worth telling that holds for all
// cells, or is of a key of the grid, whose runs are then the same.
func plan(o Options) (runs []planned, warnings []string, err error) {
	g, problems := ParseGrid(o.Grid, o.Seeds)
	same := map[string]string{}
	names := map[string]bool{}
	warned := map[string]int{}
	for cell := range g.cells() {
		values := g.values(cell)
		cfg, err := config.LoadFlags(o.Config, flags(o.Sets, g, values))
		var wrong *config.Error
		if errors.As(err, &wrong) {
			problems = appendNew(problems, wrong.Problems...)
			continue
		} else if err != nil {
			return nil, nil, err
		}
		for _, w := range cfg.Warnings() {
			warnings = appendNew(warnings, w)
			warned[w]++
		}
		text, err := cfg.YAML()
		if err != nil {
			return nil, nil, err
		}
		name := strings.Join(settings(g, values), ",")
		if twin, ok := same[string(text)]; ok {
			problems = append(problems, fmt.Sprintf("--grid: %s and %s are the same settings; remove one", twin, name))
		}
		same[string(text)] = name
		for _, seed := range seedsOf(g, cfg) {
			run := planned{cell: cell, values: values, cfg: clone(cfg)}
			run.cfg.Train.Seed = seed
			run.folder = folderName(append(settings(g, values), fmt.Sprintf("seed=%d", seed)), names)
			run.cfg.Output.Dir = filepath.Join(o.Dir, run.folder)
			runs = append(runs, run)
		}
	}
	if len(problems) > 0 {
		return nil, nil, &config.Error{Problems: firstFew(problems)}
	}
	warnings = slices.DeleteFunc(warnings, func(w string) bool {
		key, _, _ := strings.Cut(w, " ")
		return warned[w] < g.cells() && !slices.Contains(g.keys(), key)
	})
	return runs, warnings, nil
}

// flags are the settings of a cell, those of the grid over those of --set.
func flags(sets []string, g Grid, values []string) []config.Flag {
	var all []config.Flag
	for _, s := range sets {
		all = append(all, config.Flag{Name: "--set", Text: s})
	}
	for _, s := range settings(g, values) {
		all = append(all, config.Flag{Name: "--grid", Text: s})
	}
	return all
}

// settings writes a cell's values as key=value.
func settings(g Grid, values []string) []string {
	var all []string
	for i, a := range g.Axes {
		all = append(all, a.Key+"="+values[i])
	}
	return all
}

func seedsOf(g Grid, cfg *config.Config) []uint64 {
	if len(g.Seeds) == 0 {
		return []uint64{cfg.Train.Seed}
	}
	return g.Seeds
}

func clone(cfg *config.Config) *config.Config {
	c := *cfg
	return &c
}

// folderName is the settings in characters that every file system and shell
// takes; one that is too long, or taken already, is told apart by a hash.
func folderName(parts []string, taken map[string]bool) string {
	text := strings.Join(parts, ",")
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("[]{}'\" ", r):
			return -1
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("._+-=,", r):
			return r
		}
		return '-'
	}, text), ".-,")
	if fold := strings.ToLower(name); len(name) > 200 || taken[fold] {
		name = fmt.Sprintf("%.180s~%.6x", name, sha256.Sum256([]byte(text)))
	}
	taken[strings.ToLower(name)] = true
	return name
}

// identity is a hash of what a run's outcome depends on: the trajectory, and what
// it is scored on, folders apart.
func identity(cfg *config.Config) string {
	held, tasks := slices.Clone(cfg.Data.Eval), slices.Clone(cfg.Eval.Tasks)
	for i := range held {
		held[i].Path = filepath.Base(held[i].Path)
	}
	for i := range tasks {
		tasks[i].Path, tasks[i].FewshotPath = filepath.Base(tasks[i].Path), filepath.Base(tasks[i].FewshotPath)
	}
	text, err := json.Marshal([]any{cfg.TrajectoryHash(), held, tasks, cfg.Eval.Base})
	if err != nil {
		panic(err) // texts and finite numbers
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// appendNew appends the texts that are not there yet.
func appendNew(all []string, more ...string) []string {
	for _, text := range more {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// firstFew keeps a list of problems readable.
func firstFew(problems []string) []string {
	const most = 100
	if len(problems) <= most {
		return problems
	}
	return append(problems[:most:most], fmt.Sprintf("and %d more problems", len(problems)-most))
}
