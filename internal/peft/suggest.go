package peft

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/spell"
)

// The modules every model has but no adapter of ours can have.
const (
	outputEmbedding = "lm_head"
	inputEmbedding  = "model.embed_tokens"
)

func isEmbedding(name string) bool {
	return name == outputEmbedding || endsIn("."+inputEmbedding, name)
}

// checkAdaptable refuses these as targets.
func checkAdaptable(target, exclude matcher) error {
	for _, m := range []struct{ name, why string }{
		{outputEmbedding, "adapters on the output embedding are not supported; where embeddings are tied, merging one would change the input embedding too"},
		{inputEmbedding, "it is an embedding, not a linear layer"},
	} {
		ok, _ := target.match(m.name)
		if excluded, _ := exclude.match(m.name); ok && !excluded {
			return fmt.Errorf("target_modules: %s cannot be adapted: %s", m.name, m.why)
		}
	}
	return nil
}

// checkNames reports list items and layers that match nothing: most likely
// misspelt.
func checkNames(s Spec, modules []Module) error {
	var errs []error
	check := func(key string, names []string) {
		for _, name := range names {
			if !slices.ContainsFunc(modules, func(m Module) bool { return m.Name == name || endsIn(m.Name, name) }) {
				errs = append(errs, fmt.Errorf("%s: %q matches no module%s; the model has %s",
					key, name, nearest(name, modules), strings.Join(suffixes(modules), ", ")))
			}
		}
	}
	check("target_modules", s.Targets.Names)
	check("exclude_modules", slices.DeleteFunc(slices.Clone(s.Exclude.Names), isEmbedding))
	last := -1
	for _, m := range modules {
		if n, ok := layerOf(m.Name); ok {
			last = max(last, n)
		}
	}
	for _, n := range s.Layers {
		if n < 0 || n > last {
			errs = append(errs, fmt.Errorf("layers: there is no layer %d, the model has 0 to %d", n, last))
		}
	}
	return errors.Join(errs...)
}

// nearest returns a hint at the module name most like name, if one is.
func nearest(name string, modules []Module) string {
	candidates := suffixes(modules)
	if strings.Contains(name, ".") {
		for _, m := range modules {
			candidates = append(candidates, m.Name)
		}
	}
	best := spell.Nearest(name, candidates)
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}
