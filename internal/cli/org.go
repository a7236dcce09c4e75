package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/journal"
	"github.com/foresort/foresort/routing"
)

// orgShell is a shell that talks to one organisation and has its journal.
type orgShell struct {
	*shell
	client  *genesys.Client
	org     routing.Ref
	journal *journal.Org
}

// withOrg signs in, asks which organisation it is, and does something with it.
func (s *shell) withOrg(ctx context.Context, do func(*orgShell) error) error {
	client, set, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	org, err := client.Organization(ctx)
	if err != nil {
		return fmt.Errorf("read the organisation: %w", err)
	}
	state, err := set.stateDir()
	if err != nil {
		return err
	}
	j, err := journal.Open(state, org.ID)
	if err != nil {
		return err
	}
	return do(&orgShell{shell: s, client: client, org: org, journal: j})
}

// now is the time by the platform's clock, where that differs from this machine's.
func (s *orgShell) now() time.Time {
	if skew, known := s.client.Skew(); known && skew.Abs() > clockLimit {
		return time.Now().Add(skew)
	}
	return time.Now()
}

// locked does something while no other apply to the organisation can run.
func (s *orgShell) locked(do func() error) error {
	release, err := s.journal.Lock()
	if errors.As(err, new(*journal.HeldError)) {
		return &failure{code: exitConflict, err: err}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err := release(); err != nil {
			s.say("release the lock: %v", err)
		}
	}()
	return do()
}

// runs reads the runs of the organisation, oldest first.
func (s *orgShell) runs() ([]apply.Record, error) {
	runs, notes, err := s.journal.Runs()
	for _, n := range notes {
		s.say("%s", n)
	}
	return runs, err
}

// unfinished finds the run that was cut off, if the last one that did anything
// was.
func unfinished(runs []apply.Record) (apply.Record, bool) {
	for _, r := range slices.Backward(runs) {
		if r.End != nil || len(r.Done()) > 0 {
			return r, r.End == nil
		}
	}
	return apply.Record{}, false
}

// unfinishedText says what a run that was cut off has done.
func unfinishedText(cut apply.Record) string {
	p, done, maybe := cut.Plan(), 0, 0
	for _, d := range cut.Done() {
		if cut.Phases[0].Results[d.Change.ID].Outcome == apply.Done {
			done++
		} else {
			maybe++
		}
	}
	what := "run " + cut.ID + " of strategy " + p.Strategy
	if p.Undoes != "" {
		what = fmt.Sprintf("run %s, which puts run %s back,", cut.ID, p.Undoes)
	}
	text := fmt.Sprintf("%s is unfinished: %d of %s carried out", what, done, count(len(p.Changes), "change"))
	if maybe > 0 {
		text += fmt.Sprintf(", and perhaps %d more", maybe)
	}
	switch {
	case len(cut.Phases) > 1:
		text += "; it failed and was being put back"
	case done == len(p.Changes):
		text += ", and not yet seen active"
	}
	return text
}

const unfinishedHint = "foresort apply --resume goes on with it, foresort rollback puts it back"
