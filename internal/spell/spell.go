// Package spell finds the word that a misspelt one most likely stands for, so
// that an error can name it. It is a leaf.
package spell

// Nearest returns the candidate closest to word, the first of equal ones, or ""
// where all of them differ in more than about a third of its letters.
func Nearest(word string, candidates []string) string {
	best, least := "", len(word)/3+2
	for _, c := range candidates {
		if d := Distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// Distance is Levenshtein's, over bytes: how many must be changed, put in or
// left out. Of a long word only the first 64 bytes count.
func Distance(a, b string) int {
	a = a[:min(len(a), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
