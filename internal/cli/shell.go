package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/foresort/foresort/genesys"
)

// shell is what every command gets: streams, settings, and ways to speak.
type shell struct {
	env
	json, quiet, verbose, noColor bool

	piped    []byte             // what was read from stdin
	flags    map[string]*string // settings given as flags
	started  bool               // the command line was understood
	outPaint paint              // for stdout
	errPaint paint              // for stderr
	// standing says how things stand when the command is interrupted. A
	// command that writes keeps it true as it goes.
	standing string
}

func newShell(e env) *shell {
	shared := &screen{below: e.stderr}
	e.stderr = &lockedWriter{screen: shared, w: e.stderr, terminal: isTerminal(e.stderr)}
	e.stdout = &lockedWriter{screen: shared, w: e.stdout, terminal: isTerminal(e.stdout)}
	s := &shell{env: e, flags: map[string]*string{}, standing: "nothing was changed"}
	s.outPaint = paint{s, e.stdout}
	s.errPaint = paint{s, e.stderr}
	return s
}

// screen is what stdout and stderr of one terminal share: whose turn it is,
// and whether a line of progress moves at the bottom.
type screen struct {
	mu     sync.Mutex
	moving bool
	below  io.Writer // where the moving line is drawn
}

// eraseLine takes a moving line away.
const eraseLine = "\r\x1b[K"

// lockedWriter lets facts, progress, log and talk share one screen: whatever is
// written takes the moving line away first, and the next frame draws it again.
type lockedWriter struct {
	*screen
	w        io.Writer
	terminal bool
}

// Write writes p whole.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	return l.w.Write(p)
}

func (s *screen) erase() {
	if s.moving {
		_, _ = io.WriteString(s.below, eraseLine)
		s.moving = false
	}
}

// draw shows a moving line, as much of it as fits.
func (l *lockedWriter) draw(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	width := 80
	if f, ok := l.w.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			width = w
		}
	}
	if runes := []rune(line); len(runes) >= width {
		line = string(runes[:max(0, width-1)])
	}
	_, _ = io.WriteString(l.w, eraseLine+line)
	l.moving = true
}

// clear takes the moving line away.
func (l *lockedWriter) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

// isTerminal says whether a stream is a person's screen or keyboard.
func isTerminal(stream any) bool {
	switch f := stream.(type) {
	case *lockedWriter:
		return f.terminal
	case *os.File:
		return term.IsTerminal(int(f.Fd()))
	}
	return false
}

// say prints one line of talk for a person: not with --quiet, nor with --json,
// where stderr carries the error object and nothing else.
func (s *shell) say(format string, args ...any) {
	if !s.quiet && !s.json {
		fmt.Fprintf(s.stderr, format+"\n", args...)
	}
}

