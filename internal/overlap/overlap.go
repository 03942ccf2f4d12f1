package overlap

import (
	"crypto/sha256"
	"hash/fnv"
	"strings"
	"unicode"
)

// run is how many words in a row count as shared.
const run = 13

// firstPairs is how many documents Found names.
const firstPairs = 3

// Found is what one source of evaluation documents shares with the training
// records.
type Found struct {
	Source    string `json:"source"` // task, or held-out file
	Documents int    `json:"documents"`
	Same      int    `json:"same"`      // documents that are a training record
	Shared    int    `json:"shared_13"` // documents with 13 words in a row of one, those included
	First     []Pair `json:"first,omitempty"`
}

// Pair is a document and the training record that is the same.
type Pair struct {
	Document string `json:"document"` // path:line
	Record   string `json:"record"`
}

// Index holds evaluation documents.
type Index struct {
	documents []document
	found     []Found // by source
	texts     map[[16]byte][]int32
	runs      map[uint64][]int32
}

type document struct {
	where        string
	source       int
	record       string // the first that is the same
	same, shared bool
}

// New returns an empty index.
func New() *Index {
	return &Index{texts: map[[16]byte][]int32{}, runs: map[uint64][]int32{}}
}

// Source starts a new source, which the documents added next belong to.
func (x *Index) Source(name string) { x.found = append(x.found, Found{Source: name}) }

// Add adds a document: text is what a model would learn of it, raw the record.
func (x *Index) Add(where, text, raw string) {
	n := int32(len(x.documents))
	x.documents = append(x.documents, document{where: where, source: len(x.found) - 1})
	x.found[len(x.found)-1].Documents++
	for _, key := range keys(text, raw) {
		x.texts[key] = append(x.texts[key], n)
	}
	eachRun(text, func(key uint64) {
		if owners := x.runs[key]; len(owners) == 0 || owners[len(owners)-1] != n {
			x.runs[key] = append(owners, n)
		}
	})
}

// See compares a training record with all documents.
func (x *Index) See(where, text, raw string) {
	for _, key := range keys(text, raw) {
		for _, n := range x.texts[key] {
			if d := &x.documents[n]; !d.same {
				d.same, d.shared, d.record = true, true, where
			}
		}
	}
	eachRun(text, func(key uint64) {
		if owners, ok := x.runs[key]; ok {
			for _, n := range owners {
				x.documents[n].shared = true
			}
			delete(x.runs, key) // all its owners are marked
		}
	})
}

// Found returns what was found, by source in the order they were started.
func (x *Index) Found() []Found {
	found := append([]Found(nil), x.found...)
	for _, d := range x.documents {
		f := &found[d.source]
		if d.shared {
			f.Shared++
		}
		if d.same {
			if f.Same++; len(f.First) < firstPairs {
				f.First = append(f.First, Pair{d.where, d.record})
			}
		}
	}
	return found
}

// keys are the identities of a text and of a record, whatever the case and the
// white space.
func keys(text, raw string) [2][16]byte {
	return [2][16]byte{digest("t", text), digest("r", raw)}
}

func digest(kind, s string) (key [16]byte) {
	sum := sha256.Sum256([]byte(kind + strings.ToLower(strings.Join(strings.Fields(s), " "))))
	copy(key[:], sum[:])
	return key
}

// eachRun calls fn with a key for every 13 words in a row, words being letters
// and digits, whatever the case. It is a rolling polynomial of the words' hashes.
func eachRun(text string, fn func(key uint64)) {
	const base = 0x9e3779b97f4a7c15
	var window [run]uint64
	out := uint64(1) // base to the power of run
	for range run {
		out *= base
	}
	h := fnv.New64a()
	var key uint64
	n := 0
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		h.Reset()
		h.Write([]byte(word))
		w := h.Sum64()
		key = key*base + w - out*window[n%run]
		window[n%run] = w
		if n++; n >= run {
			fn(key)
		}
	}
}
