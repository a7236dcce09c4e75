package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func rows(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	if err := s.Read().NewRaw("SELECT COUNT(*) FROM ledger_checkpoints").Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(ctx context.Context, tx store.Tx, seq int) error {
	_, err := tx.NewRaw("INSERT INTO ledger_checkpoints (org, seq, body) VALUES ('o', ?, '{}')", seq).Exec(ctx)
	return err
}

func TestATransactionIsThereWhollyOrNotAtAll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error { return insert(ctx, tx, 1) }); err != nil {
			t.Fatal(err)
		}
		no := errors.New("no")
		if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error { return errors.Join(insert(ctx, tx, 2), no) }); !errors.Is(err, no) {
			t.Fatal(err)
		}
		if n := rows(t, s); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
				if err := insert(ctx, tx, 3); err != nil {
					t.Error(err)
				}
				panic("in the middle")
			})
		}()
		if n := rows(t, s); n != 1 {
			t.Errorf("%d rows after a panic, want 1", n)
		}
		if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error { return insert(ctx, tx, 4) }); err != nil {
			t.Errorf("after a panic nothing can be written: %v", err)
		}
	})
}

func TestManyWritersWaitForEachOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		stores := []*store.Store{storetest.Open(t, database), storetest.Open(t, database)}
		var wait sync.WaitGroup
		for w := range 8 {
			wait.Go(func() {
				for i := range 25 {
					if err := stores[w%2].WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error { return insert(ctx, tx, w*100+i) }); err != nil {
						t.Errorf("writer %d: %v", w, err)
						return
					}
				}
			})
		}
		wait.Wait()
		if n := rows(t, stores[0]); n != 200 {
			t.Errorf("%d rows, want 200", n)
		}
	})
}

func TestSeveralOpenAnEmptyDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		var wait sync.WaitGroup
		for range 6 {
			wait.Go(func() {
				s, err := store.Open(t.Context(), database)
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	})
}

func TestALockIsHeldByOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		a, b := storetest.Open(t, database), storetest.Open(t, database)
		release, err := a.Lock(t.Context(), "apply")
		if err != nil {
			t.Fatal(err)
		}
		var held *store.HeldError
		if _, err := b.Lock(t.Context(), "apply"); !errors.As(err, &held) || !strings.HasPrefix(held.Holder, "process ") || held.Since.IsZero() {
			t.Fatalf("the second lock: %v", err)
		}
		other, err := b.Lock(t.Context(), "something else")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(other(), release()); err != nil {
			t.Fatal(err)
		}
		again, err := b.Lock(t.Context(), "apply")
		if err != nil {
			t.Fatalf("after release: %v", err)
		}
		if err := again(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestASchemaThatIsNewerIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.NewRaw("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)").Exec(ctx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), database)
		var open *store.OpenError
		if !errors.Is(err, store.ErrNewer) || !errors.As(err, &open) || !strings.Contains(open.Hint, "newer Foresort") {
			t.Errorf("open: %v", err)
		}
	})
}

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "text")
	if err := os.WriteFile(noDatabase, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for database, want := range map[string]string{
		noDatabase:                         "damaged",
		filepath.Join(dir, "none", "x.db"): "let this user write",
		"mysql://root:hunter2@localhost/x": "name a file",
		"postgres://someone:hunter2@127.0.0.1:1/nothing?connect_timeout=2":    "check that PostgreSQL runs",
		"postgres://someone:hunter2@127.0.0.1:port/nothing?connect_timeout=2": "write postgres://",
	} {
		_, err := store.Open(t.Context(), database)
		var open *store.OpenError
		if !errors.As(err, &open) || !strings.Contains(open.Hint, want) {
			t.Errorf("%s: %v; hint %q", database, err, open)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestADatabaseThatTakesNothingSaysWhatToDo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s, hint := storetest.Open(t, database), "let this user write"
		if s.Postgres() {
			hint = "takes writes"
		}
		write := func(ctx context.Context, tx store.Tx) error {
			if s.Postgres() {
				if _, err := tx.NewRaw("SET TRANSACTION READ ONLY").Exec(ctx); err != nil {
					return err
				}
			}
			_, err := tx.NewRaw("DELETE FROM objects").Exec(ctx)
			return err
		}
		if !s.Postgres() {
			if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
				_, err := tx.NewRaw("PRAGMA query_only = ON").Exec(ctx)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		var refused *store.OpenError
		if err := s.WithTx(t.Context(), write); !errors.As(err, &refused) || !strings.Contains(refused.Hint, hint) || !strings.HasPrefix(err.Error(), "write to the database") {
			t.Errorf("%v", err)
		}
		mine := errors.New("something else")
		if err := s.WithTx(t.Context(), func(context.Context, store.Tx) error { return mine }); s.Postgres() && (!errors.Is(err, mine) || errors.As(err, &refused)) {
			t.Errorf("%v", err)
		}
	})
}
