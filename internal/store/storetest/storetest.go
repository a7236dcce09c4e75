// Package storetest gives tests databases of their own: a SQLite file each, and
// where PostgreSQL is installed a server that the tests of a package share, with
// a database for each test.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/foresort/foresort/internal/store"
)

// Each runs a test on every kind of database. PostgreSQL is skipped, in words,
// where its programs are not installed; with CI set that is a failure.
func Each(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "foresort.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// Open opens a database and closes it when the test ends.
func Open(t testing.TB, database string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close %s: %v", s, err)
		}
	})
	return s
}

// Main runs the tests of a package and ends the server that they started.
func Main(m *testing.M) { Run(m) }

// Run is Main where something else ends the process: it gives the exit code.
func Run(m *testing.M) int {
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	return code
}

// EndLocks ends the sessions that hold locks in a database, as a restart of its
// server would.
func EndLocks(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.NewRaw("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Exec(ctx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// server is the PostgreSQL that the tests of a package share.
type server struct {
	once    sync.Once
	address string // without a database
	skip    string
	err     error
	stop    func()
	mu      sync.Mutex
	made    int
}

var shared server

// Postgres makes an empty database and gives its address.
func Postgres(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() { shared.start() })
	switch {
	case shared.skip != "" && os.Getenv("CI") != "":
		t.Fatalf("%s, and CI needs it", shared.skip)
	case shared.skip != "":
		t.Skip(shared.skip)
	case shared.err != nil:
		t.Fatal(shared.err)
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.made++
	name := fmt.Sprintf("test%d", shared.made)
	conn, err := pgx.Connect(t.Context(), shared.address+"postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return shared.address + name
}

// programs finds the folder of PostgreSQL's programs: the newest of those that
// are installed.
func programs() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// start makes a cluster in a folder of its own and runs it on loopback, as
// another user where this one is root: PostgreSQL refuses to be root.
func (s *server) start() {
	bin := programs()
	if bin == "" {
		s.skip = "PostgreSQL is not installed (no initdb)"
		return
	}
	dir, err := os.MkdirTemp("", "foresort-postgres-")
	if err != nil {
		s.err = err
		return
	}
	who, err := unprivileged(dir)
	if err != nil {
		s.err = err
		return
	}
	data := filepath.Join(dir, "data")
	run := func(program string, args ...string) error {
		cmd := exec.CommandContext(context.Background(), filepath.Join(bin, program), args...)
		cmd.SysProcAttr, cmd.Dir = &syscall.SysProcAttr{Credential: who}, dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", program, err, out)
		}
		return nil
	}
	if s.err = run("initdb", "-D", data, "-U", "foresort", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"); s.err != nil {
		return
	}
	port, err := freePort()
	if err != nil {
		s.err = err
		return
	}
	cmd := exec.CommandContext(context.Background(), filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", dir,
		"-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "fsync=off")
	cmd.SysProcAttr, cmd.Dir = &syscall.SysProcAttr{Credential: who}, dir
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if s.err = cmd.Start(); s.err != nil {
		return
	}
	s.address = fmt.Sprintf("postgres://foresort@127.0.0.1:%d/", port)
	s.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	for limit := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, s.address+"postgres")
		cancel()
		if err == nil {
			_ = conn.Close(context.Background())
			return
		}
		if time.Now().After(limit) {
			s.stop()
			s.err = errors.Join(fmt.Errorf("PostgreSQL does not answer: %w", err), errors.New(log.String()))
			return
		}
	}
}

// unprivileged is who PostgreSQL runs as; nil: this user. The folder becomes
// theirs.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(errUID, errGID, os.Chown(dir, int(uid), int(gid)), os.Chmod(dir, 0o700)); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("this is root, and there is no user postgres or nobody to run PostgreSQL as")
}

func freePort() (int, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
