package relay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/foresort/foresort/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var message = relay.Message{ID: "evt_1", Body: []byte(`{"type":"queue.updated"}`)}

// send makes one attempt to url with a Sender of its own.
func send(t testing.TB, url string, o relay.SenderOptions) relay.Verdict {
	t.Helper()
	s := relay.NewSender(o)
	defer s.Close()
	return sendBy(t, s, url)
}

func sendBy(t testing.TB, s *relay.Sender, url string) relay.Verdict {
	t.Helper()
	req, err := gateway(t, url).Request(t.Context(), message, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), req)
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

var quiet = log.New(io.Discard, "", 0)

var loopback = relay.SenderOptions{Allow: []string{"127.0.0.1"}}

func TestAGenuineDeliveryArrives(t *testing.T) {
	t.Parallel()
	v := relay.Verifier{Secrets: gateway(t, "").Secrets}
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = v.Verify(r.Header, body, time.Now())
		}
		if err != nil || r.ProtoMajor != 2 || r.Header.Get("X-Genesys-Event") != "routing-sync" || len(r.Header["Idempotency-Key"]) > 0 {
			t.Errorf("%v, %s, %v", err, r.Proto, r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := relay.NewSender(relay.SenderOptions{Allow: []string{"127.0.0.1"}, RootCAs: roots})
	defer s.Close()
	for range 5 {
		if v := sendBy(t, s, server.URL); v.Outcome != relay.Delivered {
			t.Error(v)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 5 deliveries", n)
	}
}

func TestACertificateThatIsNotGoodIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the message was sent") }))
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	if v := send(t, server.URL, loopback); v.Outcome != relay.Retry || !strings.Contains(v.Words, "certificate") {
		t.Error(v)
	}
	old := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the message was sent") }))
	old.Config.ErrorLog = quiet
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	roots := x509.NewCertPool()
	roots.AddCert(old.Certificate())
	if v := send(t, old.URL, relay.SenderOptions{Allow: []string{"127.0.0.1"}, RootCAs: roots}); v.Outcome != relay.Retry || !strings.Contains(v.Words, "protocol version") {
		t.Error(v)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if v := send(t, server.URL, loopback); v.Outcome != relay.Retry || v.Status != status || !strings.Contains(v.Words, "redirects are not followed") {
			t.Errorf("%+v", v)
		}
	}
}

func TestAnEndpointCostsNeitherTimeNorMemory(t *testing.T) {
	t.Parallel()
	forever := func(w io.Writer, prefix, piece string) {
		_, err := io.WriteString(w, prefix)
		for i := 0; i < 1<<30 && err == nil; i += len(piece) {
			_, err = io.WriteString(w, piece)
		}
	}
	drip := func(w io.Writer, prefix string) {
		_, err := io.WriteString(w, prefix)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ; err == nil; <-tick.C {
			_, err = io.WriteString(w, "x")
		}
	}
	const answered = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
	tests := map[string]struct {
		serve   func(net.Conn)
		outcome relay.Outcome
		words   string
	}{
		"never answers":            {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, relay.Retry, "no answer within 300ms"},
		"drips a header":           {func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\nX-A: ") }, relay.Retry, "no answer within 300ms"},
		"interim answers for ever": {func(c net.Conn) { forever(c, "", "HTTP/1.1 103 Early Hints\r\n\r\n") }, relay.Retry, ""},
		"a header of 1 GiB":        {func(c net.Conn) { forever(c, "HTTP/1.1 200 OK\r\nX-A: ", strings.Repeat("x", 1<<16)) }, relay.Retry, "header"},
		"headers without end":      {func(c net.Conn) { forever(c, "HTTP/1.1 200 OK\r\n", strings.Repeat("X-A: 1\r\n", 1<<12)) }, relay.Retry, "header"},
		"a body of 1 GiB":          {func(c net.Conn) { forever(c, answered, strings.Repeat("x", 1<<16)) }, relay.Delivered, "answered 200 OK"},
		"an error of 1 GiB": {
			func(c net.Conn) {
				forever(c, strings.Replace(answered, "200 OK", "500 No", 1), strings.Repeat("x", 1<<16))
			},
			relay.Retry, "answered 500 Internal Server Error",
		},
		"drips a body": {func(c net.Conn) { drip(c, answered) }, relay.Delivered, "answered 200 OK"},
		"closes":       {func(net.Conn) {}, relay.Retry, "the connection was closed before the answer was whole"},
		"closes half way": {
			func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n") },
			relay.Retry, "the connection was closed before the answer was whole",
		},
		"speaks something else": {func(c net.Conn) { _, _ = io.WriteString(c, "220 smtp ready\r\n") }, relay.Retry, "malformed HTTP"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := listen(t, tt.serve)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			o := loopback
			if tt.outcome == relay.Retry {
				o.Timeout = 300 * time.Millisecond
			}
			v := send(t, "http://"+addr, o)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if v.Outcome != tt.outcome || !strings.Contains(v.Words, tt.words) {
				t.Errorf("%s: %q, want %q", v.Outcome, v.Words, tt.words)
			}
			if took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
				t.Errorf("%d MiB more memory", grown>>20)
			}
		})
	}
}

