package autopilot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/internal/condition"
)

// Streaks count how often in a row conditions held. The zero value has seen
// nothing.
type Streaks struct {
	last   time.Time
	count  []streak
	values []condition.Value // room for the figures of one condition
}

type streak struct{ when, until int }

// quiet is how many looks may be left out before a streak is broken.
const quiet = 3

// see says whether a look counts: each reading counts once, and after a gap, or
// where the clock was set back, everything begins anew.
func (s *Streaks) see(rules int, at time.Time, every time.Duration) bool {
	if len(s.count) != rules || at.Before(s.last) || at.Sub(s.last) > quiet*every {
		s.count = make([]streak, rules)
	} else if at.Sub(s.last) < every/2 { // the same once more, or another process looks too
		return false
	}
	s.last = at
	return true
}

// seen counts a look, and is how many in a row found what the rule waits for. What
// is not known breaks a row.
func (s *streak) seen(when, until Truth, leased, counts bool) int {
	if counts {
		s.when, s.until = next(s.when, when), next(s.until, until)
		if leased {
			s.when = 0 // it begins anew afterwards
		}
	}
	if leased {
		return s.until
	}
	return s.when
}

func next(n int, t Truth) int {
	if t == True {
		return n + 1
	}
	return 0
}

// Clone is a copy that counts apart.
func (s Streaks) Clone() Streaks { return Streaks{last: s.last, count: slices.Clone(s.count)} }

// saved is how streaks are kept between two looks of different processes.
type saved struct {
	Rules string    `json:"rules"` // of which rules they are
	Last  time.Time `json:"last"`
	When  []int     `json:"when"`
	Until []int     `json:"until"`
}

// Save writes streaks, for another process to go on with.
func (p *Program) Save(s Streaks) ([]byte, error) {
	out := saved{Rules: p.digest(), Last: s.last}
	for _, c := range s.count {
		out.When, out.Until = append(out.When, c.when), append(out.Until, c.until)
	}
	return json.Marshal(out)
}

// Load reads what Save wrote. Where the rules are others by now, or it cannot be
// read, nothing has been seen yet.
func (p *Program) Load(b []byte) Streaks {
	var in saved
	if json.Unmarshal(b, &in) != nil || in.Rules != p.digest() || len(in.When) != len(in.Until) {
		return Streaks{}
	}
	s := Streaks{last: in.Last}
	for i := range in.When {
		s.count = append(s.count, streak{in.When[i], in.Until[i]})
	}
	return s
}

// digest tells sets of rules apart.
func (p *Program) digest() string {
	h := sha256.New()
	for _, r := range p.Rules {
		fmt.Fprintf(h, "%q %q %q %d %d\n", r.Name, r.When, r.Until, r.Samples, r.For)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
