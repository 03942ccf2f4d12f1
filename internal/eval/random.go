package eval

import (
	"math"
	"math/bits"
)

// random is CPython's random.Random: the Mersenne Twister MT19937 (Matsumoto
// and Nishimura 1998), seeded and sampled from as CPython does it.
type random struct {
	state [624]uint32
	next  int
}

// newRandom is Random(seed).
func newRandom(seed uint32) *random {
	r := &random{next: 624}
	s := &r.state
	s[0] = 19650218
	for i := 1; i < 624; i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	// init_by_array with the key [seed]
	i := 1
	step := func() {
		if i++; i == 624 {
			s[0], i = s[623], 1
		}
	}
	for range 624 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + seed
		step()
	}
	for range 623 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		step()
	}
	s[0] = 1 << 31
	return r
}

// uint32 is getrandbits(32).
func (r *random) uint32() uint32 {
	if r.next == 624 {
		r.twist()
	}
	y := r.state[r.next]
	r.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (r *random) twist() {
	s := &r.state
	for i := range s {
		y := s[i]&0x80000000 | s[(i+1)%624]&0x7fffffff
		s[i] = s[(i+397)%624] ^ y>>1
		if y&1 != 0 {
			s[i] ^= 0x9908b0df
		}
	}
	r.next = 0
}

// below is _randbelow(n) for 0 < n < 2^32.
func (r *random) below(n int) int {
	k := bits.Len(uint(n))
	for {
		if x := int(r.uint32() >> (32 - k)); x < n {
			return x
		}
	}
}

// sample is sample(range(n), k); k is at most n.
func (r *random) sample(n, k int) []int {
	picked := make([]int, k)
	setSize := 21 // below this size of the pool CPython finds a list cheaper than a set
	if k > 5 {
		setSize += int(math.Pow(4, math.Ceil(math.Log(float64(k*3))/math.Log(4))))
	}
	if n <= setSize {
		pool := make([]int, n)
		for i := range pool {
			pool[i] = i
		}
		for i := range picked {
			j := r.below(n - i)
			picked[i] = pool[j]
			pool[j] = pool[n-i-1]
		}
		return picked
	}
	seen := make(map[int]bool, k)
	for i := range picked {
		j := r.below(n)
		for seen[j] {
			j = r.below(n)
		}
		seen[j] = true
		picked[i] = j
	}
	return picked
}
