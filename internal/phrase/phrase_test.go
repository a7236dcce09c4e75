package phrase_test

import (
	"testing"

	"github.com/foresort/foresort/internal/phrase"
)

func TestPhrases(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"0 emails": phrase.Count(0, "email"), "1 email": phrase.Count(1, "email"), "2 emails": phrase.Count(2, "email"),
		"1 entry": phrase.Count(1, "entry"), "2 entries": phrase.Count(2, "entry"), "2 days": phrase.Count(2, "day"),
		"1 address": phrase.Count(1, "address"), "3 addresses": phrase.Count(3, "address"),
		"": phrase.List(nil), "a": phrase.List([]string{"a"}), "a and b": phrase.List([]string{"a", "b"}), "a, b and c": phrase.List([]string{"a", "b", "c"}),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
