package analytic_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/simulate/analytic"
)

// mail is the state of FCFS-ALIS with nothing summed up: the types that wait, in
// the order of arrival, and the idle servers, the longest idle first.
type mail struct{ waits, idle string }

// office is a queue with skills, small enough to write down every state.
type office struct {
	arrivals []float64
	servers  []analytic.Server
	most     int // who may wait
}

func (o office) can(server byte, typ byte) bool {
	return slices.Contains(o.servers[server-'0'].Types, int(typ-'0'))
}

func (o office) next(m mail) []step[mail] {
	var next []step[mail]
	for x, rate := range o.arrivals {
		typ := byte('0' + x)
		taker := -1
		for i := range len(m.idle) {
			if o.can(m.idle[i], typ) {
				taker = i
				break
			}
		}
		switch {
		case taker >= 0:
			next = append(next, step[mail]{mail{m.waits, m.idle[:taker] + m.idle[taker+1:]}, rate})
		case len(m.waits) < o.most:
			next = append(next, step[mail]{mail{m.waits + string(typ), m.idle}, rate})
		}
	}
	for n, server := range o.servers {
		name := byte('0' + n)
		if strings.IndexByte(m.idle, name) >= 0 {
			continue
		}
		next = append(next, step[mail]{o.finish(m, name), server.Service})
	}
	return next
}

func (o office) finish(m mail, server byte) mail {
	for i := range len(m.waits) {
		if o.can(server, m.waits[i]) {
			return mail{m.waits[:i] + m.waits[i+1:], m.idle}
		}
	}
	return mail{m.waits, m.idle + string(server)}
}

// beyond follows an email that has just arrived until it is taken. Who comes
// later does not matter to it.
func (o office) beyond(p map[mail]float64, typ byte, time float64) float64 {
	rate := 0.0
	for _, s := range o.servers {
		rate += s.Service
	}
	start := map[mail]float64{}
	for m, mass := range p {
		if !strings.ContainsFunc(m.idle, func(r rune) bool { return o.can(byte(r), typ) }) {
			start[m] += mass
		}
	}
	return remaining(start, rate, time, func(m mail) []step[mail] {
		var next []step[mail]
		for n, server := range o.servers {
			name := byte('0' + n)
			if strings.IndexByte(m.idle, name) >= 0 {
				next = append(next, step[mail]{m, server.Service})
				continue
			}
			after := o.finish(m, name)
			if len(after.waits) == len(m.waits) {
				if o.can(name, typ) {
					continue // taken
				}
				after = m // it takes someone who came later, or nobody
			}
			next = append(next, step[mail]{after, server.Service})
		}
		return next
	})
}

func TestLongestIdleIsTheMarkovChainOfEverything(t *testing.T) {
	t.Parallel()
	tests := map[string]office{
		"N: one knows one type, one both": {
			arrivals: []float64{0.08, 0.12},
			servers:  []analytic.Server{{1, []int{0}}, {0.9, []int{0, 1}}},
			most:     13,
		},
		"W: two who know one type, one between": {
			arrivals: []float64{0.25, 0.12},
			servers:  []analytic.Server{{1, []int{0}}, {1.3, []int{0, 1}}, {0.7, []int{1}}},
			most:     12,
		},
		"equal servers": {
			arrivals: []float64{0.2, 0.3},
			servers:  []analytic.Server{{1, []int{0}}, {1, []int{0}}, {1.5, []int{1, 0}}, {1.5, []int{0, 1}}},
			most:     12,
		},
		"M: three types, two servers": {
			arrivals: []float64{0.04, 0.05, 0.05},
			servers:  []analytic.Server{{1, []int{0, 1}}, {1.2, []int{1, 2}}},
			most:     9,
		},
		"a ring of three": {
			arrivals: []float64{0.06, 0.08, 0.05},
			servers:  []analytic.Server{{1, []int{0, 1}}, {0.8, []int{1, 2}}, {1.1, []int{2, 0}}},
			most:     8,
		},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all strings.Builder
			for n := range o.servers {
				fmt.Fprint(&all, n)
			}
			p := stationary(t, mail{"", all.String()}, o.next)
			got, err := analytic.LongestIdle(o.arrivals, o.servers)
			if err != nil {
				t.Fatal(err)
			}
			busy := make([]float64, len(o.servers))
			length := make([]float64, len(o.arrivals))
			for m, mass := range p {
				for n := range busy {
					if strings.IndexByte(m.idle, byte('0'+n)) < 0 {
						busy[n] += mass
					}
				}
				for i := range len(m.waits) {
					length[m.waits[i]-'0'] += mass
				}
			}
			for n := range busy {
				near(t, fmt.Sprintf("busy %d", n), got.Busy[n], busy[n], ofMeans)
			}
			for x := range o.arrivals {
				near(t, fmt.Sprintf("P(wait) of %d", x), got.Types[x].Probability, o.beyond(p, byte('0'+x), 0), ofMeans)
				near(t, fmt.Sprintf("length of %d", x), got.Types[x].Length, length[x], ofMeans)
				near(t, fmt.Sprintf("mean of %d", x), got.Types[x].Mean, length[x]/o.arrivals[x], ofMeans)
				for _, at := range []float64{0, 0.4, 2} {
					tail, err := got.Beyond(x, at)
					if err != nil {
						t.Fatal(err)
					}
					near(t, fmt.Sprintf("tail of %d", x), tail, o.beyond(p, byte('0'+x), at), ofTails)
				}
			}
		})
	}
}

