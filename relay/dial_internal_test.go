package relay

import (
	"net/netip"
	"testing"
)

func TestWhichAddressesArePublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"8.8.8.8":                "",
		"9.255.255.255":          "",
		"11.0.0.0":               "",
		"100.63.255.255":         "",
		"100.128.0.0":            "",
		"172.15.255.255":         "",
		"172.32.0.0":             "",
		"192.167.255.255":        "",
		"223.255.255.255":        "",
		"2606:4700:4700::1111":   "",
		"2001:4860:4860::8888":   "",
		"64:ff9b::808:808":       "", // 8.8.8.8 in a network that has only IPv6
		"::ffff:8.8.8.8":         "",
		"0.1.2.3":                "is unspecified",
		"100.127.255.255":        "is shared by a provider (CGNAT)",
		"168.63.129.16":          "is a cloud's own service",
		"192.0.0.192":            "is reserved",
		"192.0.2.1":              "is for documentation",
		"198.19.255.255":         "is for benchmarks",
		"239.255.255.255":        "is multicast",
		"240.0.0.1":              "is reserved",
		"fe80::1%eth0":           "is link-local",
		"fd00::1%eth0":           "is private",
		"fec0::1":                "is reserved",
		"64:ff9b::a9fe:a9fe":     "is link-local",
		"64:ff9b::a9fe:a9fe%x":   "is link-local",
		"::ffff:0:127.0.0.1":     "is reserved",
		"::ffff:169.254.169.254": "is link-local",
		"100::1":                 "is reserved",
		"5f00::1":                "is reserved",
		"2001:db8::1":            "is for documentation",
		"3fff::1":                "is for documentation",
		"ff0e::1":                "is multicast",
	} {
		if got := notPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s %q, want %q", address, got, want)
		}
	}
}