// print puts facts on stdout: v as JSON with --json, else what text writes.
func (s *shell) print(v any, text func(w io.Writer, p paint) error) error {
	if s.json {
		enc := json.NewEncoder(s.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	w := bufio.NewWriterSize(s.stdout, 64<<10) // at once, also where only the head of it is read
	if err := text(w, s.outPaint); err != nil {
		return err
	}
	return w.Flush()
}

// logger logs to stderr: warnings always, everything with --verbose; as JSON
// lines with --json, where warnings are left out.
func (s *shell) logger() *slog.Logger {
	level := slog.LevelWarn
	switch {
	case s.verbose:
		level = slog.LevelDebug
	case s.quiet, s.json:
		return slog.New(slog.DiscardHandler)
	}
	o := &slog.HandlerOptions{Level: level}
	if s.json {
		return slog.New(slog.NewJSONHandler(s.stderr, o))
	}
	return slog.New(slog.NewTextHandler(s.stderr, o))
}

// client signs in nowhere yet; it only gathers the settings of the API client.
func (s *shell) client() (*genesys.Client, settings, error) {
	set, err := s.settings()
	if err != nil {
		return nil, set, err
	}
	cfg, err := set.genesys()
	if err != nil {
		return nil, set, err
	}
	cfg.Logger, cfg.Version = s.logger(), version().Version
	c, err := genesys.New(cfg)
	if err != nil {
		return nil, set, &failure{code: exitInvalid, err: err}
	}
	return c, set, nil
}

// confirm asks a question on the terminal. Without one nobody can answer, and
// the flag that answers beforehand is named.
func (s *shell) confirm(ctx context.Context, question, flag string) (bool, error) {
	if !isTerminal(s.stdin) || !isTerminal(s.stderr) {
		return false, invalid("add "+flag+" to go ahead without being asked", "no terminal to ask on: %s", question)
	}
	fmt.Fprint(s.stderr, question+" [y/N] ")
	answer := make(chan string, 1)
	go func() { // ends with the process: a read from a terminal cannot be cancelled
		line, _ := bufio.NewReader(s.stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case a := <-answer:
		return a == "y" || a == "yes", nil
	}
}

// readInput reads a file, or stdin for "-", and gives the name to show for it.
func (s *shell) readInput(name string) (data []byte, shown string, err error) {
	if name == "-" {
		if s.piped == nil { // a second look must see the same
			s.piped, err = io.ReadAll(s.stdin)
		}
		return s.piped, "stdin", err
	}
	data, err = os.ReadFile(name)
	if err != nil {
		return nil, name, &failure{code: exitInvalid, err: err}
	}
	return data, name, nil
}

// oneFromStdin refuses to read several inputs from the one stdin; what names
// them all.
func oneFromStdin(what string, files ...string) error {
	if i := slices.Index(files, "-"); i >= 0 && slices.Contains(files[i+1:], "-") {
		return invalid("write the others to files", "only one of %s can come from stdin", what)
	}
	return nil
}

// writable finds out whether a file could be written, and leaves it as it is.
func writable(name string, overwrite bool) error {
	is, err := os.Stat(name)
	switch {
	case err == nil && is.IsDir():
		return invalid("name a file in it", "%s is a folder", name)
	case err == nil && !overwrite:
		return invalid("name another file, or add --force", "%s is there already", name)
	case err == nil && !is.Mode().IsRegular():
		return nil // to try a device or a pipe is to use it
	}
	how := os.O_WRONLY
	if err != nil {
		how |= os.O_CREATE | os.O_EXCL
	}
	f, openErr := os.OpenFile(name, how, 0o644)
	if openErr != nil {
		return invalid("name a file in a folder that is there and can be written to", "%s cannot be written: %w", name, openErr)
	}
	f.Close()
	if err != nil { // it was not there
		return os.Remove(name)
	}
	return nil
}

// sameFile says whether two names are of one file, which need not be there.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX != nil && errY != nil && filepath.Base(a) == filepath.Base(b) {
		x, errX = os.Stat(filepath.Dir(a))
		y, errY = os.Stat(filepath.Dir(b))
	}
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// writeOutput writes data to a file, or to stdout for "" and "-". It overwrites
// nothing unless it may.
func (s *shell) writeOutput(name string, data []byte, overwrite bool) error {
	if name == "" || name == "-" {
		_, err := s.stdout.Write(data)
		return err
	}
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if overwrite {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(name, how, 0o644)
	if os.IsExist(err) {
		return invalid("name another file, or add --force", "%s is there already", name)
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// seed is a flag for a whole number that chance begins with.
type seed uint64

// Set reads the number.
func (n *seed) Set(text string) error {
	v, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		return fmt.Errorf("a seed is a whole number from 0 to %d", uint64(math.MaxUint64))
	}
	*n = seed(v)
	return nil
}

// String writes the number.
func (n *seed) String() string { return strconv.FormatUint(uint64(*n), 10) }

// Type is the word of the help for it.
func (*seed) Type() string { return "number" }

// paint colours text for one stream, where that is a terminal that wants it.
type paint struct {
	s  *shell
	to io.Writer
}

// on asks once the flags are known: no --no-color, no NO_COLOR
// (no-color.org), no dumb terminal, and a screen at the other end.
func (p paint) on() bool {
	return p.s != nil && !p.s.noColor && !p.s.json && isTerminal(p.to) &&
		p.s.getenv("NO_COLOR") == "" && p.s.getenv("TERM") != "dumb"
}

func (p paint) with(sgr, text string) string {
	if !p.on() {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

func (p paint) bold(text string) string   { return p.with("1", text) }
func (p paint) dim(text string) string    { return p.with("2", text) }
func (p paint) red(text string) string    { return p.with("31", text) }
func (p paint) green(text string) string  { return p.with("32", text) }
func (p paint) yellow(text string) string { return p.with("33", text) }
