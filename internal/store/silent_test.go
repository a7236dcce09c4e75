package store_test

import (
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/store/storetest"
)

// Whoever ends does not wait long for a server that has fallen silent: its lock and
// its connections end with the process.
func TestASilentServerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	server := address.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	var silent atomic.Bool
	pass := func(to io.Writer, from io.Reader) {
		b := make([]byte, 1<<16)
		for {
			n, err := from.Read(b)
			if err != nil {
				return
			}
			if !silent.Load() {
				_, _ = to.Write(b[:n])
			}
		}
	}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				return
			}
			t.Cleanup(func() { _, _ = in.Close(), out.Close() })
			go pass(in, out)
			go pass(out, in)
		}
	}()
	address.Host = listener.Addr().String()
	s := storetest.Open(t, address.String())
	held, err := s.Hold(t.Context(), "a lock")
	if err != nil {
		t.Fatal(err)
	}
	silent.Store(true)
	began := time.Now()
	if err := held.Release(); err == nil {
		t.Error("released without an answer")
	}
	_ = s.Close()
	if took := time.Since(began); took > 10*time.Second { // they were 10 s and 15 s
		t.Errorf("it took %s", took)
	}
}
