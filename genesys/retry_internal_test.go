package genesys

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
)

// TestTheWrittenTable says for every outcome and every method what is done.
func TestTheWrittenTable(t *testing.T) {
	t.Parallel()
	reads := []request{{method: "GET", safe: true}, {method: "HEAD", safe: true}, {method: "POST", safe: true}}
	writes := []request{{method: "POST"}, {method: "PUT"}, {method: "PATCH"}, {method: "DELETE"}}
	table := map[outcome]struct{ read, write decision }{
		succeeded:   {give, give},
		throttled:   {again, again},
		signedOut:   {renew, renew},
		refused:     {fail, fail},
		faulted:     {again, unsure},
		unreachable: {again, again},
		untrusted:   {fail, fail},
		broken:      {again, unsure},
		garbled:     {fail, unsure},
	}
	if len(table) != int(garbled)+1 {
		t.Fatalf("%d outcomes in the table, %d exist", len(table), garbled+1)
	}
	for o, want := range table {
		for _, r := range reads {
			if got := decide(r.safe, o); got != want.read {
				t.Errorf("outcome %d of a %s that reads: %d, want %d", o, r.method, got, want.read)
			}
		}
		for _, r := range writes {
			if got := decide(r.safe, o); got != want.write {
				t.Errorf("outcome %d of a %s that writes: %d, want %d", o, r.method, got, want.write)
			}
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	wait := http.Header{"Retry-After": {"1"}}
	tests := map[string]struct {
		answer answer
		err    error
		login  bool
		want   outcome
	}{
		"200":                         {answer: answer{status: 200, body: []byte(` {"a":1} `)}, want: succeeded},
		"202":                         {answer: answer{status: 202, body: []byte(`[]`)}, want: succeeded},
		"204 without a body":          {answer: answer{status: 204}, want: succeeded},
		"200 cut in an object":        {answer: answer{status: 200, body: []byte(`{"a":`)}, want: broken},
		"200 cut in an array":         {answer: answer{status: 200, body: []byte(`[1,`)}, want: broken},
		"200 with a page":             {answer: answer{status: 200, body: []byte(`<html>`)}, want: garbled},
		"200 with JSON and more":      {answer: answer{status: 200, body: []byte(`{} {}`)}, want: garbled},
		"302":                         {answer: answer{status: 302}, want: refused},
		"400":                         {answer: answer{status: 400}, want: refused},
		"401":                         {answer: answer{status: 401}, want: signedOut},
		"401 of the login host":       {answer: answer{status: 401}, login: true, want: refused},
		"401 of an address":           {answer: answer{status: 401, body: []byte(`{"code":"ip.not.authorized"}`)}, want: refused},
		"403":                         {answer: answer{status: 403}, want: refused},
		"404":                         {answer: answer{status: 404}, want: refused},
		"404 that is a timeout":       {answer: answer{status: 404, body: []byte(`{"code":"postino.error.request.timeout"}`)}, want: faulted},
		"408":                         {answer: answer{status: 408}, want: faulted},
		"409":                         {answer: answer{status: 409}, want: refused},
		"410":                         {answer: answer{status: 410}, want: refused},
		"413":                         {answer: answer{status: 413}, want: refused},
		"415":                         {answer: answer{status: 415}, want: refused},
		"429":                         {answer: answer{status: 429}, want: throttled},
		"429 with a wait":             {answer: answer{status: 429, header: wait}, want: throttled},
		"500":                         {answer: answer{status: 500}, want: faulted},
		"500 with a wait":             {answer: answer{status: 500, header: wait}, want: faulted},
		"501":                         {answer: answer{status: 501}, want: refused},
		"502":                         {answer: answer{status: 502}, want: faulted},
		"503":                         {answer: answer{status: 503}, want: faulted},
		"503 with a wait":             {answer: answer{status: 503, header: wait}, want: throttled},
		"504":                         {answer: answer{status: 504}, want: faulted},
		"reset":                       {err: &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, want: broken},
		"no name, no connection":      {err: fmt.Errorf("x: %w", &net.OpError{Op: "dial", Err: &net.DNSError{}}), want: unreachable},
		"the proxy is not there":      {err: &net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}, want: unreachable},
		"a certificate of a stranger": {err: &tls.CertificateVerificationError{Err: errors.New("unknown authority")}, want: untrusted},
		"not TLS":                     {err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, want: untrusted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := judge(request{method: "PUT", path: "/x", login: tt.login}, &tt.answer, tt.err)
			if got != tt.want {
				t.Errorf("outcome %d, want %d (%v)", got, tt.want, err)
			}
			if (err == nil) != (tt.want == succeeded) {
				t.Errorf("err = %v", err)
			}
		})
	}
}