func TestABodyWithoutEndOverHTTP2CostsNothing(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			n, _ := w.Write(make([]byte, 1<<14))
			written.Add(int64(n))
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if v := send(t, server.URL, relay.SenderOptions{Allow: []string{"127.0.0.1"}, RootCAs: roots}); v.Outcome != relay.Delivered {
		t.Error(v)
	}
	server.Close()
	if n := written.Load(); n > 1<<20 {
		t.Errorf("%d KiB were taken", n>>10)
	}
}

// listen serves each connection by one call, once the request has been read.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadAtLeast(c, make([]byte, 1<<16), 1)
			serve(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func TestAStoppedAttemptEndsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		cancel()
		<-r.Context().Done()
	})
	req, err := gateway(t, server.URL).Request(ctx, message, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := relay.NewSender(loopback)
	defer s.Close()
	if v := s.Send(ctx, req); v.Outcome != relay.Retry || v.Words != "stopped before an answer came" {
		t.Error(v)
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer  http.HandlerFunc
		body    string
		outcome relay.Outcome
		words   string
	}{
		"the answer":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"version":7}`) }, `{"version":7}`, relay.Delivered, "answered 200"},
		"a full 64 KiB": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 64<<10)) }, strings.Repeat("x", 64<<10), relay.Delivered, ""},
		"one byte more": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 64<<10+1)) }, "", relay.Retry, "longer than 64 KiB"},
		"cut half way": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "20")
			_, _ = io.WriteString(w, `{"version"`)
		}, "", relay.Retry, "closed before the answer was whole"},
		"never ends": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"version"`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "", relay.Retry, "no answer within 300ms"},
		"not found": {http.NotFound, "", relay.Retry, "answered 404"},
		"gone":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, "", relay.Disabled, "answered 410"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := gateway(t, serve(t, tt.answer).URL).VersionRequest(t.Context(), queueUpdated.Object, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			s := relay.NewSender(relay.SenderOptions{Allow: []string{"127.0.0.1"}, Timeout: 300 * time.Millisecond})
			defer s.Close()
			body, v := s.Ask(t.Context(), req)
			if string(body) != tt.body || v.Outcome != tt.outcome || !strings.Contains(v.Words, tt.words) {
				t.Errorf("%d bytes, %s, %q", len(body), v.Outcome, v.Words)
			}
		})
	}
}

func TestAKeptConnectionThatWasClosedMeanwhileIsNoFailure(t *testing.T) {
	t.Parallel()
	connection := 0
	addr := listen(t, func(c net.Conn) {
		connection++
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		if connection == 1 { // take the next request and give no answer
			_, _ = io.ReadAtLeast(c, make([]byte, 1<<16), 1)
		}
	})
	s := relay.NewSender(loopback)
	defer s.Close()
	for range 2 {
		if v := sendBy(t, s, "http://"+addr); v.Outcome != relay.Delivered {
			t.Error(v)
		}
	}
}

