package relay_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/foresort/foresort/relay"
)

func Example() {
	secret, err := relay.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(receiver(secret))
	defer server.Close()

	endpoint := relay.Endpoint{
		Name: "mail-gateway", URL: server.URL, Secrets: []relay.Secret{secret},
		Headers: map[string]string{"X-Genesys-Event": "routing-sync"},
	}
	sender := relay.NewSender(relay.SenderOptions{Allow: []string{"127.0.0.1"}})
	defer sender.Close()

	message, err := relay.Event{ID: "evt_1", Type: relay.QueueUpdated, At: time.Now()}.Message()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, first := context.Background(), time.Now()
	for attempt := 1; ; attempt++ {
		req, err := endpoint.Request(ctx, message, time.Now())
		if err != nil {
			fmt.Println(err)
			return
		}
		verdict := sender.Send(ctx, req)
		fmt.Println(verdict)
		if verdict.Outcome != relay.Retry {
			return
		}
		at, more := relay.Schedule{First: time.Millisecond}.Next(relay.Failure{
			Attempt: attempt, Since: first, Now: time.Now(), RetryAfter: verdict.RetryAfter,
		}, rand.Int64N)
		if !more {
			return
		}
		<-time.After(time.Until(at))
	}
	// Output:
	// received evt_1, routing-sync
	// answered 503 Service Unavailable
	// received evt_1, routing-sync
	// answered 204 No Content
}

// receiver is the other side: a request that does not verify is not believed.
func receiver(secret relay.Secret) http.HandlerFunc {
	verifier := relay.Verifier{Secrets: []relay.Secret{secret}}
	status := http.StatusServiceUnavailable
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || verifier.Verify(r.Header, body, time.Now()) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Printf("received %s, %s\n", r.Header.Get("webhook-id"), r.Header.Get("X-Genesys-Event"))
		w.WriteHeader(status)
		status = http.StatusNoContent
	}
}
