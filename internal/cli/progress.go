package cli

import (
	"fmt"
	"sync"
	"time"
)

// The rhythm of progress: a terminal sees a line that moves, a log a line now
// and then.
const (
	progressAfter = time.Second            // what is quicker needs no progress
	progressFrame = 120 * time.Millisecond // on a terminal
	progressLine  = 10 * time.Second       // elsewhere
)

// progress shows on stderr what is being waited for and for how long already.
type progress struct {
	mu   sync.Mutex
	what string
	once sync.Once
	stop chan struct{}
	done chan struct{}
}

// progress begins to show what is waited for; end it with end. Nothing is
// shown within the first second, nor with --quiet or --json.
func (s *shell) progress(what string) *progress {
	p := &progress{what: what, stop: make(chan struct{}), done: make(chan struct{})}
	if s.quiet || s.json {
		close(p.done)
		return p
	}
	go func() {
		defer close(p.done)
		p.show(s)
	}()
	return p
}

// now changes what is waited for.
func (p *progress) now(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = fmt.Sprintf(format, args...)
}

// end takes the moving line away and waits until nothing more is written. To
// end it again does nothing.
func (p *progress) end() {
	p.once.Do(func() { close(p.stop) })
	<-p.done
}

func (p *progress) show(s *shell) {
	moving, terminal := s.stderr.(*lockedWriter)
	terminal = terminal && moving.terminal
	const frames = "|/-\\"
	start, every := time.Now(), progressLine
	first := time.NewTimer(progressAfter)
	defer first.Stop()
	if terminal {
		every = progressFrame
	} else {
		first.Reset(progressLine)
	}
	var ticks <-chan time.Time
	for n := 0; ; n++ {
		select {
		case <-p.stop:
			if terminal {
				moving.clear()
			}
			return
		case <-first.C:
			t := time.NewTicker(every)
			defer t.Stop()
			ticks = t.C
		case <-ticks:
		}
		p.mu.Lock()
		what := p.what
		p.mu.Unlock()
		elapsed := time.Since(start).Truncate(time.Second)
		if terminal {
			moving.draw(fmt.Sprintf("%c %s (%s)", frames[n%len(frames)], what, elapsed))
		} else {
			fmt.Fprintf(s.stderr, "%s (%s)\n", what, elapsed)
		}
	}
}