func TestAddressesThatAreNotPublicAreRefusedWhereTheyAreDialled(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"gateway.example.com":        "127.0.0.1",
		"metadata.example.com":       "169.254.169.254",
		"six.example.com":            "fd00:ec2::254",
		"mapped.example.com":         "::ffff:10.0.0.1",
		"translated.example.com":     "64:ff9b::a00:1",
		"carrier.example.com":        "100.100.100.200",
		"0x7f.1":                     "127.0.0.1", // what some systems take for an address
		"localhost.evil.example.com": "::1",
	}
	tests := map[string]struct{ host, why string }{
		"loopback":                      {"127.0.0.1", "127.0.0.1, which is loopback"},
		"another loopback":              {"127.8.9.10", "127.8.9.10, which is loopback"},
		"unspecified":                   {"0.0.0.0", "which is"},
		"private 10":                    {"10.1.2.3", "which is private"},
		"private 172":                   {"172.31.255.255", "which is private"},
		"private 192":                   {"192.168.0.1", "which is private"},
		"link-local":                    {"169.254.169.254", "which is link-local"},
		"carrier":                       {"100.64.0.1", "which is shared by a provider"},
		"multicast":                     {"224.0.0.1", "which is multicast"},
		"broadcast":                     {"255.255.255.255", "which is reserved"},
		"IPv6 loopback":                 {"[::1]", "::1, which is loopback"},
		"IPv6 unspecified":              {"[::]", "which is"},
		"IPv6 private":                  {"[fd00::1]", "which is private"},
		"IPv6 link-local":               {"[fe80::1]", "which is link-local"},
		"IPv6 multicast":                {"[ff02::1]", "which is multicast"},
		"mapped":                        {"[::ffff:127.0.0.1]", "127.0.0.1, which is loopback"},
		"mapped in hex":                 {"[::ffff:a00:1]", "10.0.0.1, which is private"},
		"compatible":                    {"[::127.0.0.1]", "which is reserved"},
		"NAT64":                         {"[64:ff9b::7f00:1]", "which is loopback"},
		"local NAT64":                   {"[64:ff9b:1::7f00:1]", "which is reserved"},
		"6to4":                          {"[2002:7f00:1::]", "which is a tunnel"},
		"Teredo":                        {"[2001::1]", "which is reserved"},
		"a name":                        {"gateway.example.com", "gateway.example.com leads to 127.0.0.1, which is loopback (allow the host by name"},
		"a name of a cloud's metadata":  {"metadata.example.com", "which is link-local"},
		"a name of it in IPv6":          {"six.example.com", "which is private"},
		"a name of a mapped address":    {"mapped.example.com", "10.0.0.1, which is private"},
		"a name of a translated one":    {"translated.example.com", "which is private"},
		"a name of a carrier's":         {"carrier.example.com", "which is shared by a provider"},
		"a decimal address":             {"2130706433", "no such host"},
		"a hexadecimal address":         {"0x7f.1", "127.0.0.1, which is loopback"},
		"a name that begins as allowed": {"localhost.evil.example.com", "::1, which is loopback"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, scheme := range []string{"https", "http"} {
				v := send(t, scheme+"://"+tt.host+":9/T0KEN", relay.SenderOptions{
					Allow: []string{"localhost", "example.com", "10.0.0.99"}, Resolver: resolver(names), Timeout: 5 * time.Second,
				})
				if v.Outcome != relay.Retry || !strings.Contains(v.Words, tt.why) || strings.Contains(v.Words, "T0KEN") {
					if noRoute := strings.Contains(v.Words, "unreachable") || strings.Contains(v.Words, "address family"); noRoute && strings.HasPrefix(tt.host, "[") {
						if os.Getenv("CI") != "" {
							t.Fatalf("no IPv6, and CI has it: %s", v.Words)
						}
						t.Skip("no IPv6 here: ", v.Words)
					}
					t.Errorf("%s: %s, %q, want %q", scheme, v.Outcome, v.Words, tt.why)
				}
			}
		})
	}
}

func TestOddSpellingsOfLoopbackLeadNowhere(t *testing.T) {
	t.Parallel()
	server := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the message was sent") })
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"2130706433", "0x7f000001", "127.1", "0177.0.0.1", "127.0.0.1.", "localhost", "localhost."} {
		if v := send(t, "http://"+host+":"+port, relay.SenderOptions{Timeout: 5 * time.Second}); v.Outcome != relay.Retry {
			t.Errorf("%s: %v", host, v)
		}
	}
}

