// Package nearest takes a name that does not exist and those that do, and
// gives the hint "did you mean …?".
package nearest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// shown is how many names a hint offers.
const shown = 3

// Hint offers up to three of names, the closest to wrong first, each in quotes;
// empty where none is close: more than a third of its letters, and more than
// two, would have to change.
func Hint(wrong string, names []string, quote rune) string {
	type near struct {
		name     string
		distance int
	}
	var found []near
	limit := max(2, len([]rune(wrong))/3)
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(wrong), strings.ToLower(name)); d <= limit {
			found = append(found, near{name, d})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	texts := make([]string, min(shown, len(found)))
	for i := range texts {
		texts[i] = string(quote) + found[i].name + string(quote)
	}
	if len(texts) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(texts, " or ") + "?"
}
