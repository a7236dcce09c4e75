package sandbox_test

import (
	"strings"
	"testing"

	"github.com/foresort/foresort/sandbox"
)

func TestMisfitsAreTold(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{CheckAnswers: true})
	x.ok("GET", "/api/v2/routing/queues?pageSize=25", nil)
	if got := x.Misfits(); len(got) != 0 {
		t.Errorf("misfits of what fits: %q", got)
	}
	x.raw("GET", "/api/v2/routing/cues", nil)
	x.raw("GET", "/api/v2/routing/queues?pageSize=many", nil)
	x.raw("POST", "/api/v2/routing/skills", map[string]any{"nme": "Juggling"})
	got := x.Misfits()
	for i, want := range []string{"GET /api/v2/routing/cues is no call of the API", "Value [many]", "Field [name] is required"} {
		if len(got) != 3 || !strings.Contains(got[i], want) {
			t.Errorf("misfits %q, want %q as number %d", got, want, i)
		}
	}
}
