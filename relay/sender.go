package relay

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxBody   = 64 << 10    // bytes of an answer that are read
	drainTime = time.Second // for reading an answer that nobody needs
)

// SenderOptions say how a Sender sends.
type SenderOptions struct {
	Timeout time.Duration // of a whole attempt, from the look-up of the name to the answer; default 15 seconds
	// Allow lists host names and IP addresses that may be private, loopback or
	// otherwise not public; plain http goes to such hosts alone.
	Allow []string
	// Proxy is for https; default none, and none is taken from the environment.
	// What is checked then is the address of the proxy, which has to refuse
	// private addresses itself.
	Proxy    *url.URL
	RootCAs  *x509.CertPool // default: those of the system
	Resolver *net.Resolver  // default: that of the system
}

// Sender sends requests and judges what comes back. It follows no redirect,
// reads at most 64 KiB of an answer, and takes part in no conversation longer
// than its timeout. It may be used by many goroutines at once.
type Sender struct {
	timeout     time.Duration
	https, http *http.Transport
}

// NewSender makes a Sender.
func NewSender(o SenderOptions) *Sender {
	s := &Sender{timeout: cmp.Or(o.Timeout, 15*time.Second)}
	allow := map[string]bool{}
	for _, host := range o.Allow {
		allow[hostKey(host)] = true
	}
	transport := func(plain bool) *http.Transport {
		t := &http.Transport{
			DialContext:            guard{allow, o.Resolver, s.timeout, plain}.dial,
			TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    s.timeout,
			ForceAttemptHTTP2:      true,
			HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, MaxReceiveBufferPerStream: maxBody},
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    32,
			IdleConnTimeout:        90 * time.Second,
		}
		if o.Proxy != nil && !plain {
			t.Proxy = http.ProxyURL(o.Proxy)
		}
		return t
	}
	s.https, s.http = transport(false), transport(true)
	return s
}

// Close closes the connections that are kept for later requests.
func (s *Sender) Close() {
	s.https.CloseIdleConnections()
	s.http.CloseIdleConnections()
}

// Send makes one attempt. Whatever goes wrong is in the verdict. Where ctx ends
// first the verdict is Retry, and that is not the endpoint's fault.
func (s *Sender) Send(ctx context.Context, req *http.Request) Verdict {
	_, v := s.do(ctx, req, false)
	return v
}

// Ask makes one attempt and reads the answer, which has to be whole and at most
// 64 KiB long. It is nil unless the verdict is Delivered.
func (s *Sender) Ask(ctx context.Context, req *http.Request) ([]byte, Verdict) {
	return s.do(ctx, req, true)
}

func (s *Sender) do(ctx context.Context, req *http.Request, read bool) ([]byte, Verdict) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("no answer within %s", s.timeout))
	defer cancel()
	transport := s.https
	if req.URL.Scheme == "http" {
		transport = s.http
	}
	resp, err := transport.RoundTrip(req.WithContext(ctx)) // not a Client: it follows redirects, and its errors hold the URL
	if err != nil {
		return nil, Judge(Answer{Err: cmp.Or(context.Cause(ctx), err), At: time.Now()})
	}
	defer resp.Body.Close()
	v := Judge(Answer{Status: resp.StatusCode, Header: resp.Header, At: time.Now()})
	if !read || v.Outcome != Delivered {
		// The answer is known. The rest is read only to keep the connection.
		defer time.AfterFunc(drainTime, cancel).Stop()
		_, _ = io.CopyN(io.Discard, resp.Body, maxBody)
		return nil, v
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errors.New("the answer is longer than 64 KiB")
	}
	if err != nil {
		return nil, Judge(Answer{Err: cmp.Or(context.Cause(ctx), err), At: time.Now()})
	}
	return body, v
}
