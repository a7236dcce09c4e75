package relay

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret signs the requests to one endpoint. It is never printed: every way of
// writing it out gives [hidden].
type Secret struct {
	key func() []byte // a function, since fmt asks no methods of an unexported field and would print the bytes
}

const (
	hidden       = "[hidden]"
	secretPrefix = "whsec_"
	minSecret    = 24                                                     // bytes, by the specification
	secretHint   = "make one with: echo whsec_$(openssl rand -base64 32)" // without whsec_ libraries take the base64 for the bytes in it, and we do not
)

// ParseSecret reads whsec_ and base64, or takes any other text as it is, without
// the white space around it. An error says that there are less than 24 bytes.
func ParseSecret(text string) (Secret, error) {
	text = strings.TrimSpace(text)
	key := []byte(text)
	if encoded, ok := strings.CutPrefix(text, secretPrefix); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return Secret{}, errors.New("what follows whsec_ is not base64 (" + secretHint + ")")
		}
	}
	switch {
	case strings.HasPrefix(text, "whsk_"), strings.HasPrefix(text, "whpk_"):
		return Secret{}, errors.New("a key pair cannot be a shared secret (" + secretHint + ")")
	case text == "":
		return Secret{}, errors.New("the secret is empty (" + secretHint + ")")
	case len(key) < minSecret:
		return Secret{}, fmt.Errorf("the secret has %d bytes, at least %d are needed (%s)", len(key), minSecret, secretHint)
	}
	return Secret{key: func() []byte { return key }}, nil
}

// String is [hidden].
func (Secret) String() string { return hidden }

// Format writes [hidden] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue is [hidden].
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText writes [hidden], to JSON and YAML as well.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
