package cost

// Sequence is one example: its tokens, of which the last ones are supervised.
type Sequence struct{ Tokens, Supervised int }

// Load sums up sequences as far as operations depend on them; a step's
// operations are linear in it. The last token of a sequence predicts nothing and
// is not computed.
type Load struct {
	Rows, Asked float64 // tokens that are computed, and those that predict a supervised one
	// Pairs of a query with a key that it sees, of all queries and of those of
	// asked rows.
	Pairs, AskedPairs float64
}

// Add adds a sequence.
func (l *Load) Add(q Sequence) {
	n := float64(q.Tokens - 1)
	m := min(float64(q.Supervised), n)
	l.Rows += n
	l.Asked += m
	l.Pairs += n * (n + 1) / 2
	l.AskedPairs += m*(n-m) + m*(m+1)/2 // the last m queries
}

// LoadOf sums up sequences.
func LoadOf(sequences ...Sequence) (l Load) {
	for _, q := range sequences {
		l.Add(q)
	}
	return l
}

func (l Load) times(f float64) Load {
	return Load{l.Rows * f, l.Asked * f, l.Pairs * f, l.AskedPairs * f}
}
