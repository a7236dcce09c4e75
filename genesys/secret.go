package genesys

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that is never printed: every way of writing it out gives
// [hidden]. string(s) gives the text itself.
type Secret string

const hidden = "[hidden]"

// String is [hidden].
func (Secret) String() string { return hidden }

// GoString is [hidden].
func (Secret) GoString() string { return hidden }

// Format writes [hidden] for every verb, also those that are wrong for a text.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue is [hidden].
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText writes [hidden], to JSON and YAML as well.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON writes "[hidden]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
