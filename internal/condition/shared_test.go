package condition

import (
	"testing"

	"cel.dev/cel-go/common/types"
)

// Queues are looked at side by side: what their conditions share is not written.
func TestNothingSharedIsWritten(t *testing.T) {
	t.Parallel()
	before := *unknown.(*types.Err)
	for _, text := range []string{"waiting() > 1", "waiting() / onQueue() > 2", `waiting() > 1 || serviceLevel("1h") < 85.0`} {
		c, mistakes := CompileQueue(text)
		if mistakes != nil {
			t.Fatal(mistakes)
		}
		if _, known := c.Holds(make([]Value, len(c.Reads))); known {
			t.Errorf("%s is known of a queue of which nothing is", text)
		}
		if after := *unknown.(*types.Err); after != before {
			t.Errorf("%s writes into the value that all conditions share: %#v, before %#v", text, after, before)
		}
	}
}
