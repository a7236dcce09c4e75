package genesys

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Region is one region of Genesys Cloud.
type Region struct {
	Name   string `json:"name"`   // as AWS names it, such as eu-central-1
	Domain string `json:"domain"` // such as mypurecloud.de
}

// DefaultRegion is used where none is named.
const DefaultRegion = "us-east-1"

// Regions lists the regions (docs/platform-notes.md#hosts-and-regions). A
// region that is newer than this list is reached through Config.Gateway.
func Regions() []Region {
	return []Region{
		{"us-east-1", "mypurecloud.com"},
		{"us-east-2", "use2.us-gov-pure.cloud"},
		{"us-west-2", "usw2.pure.cloud"},
		{"ca-central-1", "cac1.pure.cloud"},
		{"mx-central-1", "mxc1.pure.cloud"},
		{"sa-east-1", "sae1.pure.cloud"},
		{"eu-west-1", "mypurecloud.ie"},
		{"eu-west-2", "euw2.pure.cloud"},
		{"eu-central-1", "mypurecloud.de"},
		{"eu-central-2", "euc2.pure.cloud"},
		{"eusc-de-east-1", "edee1.eusc-pure.cloud"},
		{"me-central-1", "mec1.pure.cloud"},
		{"ap-south-1", "aps1.pure.cloud"},
		{"ap-southeast-1", "apse1.pure.cloud"},
		{"ap-southeast-2", "mypurecloud.com.au"},
		{"ap-northeast-1", "mypurecloud.jp"},
		{"ap-northeast-2", "apne2.pure.cloud"},
		{"ap-northeast-3", "apne3.pure.cloud"},
	}
}

// FindRegion finds a region by its name (eu-central-1, also eu_central_1) or by
// its domain, with or without api., login. or apps. before it. Its error names
// the nearest ones.
func FindRegion(s string) (Region, error) {
	want := strings.ToLower(strings.TrimSpace(s))
	want = strings.TrimSuffix(strings.TrimPrefix(want, "https://"), "/")
	for _, host := range []string{"api.", "login.", "apps."} {
		want = strings.TrimPrefix(want, host)
	}
	dashed := strings.ReplaceAll(want, "_", "-")
	regions := Regions()
	for _, r := range regions {
		if dashed == r.Name || want == r.Domain {
			return r, nil
		}
	}
	distance := func(r Region) int {
		return min(levenshtein.ComputeDistance(dashed, r.Name), levenshtein.ComputeDistance(want, r.Domain))
	}
	slices.SortStableFunc(regions, func(a, b Region) int { return distance(a) - distance(b) })
	near := make([]string, 3)
	for i, r := range regions[:3] {
		near[i] = r.Name + " (" + r.Domain + ")"
	}
	return Region{}, fmt.Errorf("no region %q; the nearest are %s; a region that is not listed is reached with a gateway URL", s, strings.Join(near, ", "))
}

// hosts are the two addresses of the platform, without a slash at the end.
type hosts struct{ api, login string }

// findHosts gives the addresses of a region, or of a gateway that serves login
// and API on one address.
func findHosts(region, gateway string) (hosts, error) {
	if gateway == "" {
		if region == "" {
			region = DefaultRegion
		}
		r, err := FindRegion(region)
		return hosts{api: "https://api." + r.Domain, login: "https://login." + r.Domain}, err
	}
	u, err := url.Parse(gateway)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return hosts{}, errors.New("gateway is not an address such as https://gateway.example.com: it needs http or https and a host, and no user, query or fragment")
	}
	base := strings.TrimSuffix(u.String(), "/")
	return hosts{api: base, login: base}, nil
}
