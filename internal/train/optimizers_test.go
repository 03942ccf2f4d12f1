package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/parallel"
)

// With λ = 0 Stable-LoRA is AdamW to the byte, and so is LoRA+ with ratio 1.
func TestVariants(t *testing.T) {
	adamw := demoRun(t, func(c *config.Config) { c.Optimizer.Name = "adamw" })
	mustRun(t, adamw, Options{})
	for name, change := range map[string]func(*config.Optimizer){
		"stable_lora": func(o *config.Optimizer) { o.ShrinkRatio = 0 },
		"lora_plus":   func(o *config.Optimizer) { o.LRRatio = 1 },
	} {
		cfg := demoRun(t, func(c *config.Config) { c.Optimizer.Name = name; change(&c.Optimizer) })
		mustRun(t, cfg, Options{})
		if !bytes.Equal(adapterBytes(t, cfg), adapterBytes(t, adamw)) {
			t.Errorf("%s differs from AdamW", name)
		}
	}
}

// Each optimizer's adapter and rows are the same for another number of threads
// and another micro-batch size, and after an interruption; no two optimizers
// give the same. Only Stable-LoRA shrinks.
func TestOptimizers(t *testing.T) {
	all := parallel.Threads()
	defer parallel.SetThreads(all)
	adapters := map[string]string{}
	for _, name := range optim.Names() {
		choose := func(c *config.Config) {
			c.Optimizer.Name, c.Optimizer.ApplyEscape = name, true
			c.LoRA.R, c.LoRA.Dropout, c.LoRA.TargetModules = 3, 0, config.Targets{Names: []string{"q_proj", "v_proj"}}
			c.Train.BatchSize, c.Train.MicroBatchSize, c.Train.MaxSteps, c.Log.Every = 2, 2, 4, 2
		}
		whole := demoRun(t, choose)
		mustRun(t, whole, Options{})
		stability := read(t, whole.Output.Dir, metrics.StabilityFile)

		parallel.SetThreads(1)
		cut := demoRun(t, func(c *config.Config) { choose(c); c.Train.MicroBatchSize = 1 })
		interrupt(t, cut, Options{}, 2)
		parallel.SetThreads(3)
		mustRun(t, cut, Options{Resume: "auto"})
		parallel.SetThreads(all)
		if !bytes.Equal(adapterBytes(t, cut), adapterBytes(t, whole)) {
			t.Errorf("%s: other bytes with other threads, micro-batches and an interruption", name)
		}
		if !bytes.Equal(read(t, cut.Output.Dir, metrics.StabilityFile), stability) {
			t.Errorf("%s: stability.jsonl differs", name)
		}
		if twin := adapters[string(adapterBytes(t, whole))]; twin != "" {
			t.Errorf("%s gives the bytes of %s", name, twin)
		}
		adapters[string(adapterBytes(t, whole))] = name

		shrinking, terms := 0, 0
		for line := range strings.Lines(string(stability)) {
			var row metrics.StabilityRow
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			if row.Shrinking {
				shrinking++
			}
			if row.Delta1 != nil {
				if terms++; !(*row.Delta1 > 0 && *row.Delta2 > 0 && *row.Delta3 > 0) {
					t.Errorf("%s: %s", name, line)
				}
			}
			if row.NormA <= 0 || (row.NormB > 0) != (row.Step > 1) {
				t.Errorf("%s: norms at the start of a step: %s", name, line)
			}
		}
		if modules := strings.Count(string(stability), "\n") / 4; terms != 2*modules {
			t.Errorf("%s: %d rows with the three terms, want those of two steps of %d modules", name, terms, modules)
		}
		if (shrinking > 0) != (name == "stable_lora") {
			t.Errorf("%s: %d rows are shrinking", name, shrinking)
		}
	}
}

// No key of the optimizer section is ignored on its way to the optimizer, and the
// configuration knows the optimizers there are.
func TestOptimizerKeysArrive(t *testing.T) {
	base := config.Default().Optimizer
	for i := range reflect.TypeFor[config.Optimizer]().NumField() {
		o := base
		v := reflect.ValueOf(&o).Elem().Field(i)
		switch v.Kind() {
		case reflect.Float64:
			v.SetFloat(v.Float() + 0.25)
		case reflect.Int:
			v.SetInt(v.Int() + 1)
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Array:
			v.Index(1).SetFloat(0.25)
		case reflect.String: // the name
			continue
		}
		if hyper(o) == hyper(base) {
			t.Errorf("%s does not arrive", reflect.TypeFor[config.Optimizer]().Field(i).Name)
		}
	}
	for _, name := range optim.Names() {
		if err := loadError(t, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if loadError(t, "sgd") == nil {
		t.Error("an unknown optimizer loads")
	}
}

func loadError(t *testing.T, optimizer string) error {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("model: {path: m}\ndata: {train: [{path: d}]}\noptimizer: {name: "+optimizer+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path, nil)
	return err
}

// A start at A = B = 0 learns nothing with any optimizer, and says why; the run
// itself is a good one. Any other that never left B = 0 has failed.
func TestZeroStart(t *testing.T) {
	said := func(r *reporter, text string) bool { return strings.Contains(strings.Join(r.said, "\n"), text) }
	short := func(name string, change func(*config.Config)) *config.Config {
		return demoRun(t, func(c *config.Config) {
			c.Optimizer.Name, c.Train.MaxSteps, c.Train.BatchSize, c.Train.MicroBatchSize = name, 1, 2, 2
			c.LoRA.TargetModules = config.Targets{Names: []string{"q_proj"}}
			change(c)
		})
	}
	var saddle string
	for _, name := range optim.Names() {
		r := &reporter{}
		cfg := short(name, func(c *config.Config) { c.LoRA.Init, c.Train.MaxSteps = "zero", 2 })
		mustRun(t, cfg, Options{Reporter: r})
		if !said(r, "lora.init zero") || !said(r, "nothing will be learnt") || !said(r, "B is still 0") {
			t.Errorf("%s: said %q", name, r.said)
		}
		saddle = cfg.Output.Dir
	}
	r := &reporter{}
	cfg := short("adamw", func(c *config.Config) { c.LoRA.InitFrom = saddle })
	_, err := Run(context.Background(), Options{Config: cfg, Reporter: r})
	if err == nil || !strings.Contains(err.Error(), "nothing was learnt in 1 steps: B is still 0") || !said(r, "lora.init_from "+saddle) {
		t.Errorf("a start from such an adapter: %v, said %q", err, r.said)
	}
	for _, name := range []string{"adapter_config.json", "adapter_model.safetensors", "metrics.jsonl", "README.md"} {
		read(t, cfg.Output.Dir, name) // what was written stays
	}
	cfg = short("adamw", func(c *config.Config) { c.Train.LearningRate = 1e-30 })
	if mustRun(t, cfg, Options{Reporter: r}); !said(r, "to the last bit") {
		t.Errorf("a learning rate of 1e-30: said %q", r.said)
	}
	cfg = short("adamw", func(c *config.Config) { c.Train.WarmupSteps = 1 })
	_, err = Run(context.Background(), Options{Config: cfg, Reporter: r})
	if usage := (*UsageError)(nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "train.warmup_steps") {
		t.Errorf("one step at learning rate 0: %v", err)
	}
	for _, init := range []string{"kaiming", "he", "gaussian"} {
		r := &reporter{}
		mustRun(t, short("adamw", func(c *config.Config) { c.LoRA.Init = init }), Options{Reporter: r})
		if said(r, "B is still 0") || said(r, "nothing will be learnt") {
			t.Errorf("%s: said %q", init, r.said)
		}
	}
}
