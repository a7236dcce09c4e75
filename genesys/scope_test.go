package genesys_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

func TestReadOrgReadsMembersOnlyWhereAPlanNeedsThem(t *testing.T) {
	t.Parallel()
	rings := func(n int) routing.Desired {
		r := make(routing.Rings, n)
		return routing.Desired{Queue: routing.DesiredQueue{Name: "Billing Email", Settings: routing.QueueSettings{Rings: &r}}}
	}
	returns := routing.Desired{Queue: routing.DesiredQueue{Name: "Returns"}}
	withMembers, withCapacity := returns, returns
	withMembers.Members = &[]string{}
	withCapacity.Capacity = &routing.UtilizationSettings{Email: new(3)}
	for name, tt := range map[string]struct {
		wants    []routing.Desired
		members  []string // the queues whose members are read
		capacity bool     // of the members of Returns, and of nobody else
	}{
		"settings alone":              {wants: []routing.Desired{returns}},
		"as many rings as there are":  {wants: []routing.Desired{rings(2), returns}},
		"a ring goes":                 {wants: []routing.Desired{rings(1), returns}, members: []string{"Billing Email"}},
		"one of two owns its members": {wants: []routing.Desired{rings(2), withMembers}, members: []string{"Returns"}},
		"one of two owns capacity":    {wants: []routing.Desired{rings(1), withCapacity}, members: []string{"Billing Email", "Returns"}, capacity: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := org(t, sandbox.Options{})
			got, err := c.ReadOrg(t.Context(), genesys.ScopeOf(tt.wants...))
			if err != nil {
				t.Fatal(err)
			}
			var members []string
			want := 0
			for _, q := range got.Queues {
				if q.Members != nil {
					members = append(members, q.Name)
				}
				if q.Name == "Returns" && tt.capacity {
					want = len(q.Members)
				}
			}
			if d := cmp.Diff(tt.members, members); d != "" {
				t.Errorf("members were read of (-want +got):\n%s", d)
			}
			if len(got.Utilization) != want {
				t.Errorf("utilization of %d agents, want %d", len(got.Utilization), want)
			}
		})
	}
}

func TestReadOrgFindsAFewAddressesInALargeDomain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		addresses []string
		found     int
		requests  int // for routes: pages of the list, then one for each address still missing
	}{
		"one":                           {[]string{"address0999"}, 1, 1},
		"two on the first page":         {[]string{"address0001", "address0002"}, 2, 1},
		"one later, one nowhere":        {[]string{"address0001", "address0999", "new"}, 2, 3},
		"too many for names at first":   {[]string{"address0501", "address0502", "address0503", "address0504", "address0505", "address0999"}, 6, 7},
		"too many, all on page one":     {[]string{"address0001", "address0002", "address0003", "address0004", "address0005", "address0006"}, 6, 1},
		"the domain has only one page":  {[]string{"address1001", "new"}, 1, 1},
		"the domain is not in the list": {nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := org(t, sandbox.Options{Empty: true})
			s.Populate(1, 1001)
			domain := "@mail1.example.net"
			scope := genesys.Scope{Addresses: []routing.Address{address("hello@elsewhere.example.org")}}
			if len(tt.addresses) > 0 && tt.addresses[0] == "address1001" {
				domain = "@mail2.example.net"
			}
			for _, a := range tt.addresses {
				scope.Addresses = append(scope.Addresses, address(a+domain))
			}
			got, err := c.ReadOrg(t.Context(), scope)
			if err != nil {
				t.Fatal(err)
			}
			const others = 2 // the organisation and its domains
			if n := apiRequests(s) - others; len(got.Routes) != tt.found || n != tt.requests {
				t.Errorf("%d routes in %d requests, want %d in %d", len(got.Routes), n, tt.found, tt.requests)
			}
		})
	}
}
