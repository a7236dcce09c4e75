package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/routing"
)

// orgShell is a shell that talks to one organisation and has its ledger.
type orgShell struct {
	*shell
	client *genesys.Client
	org    routing.Ref
	store  *store.Store
	ledger *ledger.Ledger
	state  string      // the folder
	lock   *store.Held // while something is applied; nil: nothing is
}

// withOrg signs in, asks which organisation it is, and does something with it.
func (s *shell) withOrg(ctx context.Context, do func(*orgShell) error) error {
	return s.inOrg(ctx, false, do)
}

// inOrg is withOrg. A command that writes nothing to the organisation may go by
// what the client was told on an earlier run: an OAuth client stays in its
// organisation.
func (s *shell) inOrg(ctx context.Context, remembered bool, do func(*orgShell) error) error {
	client, set, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	state, err := set.stateDir()
	if err != nil {
		return err
	}
	seen, who := filepath.Join(state, "organizations.json"), client.Host()+" "+set.text("clientId")
	var orgs map[string]routing.Ref
	if b, err := os.ReadFile(seen); err == nil {
		_ = json.Unmarshal(b, &orgs) // what cannot be read is asked for again
	}
	if orgs == nil {
		orgs = map[string]routing.Ref{}
	}
	if remembered && orgs[who].ID != "" {
		client.Belongs(orgs[who])
	}
	org, err := client.Organization(ctx)
	if err != nil {
		return fmt.Errorf("read the organisation: %w", err)
	}
	if org != orgs[who] {
		orgs[who] = org
		b, err := json.Marshal(orgs)
		if err == nil {
			err = os.WriteFile(seen, b, 0o600)
		}
		if err != nil {
			s.say("remember the organisation: %v", err)
		}
	}
	db, err := openStore(ctx, set, state)
	if err != nil {
		return err
	}
	o := &orgShell{shell: s, client: client, org: org, store: db, ledger: ledger.New(db, org.ID), state: state}
	if err = o.adopt(ctx); err == nil {
		err = do(o)
	}
	return errors.Join(err, db.Close())
}

// now is the time by the platform's clock, where that differs from this machine's.
func (s *orgShell) now() time.Time {
	if skew, known := s.client.Skew(); known && skew.Abs() > clockLimit {
		return time.Now().Add(skew)
	}
	return time.Now()
}

// openStore opens the database of the settings, which is a file of the state
// folder unless they name another.
func openStore(ctx context.Context, set settings, state string) (*store.Store, error) {
	database := set.text("database")
	if database == "" {
		database = filepath.Join(state, "foresort.db")
	}
	db, err := store.Open(ctx, database)
	if open, ok := errors.AsType[*store.OpenError](err); ok {
		return nil, &failure{code: exitFailed, err: err, hint: open.Hint}
	}
	return db, err
}

// adopt reads in journals that were kept as files, once.
func (s *orgShell) adopt(ctx context.Context) error {
	dir := filepath.Join(s.state, s.org.ID)
	if _, err := os.Stat(filepath.Join(dir, "runs")); err != nil {
		return nil //nolint:nilerr // there is none, or it cannot be seen
	}
	return s.locked(ctx, func() error {
		notes, err := s.ledger.Adopt(ctx, dir)
		for _, n := range notes {
			s.say("%s", n)
		}
		return err
	})
}

// locked does something while no other apply to the organisation can run.
func (s *orgShell) locked(ctx context.Context, do func() error) error {
	lock, err := s.store.Hold(ctx, "apply "+s.org.ID)
	if held, ok := errors.AsType[*store.HeldError](err); ok {
		return &failure{code: exitConflict, err: fmt.Errorf("another apply to this organisation is under way (%w); wait until it ends", held)}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err := lock.Release(); err != nil {
			s.say("release the lock: %v", err)
		}
	}()
	s.lock = lock
	return do()
}

// sign makes a checkpoint of the ledger, and keeps a copy of it beside the
// database. What cannot be signed is said, and nothing fails for it.
func (s *orgShell) sign(ctx context.Context) {
	if err := s.checkpointed(ctx); err != nil {
		s.say("the ledger has no new checkpoint: %v", err)
	}
}

func (s *orgShell) checkpointed(ctx context.Context) error {
	key, err := ledger.LoadKey(keyFile(s.state))
	if err != nil {
		return err
	}
	c, err := s.ledger.Sign(ctx, key)
	if err != nil || c == nil {
		return err
	}
	return c.Keep(s.checkpointsFile())
}

func (s *orgShell) checkpointsFile() string {
	return filepath.Join(s.state, s.org.ID, "checkpoints.jsonl")
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
	text := fmt.Sprintf("%s is unfinished: %d of %s carried out", what, done, phrase.Count(len(p.Changes), "change"))
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

// withKnownOrg does something with the ledger of the organisation that has one,
// without asking the platform where it is clear which, and where there is one.
func (s *shell) withKnownOrg(ctx context.Context, do func(*orgShell) error) error {
	err := s.withLedger(ctx, "", nil, do)
	if errors.Is(err, errNoLedger) {
		return s.withOrg(ctx, do)
	}
	return err
}