func TestLongestIdleWhereAllCanDoAllIsErlangC(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 2, 9, 100, 2000} {
		staff := make([]analytic.Server, servers)
		for n := range staff {
			staff[n] = analytic.Server{Service: 2, Types: []int{2, 0, 1}}
		}
		load := 0.9 * float64(servers)
		got, err := analytic.LongestIdle([]float64{load, load / 2, load / 2}, staff)
		if err != nil {
			t.Fatal(err)
		}
		want, err := analytic.ErlangC(2*load, 2, servers)
		if err != nil {
			t.Fatal(err)
		}
		for x, w := range got.Types {
			near(t, "P(wait)", w.Probability, want.Probability, ofMeans)
			near(t, "mean", w.Mean, want.Mean, ofMeans)
			tail, err := got.Beyond(x, want.Mean)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "tail", tail, want.Beyond(want.Mean), ofTails)
		}
		near(t, "busy", got.Busy[servers-1], 0.9, ofMeans)
	}
}

func TestLongestIdleOfQueuesApartIsEachOne(t *testing.T) {
	t.Parallel()
	var staff []analytic.Server
	for range 4 {
		staff = append(staff, analytic.Server{Service: 1, Types: []int{0}}, analytic.Server{Service: 3, Types: []int{1}})
	}
	got, err := analytic.LongestIdle([]float64{3.5, 7}, staff)
	if err != nil {
		t.Fatal(err)
	}
	for x, q := range []struct{ arrival, service float64 }{{3.5, 1}, {7, 3}} {
		want, err := analytic.ErlangC(q.arrival, q.service, 4)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "P(wait)", got.Types[x].Probability, want.Probability, ofMeans)
		near(t, "mean", got.Types[x].Mean, want.Mean, ofMeans)
		for _, at := range []float64{0.1, 1, 5} {
			tail, err := got.Beyond(x, at)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "tail", tail, want.Beyond(at), ofTails)
		}
	}
}

func TestLongestIdleNamesTheTypesThatAreTooMany(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrivals []float64
		servers  []analytic.Server
		types    []int
		growth   float64
	}{
		"one type alone": {
			arrivals: []float64{0.5, 3},
			servers:  []analytic.Server{{2, []int{0}}, {2, []int{0, 1}}},
			types:    []int{1},
			growth:   1,
		},
		"two types that share": {
			arrivals: []float64{1, 2, 2},
			servers:  []analytic.Server{{5, []int{0}}, {3, []int{0, 1, 2}}},
			types:    []int{1, 2},
			growth:   1,
		},
		"a type that nobody can do": {
			arrivals: []float64{1, 0.25},
			servers:  []analytic.Server{{5, []int{0}}, {5, nil}},
			types:    []int{1},
			growth:   0.25,
		},
		"all, with servers who can do nothing": {
			arrivals: []float64{1},
			servers:  []analytic.Server{{5, nil}},
			types:    []int{0},
			growth:   1,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := analytic.LongestIdle(tc.arrivals, tc.servers)
			var unstable *analytic.UnstableError
			if !errors.As(err, &unstable) || !slices.Equal(unstable.Types, tc.types) || unstable.Growth != tc.growth {
				t.Errorf("err = %v, want types %v and growth %g", err, tc.types, tc.growth)
			}
		})
	}
}

func TestLongestIdleOfTooManyDifferentServersIsAnError(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{19, 21, 500} {
		var staff []analytic.Server
		for n := range servers {
			staff = append(staff, analytic.Server{Service: 1 + float64(n), Types: []int{0}}, analytic.Server{Service: 1 + float64(n), Types: []int{0}})
		}
		_, err := analytic.LongestIdle([]float64{1}, staff)
		if _, large := errors.AsType[*analytic.TooLargeError](err); !large {
			t.Errorf("err = %v, want a TooLargeError", err)
		}
	}
}

func anyOffice(t *rapid.T) (arrivals []float64, servers []analytic.Server) {
	types := rapid.IntRange(1, 4).Draw(t, "types")
	for range types {
		arrivals = append(arrivals, rapid.Float64Range(0.01, 0.7).Draw(t, "arrival"))
	}
	for range rapid.IntRange(1, 7).Draw(t, "servers") {
		servers = append(servers, analytic.Server{
			Service: rapid.SampledFrom([]float64{0.5, 1, 1.7}).Draw(t, "service"),
			Types:   rapid.SliceOfNDistinct(rapid.IntRange(0, types-1), 1, types, rapid.ID).Draw(t, "types"),
		})
	}
	return arrivals, servers
}

func TestLongestIdleKeepsItsLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		arrivals, servers := anyOffice(t)
		s, err := analytic.LongestIdle(arrivals, servers)
		if err != nil {
			return
		}
		// What arrives is done.
		in, out := 0.0, 0.0
		for _, a := range arrivals {
			in += a
		}
		for n, b := range s.Busy {
			if b < 0 || b > 1+1e-12 {
				t.Fatalf("server %d is busy %g of the time", n, b)
			}
			out += b * servers[n].Service
		}
		if d := in - out; d > 1e-9*in || d < -1e-9*in {
			t.Fatalf("%g arrives, %g is done", in, out)
		}
		for x, w := range s.Types {
			tail, err := s.Beyond(x, 0)
			if err != nil {
				t.Fatal(err)
			}
			if d := tail - w.Probability; d > 1e-12 || d < -1e-12 {
				t.Fatalf("P(wait > 0) of type %d is %g, P(wait) %g", x, tail, w.Probability)
			}
		}
		// The order in which servers are given does not matter.
		slices.Reverse(servers)
		again, err := analytic.LongestIdle(arrivals, servers)
		if err != nil {
			t.Fatal(err)
		}
		for x := range arrivals {
			if d := again.Types[x].Mean - s.Types[x].Mean; d > 1e-10*s.Types[x].Mean || d < -1e-10*s.Types[x].Mean {
				t.Fatalf("the order of servers changes the mean by %g", d)
			}
		}
	})
}
