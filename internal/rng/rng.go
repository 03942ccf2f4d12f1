// Package rng derives random streams instead of carrying them: a stream is a
// pure function of the run's seed, a purpose and numeric keys (epoch, step,
// position), so that a resumed run draws what the uninterrupted one drew and no
// draw depends on another's order.
//
// It is a leaf. The generator is PCG-DXSM of math/rand/v2, whose output Go
// promises never to change; the samplers are our own for the same reason.
package rng

import (
	"math"
	"math/rand/v2"
)

// Stream is one sequence of random numbers.
type Stream struct{ pcg *rand.PCG }

// New returns the stream of (seed, purpose, keys).
func New(seed uint64, purpose string, keys ...uint64) *Stream {
	// FNV-1a over the purpose, then one mixing round per key: cheap, and two
	// different keys practically never collide in 128 bits.
	hi, lo := uint64(14695981039346656037), seed
	for i := range len(purpose) {
		hi = (hi ^ uint64(purpose[i])) * 1099511628211
	}
	hi, lo = mix(hi), mix(lo^hi)
	for _, k := range keys {
		hi, lo = mix(hi^mix(k+0x9e3779b97f4a7c15)), mix(lo+hi)
	}
	return &Stream{rand.NewPCG(hi, lo)}
}

// mix is the finalizer of splitmix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// Uint64 returns 64 random bits.
func (s *Stream) Uint64() uint64 { return s.pcg.Uint64() }

// Float64 returns a number in [0, 1) with 53 random bits.
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// Uniform returns a number in [lo, hi).
func (s *Stream) Uniform(lo, hi float64) float64 {
	return lo + float64((hi-lo)*s.Float64())
}

// Normal returns a standard normal number (Box and Muller's cosine branch).
func (s *Stream) Normal() float64 {
	u := 1 - s.Float64() // (0, 1]
	v := s.Float64()
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

// IntN returns a number in [0, n), n > 0, without bias.
func (s *Stream) IntN(n int) int {
	limit := math.MaxUint64 - math.MaxUint64%uint64(n)
	for {
		if x := s.Uint64(); x < limit {
			return int(x % uint64(n))
		}
	}
}

// Perm returns a random order of 0..n-1 (Fisher and Yates).
func (s *Stream) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := s.IntN(i + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
