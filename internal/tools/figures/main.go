// Command figures measures what docs/performance.md says about building and
// starting Foresort, and prints it as rows of its table: the median of several
// runs, with the least and the most.
package main

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

func main() {
	builds := flag.Int("builds", 3, "how often to build from nothing; 0: not at all")
	demos := flag.Int("demos", 3, "how often to run the demo; 0: not at all")
	starts := flag.Int("starts", 20, "how often to start the program")
	flag.Parse()
	dir, err := os.MkdirTemp("", "foresort-figures-")
	if err != nil {
		log.Fatal(err)
	}
	err = measure(context.Background(), os.Stdout, dir, *builds, *demos, *starts)
	if err := cmp.Or(err, os.RemoveAll(dir)); err != nil {
		log.Fatal(err)
	}
}

// measure writes a row for each figure. dir is an empty folder.
func measure(ctx context.Context, w io.Writer, dir string, builds, demos, starts int) error {
	fmt.Fprintf(w, "%s, %s/%s, %d cores\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	program := filepath.Join(dir, "foresort.exe")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./cmd/foresort")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if _, err := timed(build); err != nil { // fills the module cache too
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| stripped binary | %.1f MB |\n", float64(info.Size())/1e6)

	if err := row(w, "`foresort --version`", starts, func(int) (took, error) {
		return timed(exec.CommandContext(ctx, program, "--version"))
	}); err != nil {
		return err
	}
	if err := row(w, "`foresort sandbox` until it answers", starts, func(int) (took, error) { return startSandbox(ctx, program) }); err != nil {
		return err
	}
	if err := row(w, "`foresort demo`", demos, func(int) (took, error) {
		return timed(exec.CommandContext(ctx, program, "demo"))
	}); err != nil {
		return err
	}
	return row(w, "cold `go build ./...`", builds, func(n int) (took, error) {
		cold := exec.CommandContext(ctx, "go", "build", "./...")
		cold.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, fmt.Sprint("cache", n)))
		return timed(cold)
	})
}

// took is what one run cost: time on the clock, and of all cores together.
type took struct{ wall, cpu time.Duration }

// timed runs a command to its end.
func timed(cmd *exec.Cmd) (took, error) {
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return took{}, fmt.Errorf("%s: %w", cmd, err)
	}
	return took{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

// startSandbox takes the time until the sandbox says where it is, which it
// does once it listens.
func startSandbox(ctx context.Context, program string) (took, error) {
	cmd := exec.CommandContext(ctx, program, "sandbox", "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return took{}, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return took{}, err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	wall := time.Since(start)
	if err := cmp.Or(err, cmd.Process.Kill()); err != nil {
		return took{}, fmt.Errorf("%s: %w", cmd, err)
	}
	_ = cmd.Wait() // it was killed
	return took{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

// row measures n times and writes the median.
func row(w io.Writer, what string, n int, once func(n int) (took, error)) error {
	var wall, cpu []time.Duration
	for i := range n {
		t, err := once(i)
		if err != nil {
			return err
		}
		wall, cpu = append(wall, t.wall), append(cpu, t.cpu)
	}
	if n == 0 {
		return nil
	}
	slices.Sort(wall)
	slices.Sort(cpu)
	_, err := fmt.Fprintf(w, "| %s | %s (%s to %s, of %d), processor time %s |\n",
		what, round(wall[n/2]), round(wall[0]), round(wall[n-1]), n, round(cpu[n/2]))
	return err
}

// round leaves three digits.
func round(d time.Duration) time.Duration {
	unit := time.Microsecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
