package cli

import (
	"maps"
	"slices"
)

// nearest is the endpoint that a misspelt one was meant to be, "" if none is like it.
func (c *check) nearest(endpoint string) string {
	return nearestOf(endpoint, slices.Sorted(maps.Keys(c.rules)))
}

// nearestOf is the word that is at most a third of its length away; the first of several.
func nearestOf(word string, words []string) (best string) {
	least := len(word)/3 + 1
	for _, w := range words {
		if d := distance(word, w); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters must be put in, left out or changed. Source: Levenshtein's distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
