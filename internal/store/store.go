// Package store keeps records in a database: SQLite in the state folder, or
// PostgreSQL. The same schema, the same queries and the same tests hold for both.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver named sqlite
)

// Store is an open database. It is safe for use by many goroutines.
type Store struct {
	write *bun.DB // of SQLite the one connection that writes
	read  *bun.DB
	pool  *pgxpool.Pool // nil: SQLite
	path  string        // of the SQLite file
	where string        // for people, without a password
}

// Open opens a database and brings its schema up to date: the file of a path, or
// the PostgreSQL of a postgres:// address. What is wrong is an *OpenError.
func Open(ctx context.Context, database string) (*Store, error) {
	s, err := open(ctx, database)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenError says that a database cannot be used, and what to do.
type OpenError struct {
	Database string // without a password
	Hint     string
	Err      error
	Writing  bool // it was open
}

// Error names the database and what is wrong with it.
func (e *OpenError) Error() string {
	if e.Writing {
		return fmt.Sprintf("write to the database %s: %v", e.Database, e.Err)
	}
	return fmt.Sprintf("open the database %s: %v", e.Database, e.Err)
}

// Unwrap is what is wrong.
func (e *OpenError) Unwrap() error { return e.Err }

// busy is how long a write waits for that of another process.
const busy = 30 * time.Second

func open(ctx context.Context, database string) (*Store, error) {
	if strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://") {
		return openPostgres(ctx, database)
	}
	if strings.Contains(database, "://") {
		return nil, &OpenError{Database: redacted(database), Err: errors.New("it is neither a file nor a postgres:// address"), Hint: "name a file, or postgres://user@host/database"}
	}
	return openSQLite(ctx, database)
}

// openSQLite opens one connection that writes, whose transactions begin as
// writers, and several that read. A commit is on disk when it returns.
func openSQLite(ctx context.Context, path string) (*Store, error) {
	pragmas := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	}}
	reading := url.Values{"_pragma": append([]string{"query_only(ON)"}, pragmas["_pragma"][:1]...)}
	pragmas.Set("_txlock", "immediate")
	s := &Store{path: path, where: path}
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err == nil { // or SQLite makes it for everybody to read
		_ = f.Close()
	}
	writer, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, s.failed(err)
	}
	writer.SetMaxOpenConns(1)
	s.write = bun.NewDB(writer, sqlitedialect.New())
	if err := writer.PingContext(ctx); err != nil {
		return nil, errors.Join(s.failed(err), writer.Close())
	}
	reader, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+reading.Encode())
	if err != nil {
		return nil, errors.Join(s.failed(err), writer.Close())
	}
	reader.SetMaxOpenConns(4)
	s.read = bun.NewDB(reader, sqlitedialect.New())
	return s, nil
}

func openPostgres(ctx context.Context, address string) (*Store, error) {
	s := &Store{where: redacted(address)}
	cfg, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, &OpenError{Database: s.where, Err: errors.New("the address is not one of PostgreSQL"), Hint: "write postgres://user@host:5432/database"}
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, s.failed(err)
	}
	if err := s.pool.Ping(ctx); err != nil {
		s.pool.Close()
		return nil, s.failed(err)
	}
	s.write = bun.NewDB(stdlib.OpenDBFromPool(s.pool), pgdialect.New())
	s.read = s.write
	return s, nil
}

// redacted is an address without its password and query.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(an address that cannot be read)"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// failed says what is wrong with the database, with a way out.
func (s *Store) failed(err error) error {
	if err == nil {
		return nil
	}
	return &OpenError{Database: s.where, Hint: s.hint(err), Err: err}
}

func (s *Store) hint(err error) string {
	switch text := strings.ToLower(err.Error()); {
	case strings.Contains(text, "read-only transaction"):
		return "name the server that takes writes, and a user who may"
	case strings.Contains(text, "readonly") || strings.Contains(text, "read-only") || strings.Contains(text, "unable to open database file"):
		return "let this user write to the file and its folder, or name another with --database"
	case strings.Contains(text, "database or disk is full"), strings.Contains(text, "no space left"):
		return "make room on the disk; what was acknowledged is kept"
	case strings.Contains(text, "file is not a database"), strings.Contains(text, "malformed"):
		return "the file is damaged or something else: move it away, or restore it from a copy"
	case s.pool != nil || s.path == "":
		return "check that PostgreSQL runs there, and the user, password and name of the database"
	}
	return ""
}

// refusals are how a database says that it takes nothing just now.
var refusals = []string{
	"readonly", "read-only", "unable to open database file", "database or disk is full", "no space left", "disk i/o error", // the disk
	"failed to connect", "terminating connection", "shutting down", "starting up", "conn closed", "unexpected eof", "connection reset", // the server
}

// unwritable is err as an *OpenError where the database takes nothing.
func (s *Store) unwritable(err error) error {
	if err == nil || !slices.ContainsFunc(refusals, func(r string) bool { return strings.Contains(strings.ToLower(err.Error()), r) }) {
		return err
	}
	return &OpenError{Database: s.where, Hint: s.hint(err), Err: err, Writing: true}
}

// closing is how long connections to a server have to close: one that does not answer
// holds nobody up.
const closing = 500 * time.Millisecond

// Close closes all connections.
func (s *Store) Close() error {
	if s.pool == nil {
		return s.close()
	}
	closed := make(chan error, 1)
	go func() { closed <- s.close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closing):
		return nil
	}
}

func (s *Store) close() error {
	var errs []error
	if s.read != nil && s.read != s.write {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return errors.Join(errs...)
}

// Postgres says whether the database is PostgreSQL, which several machines can
// share.
func (s *Store) Postgres() bool { return s.pool != nil }

// String names the database, without a password.
func (s *Store) String() string { return s.where }

// Tx is one transaction: queries through bun, and the handle that the job queue
// of the same database takes.
type Tx struct {
	bun.IDB
	SQL *sql.Tx // of SQLite
	PGX pgx.Tx  // of PostgreSQL
}

// WithTx does something in one transaction that writes. It is committed when do
// returns nil, and nothing of it is there otherwise. A database that takes nothing
// is an *OpenError.
func (s *Store) WithTx(ctx context.Context, do func(context.Context, Tx) error) error {
	return s.unwritable(s.withTx(ctx, do))
}

func (s *Store) withTx(ctx context.Context, do func(context.Context, Tx) error) error {
	if s.pool == nil {
		return s.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			return do(ctx, Tx{IDB: tx, SQL: tx.Tx})
		})
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var tx pgx.Tx
	if err := conn.Raw(func(driver any) (err error) {
		tx, err = driver.(*stdlib.Conn).Conn().Begin(ctx)
		return err
	}); err != nil {
		return err
	}
	if err := do(ctx, Tx{IDB: conn, PGX: tx}); err != nil {
		return errors.Join(err, undo(ctx, tx))
	}
	return tx.Commit(ctx)
}

// undo ends a transaction without it, also where the caller's time is up.
func undo(ctx context.Context, tx pgx.Tx) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return tx.Rollback(ctx)
}

// Read is for queries that change nothing.
func (s *Store) Read() bun.IDB { return s.read }

// Snapshot does something in one transaction that only reads: it sees the
// database as it is at its first query, whatever others write meanwhile.
func (s *Store) Snapshot(ctx context.Context, do func(context.Context, bun.IDB) error) error {
	opts := &sql.TxOptions{}
	if s.pool != nil { // SQLite's transactions that read are so by nature
		opts = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return s.read.RunInTx(ctx, opts, func(ctx context.Context, tx bun.Tx) error { return do(ctx, tx) })
}