func TestWhatIsAllowedByNameIsDialled(t *testing.T) {
	t.Parallel()
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"gateway.internal": "127.0.0.1", "gateway.internal.": "127.0.0.1"}
	tests := map[string]struct {
		host    string
		allow   []string
		outcome relay.Outcome
	}{
		"the name":                  {"gateway.internal", []string{"Gateway.Internal."}, relay.Delivered},
		"the name, spelled apart":   {"GATEWAY.internal.", []string{"gateway.internal"}, relay.Delivered},
		"the address":               {"127.0.0.1", []string{"127.0.0.1"}, relay.Delivered},
		"the address of the name":   {"gateway.internal", []string{"::ffff:127.0.0.1"}, relay.Delivered},
		"the address, spelled v6":   {"[::ffff:127.0.0.1]", []string{"[::ffff:7f00:1]"}, relay.Delivered},
		"another name for it":       {"127.0.0.1", []string{"gateway.internal"}, relay.Retry},
		"a domain is not its hosts": {"gateway.internal", []string{"internal"}, relay.Retry},
		"nothing":                   {"127.0.0.1", nil, relay.Retry},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := send(t, "http://"+tt.host+":"+port, relay.SenderOptions{Allow: tt.allow, Resolver: resolver(names)})
			if v.Outcome != tt.outcome {
				t.Errorf("%s: %s", v.Outcome, v)
			}
		})
	}
}

func TestPlainHTTPGoesToNoPublicAddress(t *testing.T) {
	t.Parallel()
	v := send(t, "http://gateway.internal:9/", relay.SenderOptions{
		Allow: []string{"gateway.internal"}, Resolver: resolver(map[string]string{"gateway.internal": "8.8.8.8"}),
	})
	if v.Outcome != relay.Retry || !strings.Contains(v.Words, "gateway.internal leads to 8.8.8.8, which is public: only https goes there") {
		t.Error(v)
	}
}

func TestANameThatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	v := send(t, "https://nowhere.example.com/", relay.SenderOptions{Resolver: resolver(nil)})
	if v.Outcome != relay.Retry || !strings.Contains(v.Words, "lookup nowhere.example.com") {
		t.Error(v)
	}
}

// A proxy from the environment would be dialled instead of the endpoint, and
// the endpoint's address never be looked at.
//
//nolint:paralleltest // the environment is one for all
func TestTheEnvironmentSetsNoProxy(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	for _, scheme := range []string{"http", "https"} {
		if v := send(t, scheme+"://192.168.0.1/", loopback); !strings.Contains(v.Words, "which is private") {
			t.Error(v)
		}
	}
}

func TestAProxyThatIsConfiguredCarriesHTTPS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var asked atomic.Value
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		to, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer from.Close()
		// Not before that: of what the client sends then, the server would read the
		// first byte by itself, now and then.
		if _, err := io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
			t.Error(err)
			return
		}
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
		_, _ = io.Copy(from, to)
	})
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	v := send(t, "https://example.com/", relay.SenderOptions{Proxy: at, Allow: []string{"127.0.0.1"}, RootCAs: roots})
	if v.Outcome != relay.Delivered || asked.Load() != "CONNECT example.com:443" {
		t.Errorf("%v, the proxy got %v", v, asked.Load())
	}
	if v := send(t, "https://example.com/", relay.SenderOptions{Proxy: at, RootCAs: roots}); !strings.Contains(v.Words, "which is loopback") {
		t.Error(v)
	}
}

// resolver answers from names alone: a DNS server at the other end of a pipe.
func resolver(names map[string]string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				length := make([]byte, 2)
				if _, err := io.ReadFull(server, length); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(length))
				if _, err := io.ReadFull(server, query); err != nil {
					return
				}
				answer := dnsAnswer(query, names)
				if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
					return
				}
			}
		}()
		return client, nil
	}}
}

// dnsAnswer answers the one question of a query (RFC 1035, section 4).
func dnsAnswer(query []byte, names map[string]string) []byte {
	var labels []string
	at := 12
	for query[at] != 0 {
		n := int(query[at])
		labels = append(labels, string(query[at+1:at+1+n]))
		at += n + 1
	}
	kind := binary.BigEndian.Uint16(query[at+1:])
	question := query[12 : at+5]
	address, err := netip.ParseAddr(names[strings.ToLower(strings.Join(labels, "."))])
	answer := append([]byte{}, query[:2]...)
	switch {
	case err != nil: // no such name
		answer = append(answer, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0)
		return append(answer, question...)
	case address.Is4() != (kind == 1): // none of this kind
		answer = append(answer, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
		return append(answer, question...)
	}
	answer = append(answer, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0)
	answer = append(answer, question...)
	answer = append(answer, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 60, 0, byte(address.BitLen()/8))
	return append(answer, address.AsSlice()...)
}

func BenchmarkSend(b *testing.B) {
	server := serve(b, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	s := relay.NewSender(loopback)
	defer s.Close()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if v := sendBy(b, s, server.URL); v.Outcome != relay.Delivered {
				b.Error(v)
			}
		}
	})
}
