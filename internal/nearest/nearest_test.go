package nearest_test

import (
	"testing"

	"github.com/foresort/foresort/internal/nearest"
)

func TestHint(t *testing.T) {
	t.Parallel()
	names := []string{"Billing", "Bills", "Returns", "Filling"}
	for wrong, want := range map[string]string{
		"Biling":  `did you mean "Billing" or "Filling"?`,
		"returns": `did you mean "Returns"?`,
		"Mailbox": "",
		"":        "",
	} {
		if got := nearest.Hint(wrong, names, '"'); got != want {
			t.Errorf("Hint(%q) = %q, want %q", wrong, got, want)
		}
	}
}
