package daemon

import (
	"errors"
	"fmt"
	"sync"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/store"
)

// This file says once what does not work, with what to do, and when it does again.

// What told is told of in several places.
const (
	database      = "the database"
	leadership    = "the lock of the process that watches"
	notifications = "the platform's notifications"
	adjusting     = "what adjusts the queues"
	reporting     = "the reports by the calendar"
)

// standings are how things stand that the daemon needs.
type standings struct {
	mu     sync.Mutex
	errors map[string]error // by what does not work
}

// told tells how something stands; nil: it works. A database that takes nothing
// is told of as such, whatever was being done.
func (d *Daemon) told(what string, err error) {
	refused, isDatabase := errors.AsType[*store.OpenError](err)
	if isDatabase = isDatabase && refused.Writing; isDatabase {
		what = database
	}
	forbidden := errors.Is(err, genesys.ErrForbidden)
	s := &d.standing
	s.mu.Lock()
	defer s.mu.Unlock()
	before, broken := s.errors[what]
	switch {
	case err == nil && broken:
		delete(s.errors, what)
		d.Log.Info("works again", "what", what)
		return
	case err == nil:
		return
	case s.errors == nil:
		s.errors = map[string]error{}
	}
	s.errors[what] = err
	switch {
	case broken && errors.Is(before, genesys.ErrForbidden) == forbidden:
	case forbidden:
		d.Log.Error("the client may not read", "what", what, "error", err, "do", "give it the permission: foresort doctor; until then changes are seen by the other ways alone, and who made them may stay unknown")
	case isDatabase:
		d.Log.Error("the database takes nothing; it is tried again", "error", err, "do", refused.Hint)
	case errors.Is(err, genesys.ErrEvicted):
		d.Log.Error("another program has taken the notification channel; a new one is made", "error", err, "do", "give Foresort an OAuth client of its own: one has 20 channels; until then changes may be seen by the audit trail alone")
	default:
		d.Log.Error("does not answer; it is tried again", "what", what, "error", err)
	}
}

// broken says why something does not work; nil: it does.
func (d *Daemon) broken(what string) error {
	d.standing.mu.Lock()
	defer d.standing.mu.Unlock()
	err := d.standing.errors[what]
	if refused, ok := errors.AsType[*store.OpenError](err); ok && refused.Hint != "" {
		return fmt.Errorf("%w (%s)", err, refused.Hint)
	}
	return err
}
