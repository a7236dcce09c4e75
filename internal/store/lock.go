package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// This file keeps others out: locks that end with the process that holds them.

// HeldError says that another process holds a lock.
type HeldError struct {
	Holder string    // empty: not known
	Since  time.Time // zero: not known
}

// Error says who holds it.
func (e *HeldError) Error() string {
	if e.Holder == "" {
		return "another process"
	}
	return fmt.Sprintf("%s, since %s", e.Holder, e.Since.Local().Format("2006-01-02 15:04:05"))
}

type holder struct {
	bun.BaseModel `bun:"table:lock_holders,alias:h"`
	Name          string `bun:",pk"`
	Holder        string
	Since         int64
}

// Lock takes a lock that no two processes have at once, or returns a *HeldError.
// It is held until release is called or the process ends.
func (s *Store) Lock(ctx context.Context, name string) (release func() error, err error) {
	h, err := s.Hold(ctx, name)
	if err != nil {
		return nil, err
	}
	return h.Release, nil
}

// Held is a lock that this process has.
type Held struct {
	lost    func(context.Context) error // nil: it ends with the process alone
	holds   func(context.Context) error // nil with lost
	release func() error
}

// LostError says that a lock was lost, so that another process may have it by now.
type LostError struct{ Name string }

// Error says what became of it.
func (e *LostError) Error() string {
	return fmt.Sprintf("the lock %q is lost: the database has ended the session that held it, and another process may have begun", e.Name)
}

// Holds asks the database whether the lock is still held; a *LostError says that it
// is not.
func (h *Held) Holds(ctx context.Context) error {
	if h == nil || h.holds == nil {
		return nil
	}
	return h.holds(ctx)
}

// Lost waits until the lock is lost, and says why: PostgreSQL gives it away when the
// connection ends. It returns nil once the context has ended. Release must not be
// called meanwhile.
func (h *Held) Lost(ctx context.Context) error {
	if h.lost == nil {
		<-ctx.Done()
		return nil
	}
	return h.lost(ctx)
}

// releasing is how long each of the two steps of a release may take: a server that
// does not answer holds nobody up.
const releasing = 2 * time.Second

// Release gives the lock back, also where the caller's time is up.
func (h *Held) Release() error { return h.release() }

// Hold takes a lock as Lock does.
func (s *Store) Hold(ctx context.Context, name string) (*Held, error) {
	got, err := s.take(ctx, name)
	if err != nil {
		return nil, err
	}
	if got == nil {
		h := holder{Name: name}
		if err := s.read.NewSelect().Model(&h).WherePK().Scan(ctx); err != nil || h.Holder == "" {
			return nil, &HeldError{}
		}
		return nil, &HeldError{Holder: h.Holder, Since: time.UnixMicro(h.Since)}
	}
	host, _ := os.Hostname()
	h := holder{Name: name, Holder: fmt.Sprintf("process %d on %s", os.Getpid(), host), Since: time.Now().UnixMicro()}
	if _, err := s.write.NewInsert().Model(&h).On("CONFLICT (name) DO UPDATE").Set("holder = EXCLUDED.holder").Set("since = EXCLUDED.since").Exec(ctx); err != nil {
		return nil, errors.Join(s.unwritable(fmt.Errorf("note who holds the lock: %w", err)), got.release())
	}
	free, lasting := got.release, context.WithoutCancel(ctx)
	got.release = func() error {
		ctx, cancel := context.WithTimeout(lasting, releasing)
		defer cancel()
		_, err := s.write.NewDelete().Model(&h).WherePK().Exec(ctx)
		return errors.Join(s.unwritable(err), free())
	}
	return got, nil
}

// take takes the lock itself; nil: another process has it.
func (s *Store) take(ctx context.Context, name string) (*Held, error) {
	if !s.Postgres() {
		sum := sha256.Sum256([]byte(name))
		l := flock.New(s.path+"."+hex.EncodeToString(sum[:6])+".lock", flock.SetPermissions(0o600))
		got, err := l.TryLock()
		if err != nil {
			return nil, s.failed(fmt.Errorf("take the lock: %w", err))
		}
		if !got {
			return nil, nil
		}
		return &Held{release: l.Unlock}, nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, s.failed(err)
	}
	own := conn.Hijack() // it must not go back to the pool with the lock
	sum := sha256.Sum256([]byte("foresort lock " + name))
	key := int64(binary.BigEndian.Uint64(sum[:8]))
	var got bool
	var session int
	if err := own.QueryRow(ctx, "SELECT pg_try_advisory_lock($1), pg_backend_pid()", key).Scan(&got, &session); err != nil {
		return nil, errors.Join(s.failed(fmt.Errorf("take the lock: %w", err)), own.Close(ctx))
	}
	if !got {
		return nil, own.Close(ctx)
	}
	lasting := context.WithoutCancel(ctx)
	holds := func(ctx context.Context) error {
		var locks int
		err := s.pool.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = $1
			AND (classid::bigint << 32) | objid::bigint = $2 AND objsubid = 1`, session, key).Scan(&locks)
		if err == nil && locks == 0 {
			return &LostError{name}
		}
		return s.failed(err)
	}
	return &Held{func(ctx context.Context) error { return ended(ctx, own) }, holds, func() error {
		if own.IsClosed() {
			return nil // and the lock is gone with it
		}
		ctx, cancel := context.WithTimeout(lasting, releasing)
		defer cancel()
		_, err := own.Exec(ctx, "SELECT pg_advisory_unlock($1)", key) // it would end with the connection, but a moment later
		if err != nil && own.IsClosed() {
			return nil // the session had ended
		}
		return errors.Join(err, own.Close(ctx))
	}}, nil
}

// pingEvery is how often a connection that holds a lock is asked whether it lives.
const pingEvery = 3 * time.Second

// ended waits until a connection ends: its end is heard of at once where the server
// can still tell, and otherwise by asking.
func ended(ctx context.Context, conn *pgx.Conn) error {
	for {
		within, cancel := context.WithTimeout(ctx, pingEvery)
		_, err := conn.WaitForNotification(within)
		cancel()
		if err != nil && within.Err() == nil {
			return fmt.Errorf("the connection that holds the lock has ended: %w", err)
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		within, cancel = context.WithTimeout(ctx, pingEvery)
		err = conn.Ping(within)
		cancel()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("the connection that holds the lock does not answer: %w", err)
		}
	}
}
