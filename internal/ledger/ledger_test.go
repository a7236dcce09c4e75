package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const org = "org-1"

// filled is a ledger of n entries, signed after every entry that is named.
func filled(t testing.TB, s *store.Store, key ledger.Key, n int, signedAt ...int) *ledger.Ledger {
	t.Helper()
	l := ledger.New(s, org)
	for i := 1; i <= n; i++ {
		if _, err := l.Append(t.Context(), "test", fmt.Sprint("subject ", i%3), map[string]int{"n": i}); err != nil {
			t.Fatal(err)
		}
		for _, at := range signedAt {
			if at == i {
				if _, err := l.Sign(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return l
}

func newKey(t testing.TB) ledger.Key {
	t.Helper()
	key, err := ledger.LoadKey(filepath.Join(t.TempDir(), "ledger.key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func exec(t testing.TB, s *store.Store, query string, args ...any) {
	t.Helper()
	if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.NewRaw(query, args...).Exec(ctx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestEntriesComeBackAsTheyWentIn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		l := filled(t, s, newKey(t), 7)
		if _, err := ledger.New(s, "org-2").Append(t.Context(), "test", "elsewhere", nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		for e, err := range l.Entries(t.Context(), ledger.Filter{Kind: "test", Subject: "subject 1", After: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(e.Seq, " ", e.Subject, " ", string(e.Body)))
		}
		if diff := cmp.Diff([]string{`4 subject 1 {"n":4}`, `7 subject 1 {"n":7}`}, got); diff != "" {
			t.Error(diff)
		}
		if n, err := l.Head(t.Context()); n != 7 || err != nil {
			t.Errorf("head %d, %v", n, err)
		}
	})
}

func TestWritersOfSeveralProcessesMakeOneChain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		stores := []*store.Store{storetest.Open(t, database), storetest.Open(t, database)}
		key := newKey(t)
		var wait sync.WaitGroup
		for w := range 6 {
			wait.Go(func() {
				l := ledger.New(stores[w%2], org)
				for i := range 20 {
					if _, err := l.Append(t.Context(), "test", fmt.Sprint(w), i); err != nil {
						t.Errorf("writer %d: %v", w, err)
						return
					}
					if i%7 == 0 {
						if _, err := l.Sign(t.Context(), key); err != nil {
							t.Errorf("writer %d: %v", w, err)
						}
					}
				}
			})
		}
		wait.Wait()
		v, err := ledger.New(stores[0], org).Verify(t.Context())
		if err != nil || !v.OK() || v.Entries != 120 || v.Checkpoints == 0 {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// Whatever someone does to the database, the first entry that is not as it was
// is named.
// While a daemon writes, an auditor's proof finds nothing wrong.
func TestAProofAmongWritersFindsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		key := newKey(t)
		l := filled(t, s, key, 50, 20)
		var failed error
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; i < 150 && failed == nil; i++ {
				if _, failed = l.Append(t.Context(), "test", "s", i); failed == nil && i%10 == 0 {
					_, failed = l.Sign(t.Context(), key)
				}
			}
		}()
		for proofs := 0; ; proofs++ {
			v, err := l.Verify(t.Context())
			if err != nil || !v.OK() {
				t.Fatalf("proof %d: %+v, %v", proofs, v, err)
			}
			select {
			case <-done:
				if failed != nil || proofs == 0 {
					t.Fatal(proofs, failed)
				}
				return
			default:
			}
		}
	})
}

func TestAChangedLedgerNamesItsFirstBadEntry(t *testing.T) {
	t.Parallel()
	const entries = 30
	for name, c := range map[string]struct {
		change func(t *testing.T, s *store.Store)
		bad    int64
		says   string
	}{
		"untouched":      {func(*testing.T, *store.Store) {}, 0, ""},
		"a body":         {func(t *testing.T, s *store.Store) { exec(t, s, `UPDATE ledger SET body = '{"n":99}' WHERE seq = 12`) }, 12, "not as it was written"},
		"a time":         {func(t *testing.T, s *store.Store) { exec(t, s, "UPDATE ledger SET at = at + 1 WHERE seq = 1") }, 1, "not as it was written"},
		"a subject":      {func(t *testing.T, s *store.Store) { exec(t, s, "UPDATE ledger SET subject = 'x' WHERE seq = 30") }, 30, "not as it was written"},
		"a hash":         {func(t *testing.T, s *store.Store) { exec(t, s, "UPDATE ledger SET hash = 'beef' WHERE seq = 5") }, 5, "not as it was written"},
		"an entry gone":  {func(t *testing.T, s *store.Store) { exec(t, s, "DELETE FROM ledger WHERE seq = 17") }, 17, "missing"},
		"the first gone": {func(t *testing.T, s *store.Store) { exec(t, s, "DELETE FROM ledger WHERE seq = 1") }, 1, "missing"},
		"closed up over a gap": {func(t *testing.T, s *store.Store) {
			exec(t, s, "DELETE FROM ledger WHERE seq = 17")
			renumber(t, s, 18)
		}, 17, "not as it was written"},
		"two swapped":          {swap, 8, "not as it was written"},
		"the end cut off":      {func(t *testing.T, s *store.Store) { exec(t, s, "DELETE FROM ledger WHERE seq > 22") }, 23, "missing"},
		"the end and the head": {cut(22), 23, "missing"},
		"made anew from 14":    {restamp(14), 14, "signed"},
		"made anew from 1":     {restamp(1), 1, "signed"},
		"everything gone": {func(t *testing.T, s *store.Store) {
			exec(t, s, "DELETE FROM ledger")
			exec(t, s, "DELETE FROM ledger_heads")
		}, 1, "missing"},
		"a checkpoint's content": {func(t *testing.T, s *store.Store) {
			exec(t, s, `UPDATE ledger_checkpoints SET body = REPLACE(body, '"seq":20', '"seq":19')`)
		}, 0, "not as it was signed"},
		"checkpoints, made anew": {func(t *testing.T, s *store.Store) { exec(t, s, "DELETE FROM ledger_checkpoints"); restamp(14)(t, s) }, 14, "signed"},
		"checkpoints, cut off":   {func(t *testing.T, s *store.Store) { exec(t, s, "DELETE FROM ledger_checkpoints"); cut(12)(t, s) }, 13, "missing"},
		"another one's key":      {otherKey, 2, "signed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				s := storetest.Open(t, database)
				l := filled(t, s, newKey(t), entries, 10, 20, 28)
				kept, err := l.Checkpoints(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				c.change(t, s)
				v, err := l.Verify(t.Context(), kept...)
				if err != nil || v.Bad != c.bad || !strings.Contains(v.Problem, c.says) || v.OK() != (c.says == "") {
					t.Errorf("bad %d, want %d; %q, want %q; %v", v.Bad, c.bad, v.Problem, c.says, err)
				}
				if c.says == "" && (v.Entries != entries || v.Checkpoints != 3 || v.Unsigned != 2) {
					t.Errorf("%+v", v)
				}
			})
		})
	}
}

func swap(t *testing.T, s *store.Store) {
	exec(t, s, "UPDATE ledger SET seq = -1 WHERE seq = 8")
	exec(t, s, "UPDATE ledger SET seq = 8 WHERE seq = 21")
	exec(t, s, "UPDATE ledger SET seq = 21 WHERE seq = -1")
}

// renumber moves the entries from seq on one down.
func renumber(t *testing.T, s *store.Store, seq int) {
	for ; seq <= 30; seq++ {
		exec(t, s, "UPDATE ledger SET seq = seq - 1 WHERE seq = ?", seq)
	}
	exec(t, s, "UPDATE ledger_heads SET seq = seq - 1")
}

// cut takes the end away and makes the head fit.
func cut(to int) func(*testing.T, *store.Store) {
	return func(t *testing.T, s *store.Store) {
		exec(t, s, "DELETE FROM ledger WHERE seq > ?", to)
		exec(t, s, "UPDATE ledger_heads SET seq = ?, hash = (SELECT hash FROM ledger WHERE seq = ?)", to, to)
	}
}

// restamp changes an entry and makes every hash from there on anew, as someone
// can who knows how.
func restamp(from int64) func(*testing.T, *store.Store) {
	return func(t *testing.T, s *store.Store) {
		var after []ledger.Entry
		for e, err := range ledger.New(s, org).Entries(t.Context(), ledger.Filter{After: from - 1}) {
			if err != nil {
				t.Fatal(err)
			}
			after = append(after, e)
		}
		exec(t, s, "DELETE FROM ledger WHERE seq >= ?", from)
		exec(t, s, "UPDATE ledger_heads SET seq = ?, hash = COALESCE((SELECT hash FROM ledger WHERE seq = ?), '')", from-1, from-1)
		for i, e := range after {
			if i == 0 {
				e.Body = []byte(`{"n":-1}`)
			}
			if _, err := ledger.New(s, org).Append(t.Context(), e.Kind, e.Subject, e.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// otherKey makes the chain anew and signs it with another key.
func otherKey(t *testing.T, s *store.Store) {
	restamp(2)(t, s)
	exec(t, s, "DELETE FROM ledger_checkpoints")
	if _, err := ledger.New(s, org).Sign(t.Context(), newKey(t)); err != nil {
		t.Fatal(err)
	}
}

func TestAKeyIsMadeOnceAndKeptFromOthers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "ledger.key")
	keys := make([]string, 4)
	var wait sync.WaitGroup
	for i := range keys {
		wait.Go(func() {
			key, err := ledger.LoadKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = key.Public()
		})
	}
	wait.Wait()
	for _, k := range keys {
		if k != keys[0] || k == "" {
			t.Errorf("keys differ: %q", keys)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.LoadKey(path); err == nil || !strings.Contains(err.Error(), "restore it") {
		t.Errorf("a file that is no key: %v", err)
	}
}

func TestCheckpointsThatWereKeptAreReadBack(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "x.db"))
	l := filled(t, s, newKey(t), 3)
	c, err := l.Sign(t.Context(), newKey(t))
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	if again, err := l.Sign(t.Context(), newKey(t)); again != nil || err != nil {
		t.Errorf("signed twice: %v, %v", again, err)
	}
	b, err := jsonOf(*c, *c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledger.ReadCheckpoints(b)
	if err != nil || len(got) != 2 || got[0].Check() != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ledger.ReadCheckpoints([]byte(`{"seq": "three"}`)); err == nil {
		t.Error("what is no checkpoint was read")
	}
	for _, change := range []func(*ledger.Checkpoint){
		func(c *ledger.Checkpoint) { c.Hash = strings.Repeat("0", 64) },
		func(c *ledger.Checkpoint) { c.Signature = "" },
		func(c *ledger.Checkpoint) { c.Key = newKey(t).Public() },
	} {
		bad := *c
		change(&bad)
		if bad.Check() == nil {
			t.Errorf("a changed checkpoint checks: %+v", bad)
		}
		if v, err := l.Verify(t.Context(), bad); err != nil || v.OK() {
			t.Errorf("%+v, %v", v, err)
		}
	}
	foreign, err := filled(t, storetest.Open(t, filepath.Join(t.TempDir(), "y.db")), newKey(t), 3).Sign(t.Context(), newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := l.Verify(t.Context(), *foreign); err != nil || v.OK() {
		t.Errorf("a checkpoint of another ledger agrees: %+v, %v", v, err)
	}
	if _, err := l.Verify(cancelled(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func BenchmarkVerify(b *testing.B) {
	s := storetest.Open(b, filepath.Join(b.TempDir(), "x.db"))
	key := newKey(b)
	l := ledger.New(s, org)
	const entries = 20_000
	body := map[string]string{"object": strings.Repeat("x", 200)}
	if err := s.WithTx(b.Context(), func(ctx context.Context, tx store.Tx) error {
		for i := range entries {
			if _, err := l.AppendTx(ctx, tx, "test", fmt.Sprint(i), body); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	if _, err := l.Sign(b.Context(), key); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if v, err := l.Verify(b.Context()); err != nil || !v.OK() {
			b.Fatal(v, err)
		}
	}
	b.ReportMetric(float64(entries*b.N)/b.Elapsed().Seconds(), "entries/s")
}
