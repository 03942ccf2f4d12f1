package model

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/stablelora/stablelora/internal/nn"
)

// RopeScaling is config.json's rope_scaling (transformers 5: rope_parameters).
type RopeScaling struct {
	Kind            string   `json:"rope_type"` // "" and "default": none
	OldKind         string   `json:"type"`
	Theta           *float64 `json:"rope_theta"`
	Factor          float64  `json:"factor"`
	LowFreqFactor   float64  `json:"low_freq_factor"`
	HighFreqFactor  float64  `json:"high_freq_factor"`
	OriginalMax     *int     `json:"original_max_position_embeddings"`
	BetaFast        *float64 `json:"beta_fast"`
	BetaSlow        *float64 `json:"beta_slow"`
	Truncate        *bool    `json:"truncate"`
	AttentionFactor *float64 `json:"attention_factor"`
	MScale          float64  `json:"mscale"`
	MScaleAllDim    float64  `json:"mscale_all_dim"`
	PartialRotary   *float64 `json:"partial_rotary_factor"`
}

// rope fills RopeTheta and RopeScale.
func (f *file) rope(c *Config) error {
	raw := f.RopeScaling
	if len(f.RopeParameters) > 0 && string(f.RopeParameters) != "null" {
		raw = f.RopeParameters
	}
	if len(raw) > 0 && string(raw) != "null" {
		if err := json.Unmarshal(raw, &c.RopeScale); err != nil {
			return fmt.Errorf("rope_scaling: %w", err)
		}
	}
	s := &c.RopeScale
	if s.Kind == "" {
		s.Kind = s.OldKind
	}
	c.RopeTheta = or(f.RopeTheta, 10000)
	if s.Theta != nil {
		c.RopeTheta = *s.Theta
	}
	if !(c.RopeTheta > 1 && c.RopeTheta < 1e15) {
		return fmt.Errorf("rope_theta %v is out of range", c.RopeTheta)
	}
	if p := or(s.PartialRotary, 1); p != 1 {
		return fmt.Errorf("partial_rotary_factor %v is not supported, only 1", p)
	}
	return s.check(c)
}

func (s *RopeScaling) check(c *Config) error {
	switch s.Kind {
	case "", "default":
		s.Kind = "default"
		return nil
	case "linear", "dynamic", "llama3", "yarn":
	default:
		return fmt.Errorf("rope_scaling of type %q is not supported; supported are default, linear, dynamic, llama3 and yarn", s.Kind)
	}
	if !(s.Factor >= 1 && s.Factor < 1e6) {
		return fmt.Errorf("rope_scaling: factor %v must be at least 1", s.Factor)
	}
	if s.Kind == "llama3" {
		if s.OriginalMax == nil {
			return fmt.Errorf("rope_scaling: llama3 needs original_max_position_embeddings")
		}
		if !(s.LowFreqFactor > 0 && s.HighFreqFactor > s.LowFreqFactor) {
			return fmt.Errorf("rope_scaling: llama3 needs 0 < low_freq_factor (%v) < high_freq_factor (%v)", s.LowFreqFactor, s.HighFreqFactor)
		}
	}
	if or(s.OriginalMax, 1) < 1 {
		return fmt.Errorf("rope_scaling: original_max_position_embeddings %d must be positive", *s.OriginalMax)
	}
	return nil
}

// newRoPE computes the frequencies as transformers' modeling_rope_utils does,
// scaling in float64.
func newRoPE(c *Config) *nn.RoPE {
	s, d := &c.RopeScale, c.HeadDim
	inv := inverseFrequencies(c.RopeTheta, d)
	r := &nn.RoPE{InvFreq: inv, Scale: 1}
	switch s.Kind {
	case "linear":
		for i := range inv {
			inv[i] /= float32(s.Factor)
		}
	case "dynamic":
		r.Dynamic = func(length int) []float32 {
			l := float64(max(length, c.MaxPositions))
			grow := float64(s.Factor*l/float64(c.MaxPositions)) - (s.Factor - 1)
			return inverseFrequencies(c.RopeTheta*math.Pow(grow, float64(d)/float64(d-2)), d)
		}
	case "llama3":
		for i, f := range inv {
			inv[i] = s.llama3(f)
		}
	case "yarn":
		r.Scale = float32(s.yarn(inv, c))
	}
	return r
}

// inverseFrequencies is base^(−2i/d) for i = 0 … d/2−1.
func inverseFrequencies(base float64, d int) []float32 {
	inv := make([]float32, d/2)
	for i := range inv {
		exponent := float32(2*i) / float32(d)
		inv[i] = 1 / float32(math.Pow(base, float64(exponent)))
	}
	return inv
}

// llama3 leaves high frequencies, divides low ones by the factor, and blends
// between: λ = 2π/f against the original context over the two frequency factors.
func (s *RopeScaling) llama3(f float32) float32 {
	orig := float64(*s.OriginalMax)
	wavelength := 2 * math.Pi / float64(f)
	switch {
	case wavelength < orig/s.HighFreqFactor:
		return f
	case wavelength > orig/s.LowFreqFactor:
		return f / float32(s.Factor)
	}
	t := (orig/wavelength - s.LowFreqFactor) / (s.HighFreqFactor - s.LowFreqFactor)
	return float32(float64((1-t)*float64(f)/s.Factor) + float64(t*float64(f)))
}

// yarn rewrites the frequencies in place (Peng et al. 2023) and returns the
// attention factor.
func (s *RopeScaling) yarn(inv []float32, c *Config) float64 {
	d := float64(c.HeadDim)
	orig := float64(or(s.OriginalMax, c.MaxPositions))
	dim := func(rotations float64) float64 {
		return d * math.Log(orig/(rotations*2*math.Pi)) / (2 * math.Log(c.RopeTheta))
	}
	lo, hi := dim(or(s.BetaFast, 32)), dim(or(s.BetaSlow, 1))
	if or(s.Truncate, true) {
		lo, hi = math.Floor(lo), math.Ceil(hi)
	}
	lo, hi = max(lo, 0), min(hi, d-1)
	if lo == hi {
		hi += 0.001
	}
	for i, f := range inv {
		ramp := min(max((float64(i)-lo)/(hi-lo), 0), 1)
		inv[i] = float32(float64(float64(f)/s.Factor*ramp) + float64(float64(f)*(1-ramp)))
	}
	g := func(m float64) float64 {
		if s.Factor <= 1 {
			return 1
		}
		return float64(0.1*m*math.Log(s.Factor)) + 1
	}
	switch {
	case s.AttentionFactor != nil:
		return *s.AttentionFactor
	case s.MScale != 0 && s.MScaleAllDim != 0:
		return g(s.MScale) / g(s.MScaleAllDim)
	}
	return g(1)
}
