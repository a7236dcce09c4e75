package strategy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// Options says what a new strategy is about. Queue is required.
type Options struct {
	Queue     string        // its name
	Name      string        // of the strategy; default: made of the queue's name
	Skills    []string      // names of what every email asks for; default: none
	Percent   float64       // 0 to 100; default 80
	Within    time.Duration // default 24h
	Addresses []string      // where mail comes in; default: none, as a comment
	From      string        // the name that replies are sent from; default: the queue's name
	Language  string        // name of the language that every email asks for; default: none
}

// ParseWithin reads a time span as it is given on a command line: 4h, 90m, or a
// plain number of seconds.
func ParseWithin(s string) (time.Duration, error) {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a time span such as 4h nor a number of seconds", s)
	}
	return d, nil
}

// New writes a first strategy file, with comments that say what each part is
// for. Parse finds no error in it; if the options do not allow that, the error
// (Problems) says why.
func New(o Options) ([]byte, error) {
	if strings.TrimSpace(o.Queue) == "" {
		return nil, errors.New("a strategy needs the name of its queue")
	}
	o.Name = cmp.Or(o.Name, slug(o.Queue))
	o.Percent = cmp.Or(o.Percent, 80)
	o.Within = cmp.Or(o.Within, 24*time.Hour)
	o.From = cmp.Or(o.From, o.Queue)
	const rule = "standard"

	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# How email to one queue is routed, and what is promised. Check this file with")
	line("# `foresort validate`; see what it would change with `foresort plan`. A key that")
	line("# is left out is left alone on the platform.")
	line("version: 1")
	line("name: %s", yamlfile.Text(o.Name))
	line("queue: %s # must exist; to make it, add `create: true`", yamlfile.Text(o.Queue))
	line("")
	line("# The promise: so many of 100 emails are answered in this time.")
	line("serviceLevel: %s", serviceLevelText(o.Percent, routing.Duration(o.Within)))
	line("")
	line("# Where mail comes in. The address alone decides which rule it follows.")
	if len(o.Addresses) == 0 {
		line("# addresses:")
		line("#   - { address: support@help.example.com, rule: %s, from: %s }", rule, yamlfile.Text(o.From))
	} else {
		line("addresses:")
		for _, a := range o.Addresses {
			line("  - { address: %s, rule: %s, from: %s }", yamlfile.Text(a), rule, yamlfile.Text(o.From))
		}
	}
	line("")
	line("# What email of each class asks for. A priority is minutes of head start.")
	line("rules:")
	line("  - name: %s", rule)
	line("    priority: 0")
	if len(o.Skills) > 0 {
		line("    skills: %s", flowList(o.Skills))
	}
	if o.Language != "" {
		line("    language: %s", yamlfile.Text(o.Language))
	}
	if len(o.Skills) > 0 {
		line("")
		line("# Who gets it: best-skill (highest proficiency), all-skills (longest idle who has")
		line("# every skill) or longest-idle (skills are disregarded).")
		line("agents: best-skill")
	}
	line("")
	line("# Which email goes first: age-and-priority (minutes waiting plus priority) or")
	line("# priority-only.")
	line("order: age-and-priority")
	if len(o.Skills) > 0 {
		line("")
		line("# What is relaxed the longer an email waits, counted from entering the queue.")
		line("# relax:")
		line("#   - { after: %s, drop: %s }", routing.Duration(max(o.Within/2, time.Minute)), flowList(o.Skills[:1]))
	}
	if len(o.Addresses) > 0 {
		line("")
		line("# Checked by `foresort validate`, without a network.")
		line("tests:")
		line("  - email: { to: %s }", yamlfile.Text(o.Addresses[0]))
		line("    expect: { rule: %s, priority: 0 }", rule)
	}
	return finished(b.String(), func(*Problem) bool { return false })
}

func serviceLevelText(percent float64, within routing.Duration) string {
	return fmt.Sprintf("{ percent: %s, within: %s }", strconv.FormatFloat(percent, 'f', -1, 64), within)
}

// finished returns a file that was made here, in its usual form, if nothing in
// it is wrong that fine does not let pass.
func finished(text string, fine func(*Problem) bool) ([]byte, error) {
	_, problems := Parse("strategy.yaml", []byte(text))
	problems = slices.DeleteFunc(problems, func(p *Problem) bool { return p.Severity == Warning || fine(p) })
	if len(problems) > 0 {
		return nil, problems
	}
	return Format("strategy.yaml", []byte(text))
}
