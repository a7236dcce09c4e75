package relay

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// What is wrong with a request that does not verify.
var (
	ErrSignature = errors.New("no signature fits")
	ErrTimestamp = errors.New("webhook-timestamp is too far from now")
)

// Verifier tells a receiver that a request is genuine and new. It does not know
// repeats: remember webhook-id for twice the tolerance.
type Verifier struct {
	Secrets   []Secret      // one of them has to fit
	Tolerance time.Duration // how far the clocks may be apart; default 5 minutes
}

// Verify takes the header and the whole body as it was received. The error is
// ErrSignature or ErrTimestamp, or says which header is wrong.
func (v Verifier) Verify(h http.Header, body []byte, now time.Time) error {
	if !validID(h.Get(standardwebhooks.HeaderWebhookID)) {
		return errors.New("webhook-id is missing or malformed")
	}
	seconds, err := strconv.ParseInt(h.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil {
		return errors.New("webhook-timestamp is missing or malformed")
	}
	tolerance := v.Tolerance
	if tolerance == 0 {
		tolerance = 5 * time.Minute
	}
	if apart := now.Sub(time.Unix(seconds, 0)); apart > tolerance || apart < -tolerance {
		return fmt.Errorf("%w: %s", ErrTimestamp, apart.Round(time.Second))
	}
	for _, secret := range v.Secrets {
		if secret.key == nil {
			continue
		}
		wh, err := standardwebhooks.NewWebhookRaw(secret.key())
		if err == nil && wh.VerifyIgnoringTimestamp(body, h) == nil {
			return nil
		}
	}
	return ErrSignature
}
