package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/foresort/foresort/routing"
)

// Endpoint is where messages go. It prints as its name and host: path, query
// and headers may hold secrets.
type Endpoint struct {
	Name    string
	URL     string            // absolute, https; http only where a Sender allows the host
	Secrets []Secret          `json:"-"` // newest first; each signs, so that a receiver can change over
	Headers map[string]string `json:"-"` // sent besides our own
}

// String is the name and the host.
func (e Endpoint) String() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return e.Name
	}
	return fmt.Sprintf("%s (%s)", e.Name, u.Host)
}

// Format writes String for every verb.
func (e Endpoint) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// LogValue is String.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// Check finds every mistake in the endpoint.
func (e Endpoint) Check() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("endpoint %s: "+format, append([]any{e.Name}, args...)...))
	}
	switch u, err := url.Parse(e.URL); {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		wrong("url is not a whole https address") // the text may hold a secret, and so may the error
	case u.User != nil:
		wrong("url holds a name or password (put it under headers: Authorization)")
	}
	if len(e.Secrets) == 0 || slices.ContainsFunc(e.Secrets, func(s Secret) bool { return s.key == nil }) {
		wrong("no secret to sign with")
	}
	seen := map[string]bool{}
	for name, value := range e.Headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case name == "" || strings.ContainsFunc(name, notToken):
			wrong("header %q is not a header name", name)
		case routing.OwnHeader(canonical):
			wrong("header %s is written by Foresort and cannot be set", canonical)
		case seen[canonical]:
			wrong("header %s is there twice", canonical)
		case strings.ContainsFunc(value, control):
			wrong("header %s has a line break or control character in its value", canonical)
		}
		seen[canonical] = true
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// notToken says that a header name cannot have r (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r)
}

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// Request is one attempt at a message, signed for now. An error is a mistake in
// the endpoint or in the message's id.
func (e Endpoint) Request(ctx context.Context, m Message, now time.Time) (*http.Request, error) {
	req, err := e.signed(ctx, http.MethodPost, m, now)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// VersionRequest asks which version of the object the endpoint holds: a GET
// with ?object=kind:id, signed over an empty body. Its webhook-id is ver_ and
// the SHA-256, in hex, of object and webhook-timestamp with a full stop between
// them, so that a receiver can tell that the question is the one that was signed.
func (e Endpoint) VersionRequest(ctx context.Context, o Object, now time.Time) (*http.Request, error) {
	id := fmt.Sprintf("ver_%x", sha256.Sum256(fmt.Appendf(nil, "%s.%d", o.Key(), now.Unix())))
	req, err := e.signed(ctx, http.MethodGet, Message{ID: id}, now)
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = strings.TrimPrefix(req.URL.RawQuery+"&object="+url.QueryEscape(o.Key()), "&")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// ReadVersion reads the answer to a VersionRequest: {"version": 7}.
func ReadVersion(body []byte) (int64, error) {
	var answer struct {
		Version *int64 `json:"version"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("read version: %w", err)
	}
	if answer.Version == nil || *answer.Version < 0 {
		return 0, errors.New(`read version: the answer has none (it should be {"version": 7})`)
	}
	return *answer.Version, nil
}

func (e Endpoint) signed(ctx context.Context, method string, m Message, now time.Time) (*http.Request, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	if !validID(m.ID) {
		return nil, fmt.Errorf("message id %q is empty, or has more than visible ASCII without full stops", m.ID)
	}
	req, err := http.NewRequestWithContext(ctx, method, e.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: no request can be made of its url", e.Name)
	}
	for name, value := range e.Headers {
		req.Header.Set(name, value)
	}
	signatures := make([]string, len(e.Secrets))
	for i, secret := range e.Secrets {
		if signatures[i], err = secret.sign(m, now); err != nil {
			return nil, fmt.Errorf("endpoint %s: sign: %w", e.Name, err)
		}
	}
	req.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	req.Header.Set("User-Agent", "Foresort")
	// An empty value is not sent. It lets the transport repeat at once on a new
	// connection when a kept one turns out to be closed: the id makes that safe.
	req.Header["Idempotency-Key"] = nil
	return req, nil
}

func (s Secret) sign(m Message, now time.Time) (string, error) {
	wh, err := standardwebhooks.NewWebhookRaw(s.key())
	if err != nil {
		return "", err
	}
	return wh.Sign(m.ID, now, m.Body)
}

// validID says that an id can be signed: the full stop separates what is signed.
func validID(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '.' })
}
