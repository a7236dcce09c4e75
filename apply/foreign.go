package apply

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file keeps a queue from being deleted under those who have begun to use
// it.

// foreign says what others have done with a queue that is about to go: their
// email routes, their members, and what they changed in a queue that the run
// created.
func (s *step) foreign(ctx context.Context, live json.RawMessage) ([]Mismatch, error) {
	var out []Mismatch
	if s.c.Snapshot != nil {
		made, err := genesys.WritableQueue(s.c.Snapshot)
		if err != nil {
			return nil, err
		}
		if live, err = genesys.WritableQueue(live); err != nil {
			return nil, err
		}
		keys, err := genesys.DiffersIn(made, live)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			out = append(out, Mismatch{Field: routing.Field(key), Want: "as the run made it", Seen: "changed"})
		}
	}
	routes, err := s.Platform.Routes(ctx)
	if err != nil {
		return nil, err
	}
	var theirs []string
	for _, r := range routes {
		if q := r.Settings.Queue; q != nil && q.ID == s.c.Object.ID && !s.sentElsewhere(r.Address) {
			theirs = append(theirs, r.Address.String())
		}
	}
	out = append(out, alsoTheirs("routes", theirs)...)

	members, err := s.Platform.Members(ctx, s.c.Object.ID)
	if err != nil {
		return nil, err
	}
	theirs = nil
	ours := s.target(plan.Member, s.c.Object)
	for _, m := range members {
		if m.ByGroup {
			continue // they come and go with the group
		}
		if ours != nil {
			if ring, ok := ours.placed[m.ID]; ok && ring == 0 {
				continue // has left, and the list lags
			}
		}
		theirs = append(theirs, m.String())
	}
	return append(out, alsoTheirs("members", theirs)...), nil
}

func alsoTheirs(field routing.Field, names []string) []Mismatch {
	if len(names) == 0 {
		return nil
	}
	return []Mismatch{{Field: field, Want: "ours alone", Seen: strings.Join(names, ", ") + " as well"}}
}

// sentElsewhere says whether this run has deleted the route or given it another
// queue: a list that still shows it lags.
func (s *step) sentElsewhere(a routing.Address) bool {
	t := s.target(plan.Route, routing.Ref{Name: a.String()})
	if t == nil || t.gone {
		return t != nil
	}
	want, _ := t.want.(routing.RouteSettings)
	return want.Queue != nil && want.Queue.ID != s.c.Object.ID
}
