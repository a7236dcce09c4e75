package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer says that a database was made by a newer Foresort.
var ErrNewer = errors.New("its schema is newer than this Foresort knows")

// migrate brings the schema up to date. Several processes may do so at once:
// one does, the others wait.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if s.Postgres() {
		dialect = goose.DialectPostgres
	}
	provider, err := goose.NewProvider(dialect, s.write.DB, steps)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	if current, err := provider.GetDBVersion(ctx); err == nil && current == newest {
		return nil // without waiting for anybody
	}
	release, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	current, err := provider.GetDBVersion(ctx)
	if err != nil {
		return s.failed(err)
	}
	if current > newest {
		return &OpenError{Database: s.where, Err: fmt.Errorf("%w: version %d, and %d is the newest known", ErrNewer, current, newest), Hint: "use a newer Foresort; the schema never goes back"}
	}
	if _, err := provider.Up(ctx); err != nil {
		return s.failed(fmt.Errorf("bring the schema up to date: %w", err))
	}
	return nil
}

// alone waits until no other process changes the schema.
func (s *Store) alone(ctx context.Context) (release func(), err error) {
	within, cancel := context.WithTimeout(ctx, busy)
	defer cancel()
	for {
		got, err := s.take(within, "the schema")
		if err != nil {
			return nil, err
		}
		if got != nil {
			return func() { _ = got.release() }, nil
		}
		select {
		case <-within.Done():
			return nil, s.failed(fmt.Errorf("wait for another process that changes the schema: %w", within.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
