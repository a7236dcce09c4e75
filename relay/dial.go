package relay

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// AddressError says that a host leads to an address that is not sent to.
type AddressError struct {
	Host    string
	Address netip.Addr
	Why     string // such as "is private"
}

// Error names the host, the address and the way out.
func (e *AddressError) Error() string {
	return fmt.Sprintf("%s leads to %s, which %s (allow the host by name if that is meant)", e.Host, e.Address, e.Why)
}

// special are the ranges that are not on the public internet, or that no
// gateway has (IANA special-purpose registries), each with what it is.
var special = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "is unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "is private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "is shared by a provider (CGNAT)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "is loopback"},
	{netip.MustParsePrefix("168.63.129.16/32"), "is a cloud's own service"},
	{netip.MustParsePrefix("169.254.0.0/16"), "is link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "is private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "is reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "is for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "is reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "is private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "is for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "is for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "is for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "is multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "is reserved"},
	{netip.MustParsePrefix("::/128"), "is unspecified"},
	{netip.MustParsePrefix("::1/128"), "is loopback"},
	{netip.MustParsePrefix("fc00::/7"), "is private"},
	{netip.MustParsePrefix("fe80::/10"), "is link-local"},
	{netip.MustParsePrefix("ff00::/8"), "is multicast"},
	{netip.MustParsePrefix("2001::/23"), "is reserved"}, // Teredo among others
	{netip.MustParsePrefix("2001:db8::/32"), "is for documentation"},
	{netip.MustParsePrefix("2002::/16"), "is a tunnel (6to4)"},
	{netip.MustParsePrefix("3fff::/20"), "is for documentation"},
}

var (
	global = netip.MustParsePrefix("2000::/3")     // all of IPv6 that is public
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address in its last four bytes
)

// notPublic says why an address is not public; empty where it is.
func notPublic(a netip.Addr) string {
	a = plainAddr(a)
	if nat64.Contains(a) {
		b := a.As16()
		return notPublic(netip.AddrFrom4([4]byte(b[12:])))
	}
	for _, s := range special {
		if s.prefix.Contains(a) {
			return s.why
		}
	}
	if a.Is6() && !global.Contains(a) {
		return "is reserved"
	}
	return ""
}

// plainAddr is the address without a zone, and as IPv4 where it is mapped.
func plainAddr(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

// hostKey is one spelling for all of one host.
func hostKey(host string) string {
	host = strings.Trim(strings.ToLower(host), "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return plainAddr(a).String()
	}
	return strings.TrimSuffix(host, ".")
}

// guard dials only where that is allowed.
type guard struct {
	allow    map[string]bool // hostKeys
	resolver *net.Resolver
	timeout  time.Duration // of one connection: the transport goes on with it when its request has ended
	plain    bool          // without TLS: only to allowed hosts at private addresses
}

// dial looks at the address of each connection just before it is made, so that
// it does not matter what a name led to when it was looked up earlier.
func (g guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{
		Resolver:  g.resolver,
		Timeout:   g.timeout,
		KeepAlive: 30 * time.Second,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return g.check(host, plainAddr(to.Addr()))
		},
	}
	return dialer.DialContext(ctx, network, addr)
}

func (g guard) check(host string, to netip.Addr) error {
	why := notPublic(to)
	allowed := g.allow[hostKey(host)] || g.allow[to.String()]
	switch {
	case why != "" && !allowed:
		return &AddressError{Host: host, Address: to, Why: why}
	case why == "" && g.plain:
		return fmt.Errorf("%s leads to %s, which is public: only https goes there", host, to)
	}
	return nil
}
