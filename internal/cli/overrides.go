package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// overridesLast is how long a utilization that was read counts. A run that
// writes to the organisation ends it earlier.
const overridesLast = 12 * time.Hour

// override is the utilization of one agent, as it was read.
type override struct {
	At time.Time `json:"at"`
	routing.Utilization
}

// overrides reads the utilization of agents, one request for each, behind all
// other requests; what was read a short while ago is remembered.
func (s *orgShell) overrides(ctx context.Context, org *routing.Org, want routing.Desired, lastRun time.Time) error {
	path, err := s.overridesFile()
	if err != nil {
		return err
	}
	known := map[string]override{}
	if b, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(b, &known) // what cannot be read is read from the platform again
	}
	agents := served(*org, want)
	var missing []string
	for _, id := range agents {
		o, ok := known[id]
		if _, have := org.Utilization[id]; have {
			continue
		}
		if age := time.Since(o.At); !ok || age < 0 || age > overridesLast || o.At.Before(lastRun) {
			missing = append(missing, id)
		}
	}
	s.say("utilization of %s: %s, %d known from the last 12 hours", phrase.Count(len(agents), "agent"), phrase.Count(len(missing), "request"), len(agents)-len(missing))
	failed := s.readOverrides(ctx, missing, known)
	if org.Utilization == nil {
		org.Utilization = map[string]routing.Utilization{}
	}
	for _, id := range agents {
		if _, have := org.Utilization[id]; have {
			continue
		}
		if o, ok := known[id]; ok {
			org.Utilization[id] = o.Utilization
		}
	}
	b, err := json.Marshal(known)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		s.say("remember utilizations: %v", err)
	}
	return failed
}

func (s *orgShell) overridesFile() (string, error) {
	set, err := s.settings()
	if err != nil {
		return "", err
	}
	state, err := set.stateDir()
	return filepath.Join(state, s.org.ID, "utilization.json"), err
}

func (s *orgShell) readOverrides(ctx context.Context, agents []string, into map[string]override) error {
	g, ctx := errgroup.WithContext(genesys.WithLane(ctx, genesys.Report))
	g.SetLimit(4)
	var mu sync.Mutex
	for _, id := range agents {
		g.Go(func() error {
			raw, err := s.client.UserUtilization(ctx, id)
			if errors.Is(err, genesys.ErrNotFound) { // gone since the members were read
				return nil
			}
			o := override{At: time.Now().UTC()}
			if err == nil {
				o.Utilization, err = genesys.DecodeUtilization(raw)
			}
			if err != nil {
				return fmt.Errorf("read the utilization of agent %s: %w", id, err)
			}
			mu.Lock()
			defer mu.Unlock()
			into[id] = o
			return nil
		})
	}
	return g.Wait()
}

// served are the ids of all who are members of the queues read, who are in the
// groups read, and whom the strategy makes members.
func served(org routing.Org, want routing.Desired) []string {
	var ids []string
	for _, q := range org.Queues {
		for _, m := range q.Members {
			ids = append(ids, m.ID)
		}
	}
	for _, agents := range org.GroupMembers {
		for _, a := range agents {
			ids = append(ids, a.ID)
		}
	}
	if want.Members != nil {
		for _, a := range org.Agents {
			if slices.ContainsFunc(*want.Members, a.Named) {
				ids = append(ids, a.ID)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
