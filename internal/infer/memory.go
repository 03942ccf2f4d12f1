package infer

import (
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/sysinfo"
)

// CheckMemory refuses, with a *cost.MemoryError and before a weight is read, a
// model and an adapter ("": none) that do not fit into what is available: with a
// full pass of questions, and the cache of one text as long.
func CheckMemory(modelDir, adapterDir, remedy string) error {
	c, err := model.ReadConfig(modelDir)
	if err != nil {
		return err
	}
	stored, err := model.StoredBytes(modelDir)
	if err != nil {
		return err
	}
	tokens := min(c.MaxPositions, passTokens)
	s := cost.Sizes{Config: c, WeightBytes: stored, Threads: parallel.Threads(), Other: c.CacheBytes(tokens),
		Pass: model.PassSize{Rows: tokens, Asked: tokens, Ranks: make([]model.Ranks, c.Layers)}}
	if adapterDir != "" {
		a, err := peft.LoadOutline(adapterDir, peft.ModulesOf(c))
		if err != nil {
			return err
		}
		s.Pass.Ranks = a.Ranks(c)
	}
	return s.Inference().Check(sysinfo.AvailableMemory(), remedy)
}

// CheckCaches refuses, with a *cost.MemoryError, a generation whose caches would
// not fit beside what is in use: so many beams after a prompt.
func (e *Engine) CheckCaches(prompt []int32, maxNew, beams int) error {
	m := cost.Memory{Working: uint64(beams) * e.Model.Config.CacheBytes(room(prompt, maxNew))}
	return m.Check(sysinfo.AvailableMemory(), "shorten the prompt, or take fewer --num-beams")
}
