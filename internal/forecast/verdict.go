package forecast

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/simulate"
)

// tone says whether a sentence is good news.
type tone = sheet.Tone

// The tones.
const (
	plain  = tone("plain")
	good   = sheet.Good
	bad    = sheet.Bad
	unsure = sheet.Unsure
)

// sentence is one line of a verdict.
type sentence struct {
	Tone tone
	Text string
}

// Verdict says in words what a result means, in one line or a few: most
// important first.
func Verdict(p Page, r simulate.Result) string { return lines(judge(p, r)) }

// VerdictComparison says in words how B differs from A, in one line or a few,
// the most important first. The two are called by the names that are given.
func VerdictComparison(a, b string, c simulate.Comparison) string {
	return lines(judgeComparison(a, b, c))
}

func lines(said []sentence) string {
	out := make([]string, len(said))
	for i, s := range said {
		out[i] = s.Text
	}
	return strings.Join(out, "\n")
}

func judge(p Page, r simulate.Result) []sentence {
	var said []sentence
	say := func(t tone, format string, args ...any) {
		said = append(said, sentence{t, fmt.Sprintf(format, args...)})
	}
	if r.Partial {
		say(unsure, "%s", partial(r))
	}
	if r.Replications == 0 {
		say(unsure, "No replication was finished: nothing is known")
		return said
	}
	if r.Unstable {
		say(bad, "Unstable: the backlog grows by %s an hour%s", PerHour.bare(r.Growth.Mean), within(PerHour, r.Growth))
	}
	a := r.All
	nobody := false
	switch {
	case known(a.Offered) && a.Offered.Mean == 0:
		say(unsure, "No email arrives")
	case a.Answered.Mean == 0 || !known(a.Answered):
		nobody = true
		say(bad, "Nobody answers: %s offered, none answered", email(a.Offered.Mean))
	case known(a.ServiceLevel):
		t, judged := against(p, a.ServiceLevel)
		all, most := withOverdue(a)
		short := t != bad && p.Target != nil && most < p.Target.Percent
		if short {
			t = unsure
		}
		say(t, "In time: %s%s%s", Percent.text(a.ServiceLevel.Mean), within(Percent, a.ServiceLevel), judged)
		if short {
			say(bad, "With the %s that wait longer already: %s, missed", email(a.Overdue.Mean), Percent.text(all))
		}
	default:
		say(plain, "Mean wait: %s%s; there is no service level to hold it to", Seconds.text(a.Wait.Mean.Mean), within(Seconds, a.Wait.Mean))
	}
	if known(a.DeadlineLevel) {
		say(plain, "By the rules' deadlines: %s%s", Percent.text(a.DeadlineLevel.Mean), within(Percent, a.DeadlineLevel))
	}
	if w := a.Waiting; !nobody && known(w) && known(a.Offered) && w.Mean > 0.01*a.Offered.Mean {
		late := ""
		switch {
		case known(a.Overdue) && a.Overdue.Mean >= 0.05:
			late = fmt.Sprintf(", %s of them beyond the target", Emails.bare(a.Overdue.Mean))
		case known(a.Overdue):
			late = ", none beyond the target yet"
		}
		say(unsure, "Left waiting at the end: %s%s%s", email(w.Mean), within(Emails, w), late)
	}
	if r.Replications == 1 {
		say(unsure, "One replication: no interval, so chance may have made any of this")
	}
	return said
}

// withOverdue is the percentage in time when email that waits beyond the target
// at the end counts as late, and the upper end of its interval.
func withOverdue(f simulate.Figures) (mean, high float64) {
	mean, high = f.ServiceLevel.Mean, f.ServiceLevel.High
	if !bounded(f.ServiceLevel) {
		high = mean
	}
	if of := f.Answered.Mean + f.Abandoned.Mean; known(f.Overdue) && of > 0 {
		part := of / (of + f.Overdue.Mean)
		mean, high = mean*part, high*part
	}
	return mean, high
}

func partial(r simulate.Result) string {
	return fmt.Sprintf("%d of %d replications: the run was ended early", r.Replications, r.Asked)
}

// against judges a service level by the target.
func against(p Page, e simulate.Estimate) (tone, string) {
	if p.Target == nil {
		return plain, " by the queues' own targets"
	}
	within, target := " within "+p.Target.Within.String(), p.Target.Percent
	low, high := e.Low, e.High
	if !bounded(e) {
		low, high = e.Mean, e.Mean
	}
	switch {
	case low >= target:
		return good, fmt.Sprintf("%s; target %g%%: met", within, target)
	case high < target:
		return bad, fmt.Sprintf("%s; target %g%%: missed", within, target)
	default:
		return unsure, fmt.Sprintf("%s; cannot be told apart from the target of %g%%", within, target)
	}
}

func email(n float64) string {
	if s := Emails.bare(n); s != "1" {
		return s + " emails"
	}
	return "1 email"
}

// aspect is one way in which B may differ from A.
type aspect struct {
	figure
	what       string // as part of "no difference shown in"
	more, less string // with one verb for what changed by how much
	moreIs     tone
}

var aspects = []aspect{
	{serviceLevel, "email answered in time", "{B} answers %s points more in time", "{B} answers %s points less in time", good},
	{deadlineLevel, "email answered by its deadline", "{B} answers %s points more by the deadlines", "{B} answers %s points less by the deadlines", good},
	{meanWait, "mean wait", "{B}'s mean wait is %s longer", "{B}'s mean wait is %s shorter", bad},
	{left, "email left waiting", "{B} leaves %s more emails waiting at the end", "{B} leaves %s fewer emails waiting at the end", bad},
}

// shown is the sign of a difference, 0 where its interval holds 0 or there is
// no interval.
func shown(e simulate.Estimate) int {
	switch {
	case !bounded(e) || e.Low <= 0 && e.High >= 0:
		return 0
	case e.Low > 0:
		return 1
	default:
		return -1
	}
}

// say puts a difference in words. The interval is of the amount that the words
// speak of, so both are turned round where B has less.
func (a aspect) say(e simulate.Estimate) sentence {
	t, text := a.moreIs, a.more
	if e.Mean < 0 {
		t, text = map[tone]tone{good: bad, bad: good}[t], a.less
		e = simulate.Estimate{Mean: -e.Mean, Low: -e.High, High: -e.Low, N: e.N}
	}
	return sentence{t, fmt.Sprintf(text, a.unit.bare(e.Mean)) + within(a.unit, e)}
}

// judgeComparison says how B differs from A, each called by a name.
func judgeComparison(a, b string, c simulate.Comparison) []sentence {
	said := judgeSides(c)
	names := strings.NewReplacer("{A}", a, "{B}", b)
	for i := range said {
		text := []rune(names.Replace(said[i].Text))
		said[i].Text = strings.ToUpper(string(text[:1])) + string(text[1:])
	}
	return said
}

// judgeSides says how {B} differs from {A}.
func judgeSides(c simulate.Comparison) []sentence {
	var said []sentence
	say := func(t tone, format string, args ...any) {
		said = append(said, sentence{t, fmt.Sprintf(format, args...)})
	}
	for i, r := range []simulate.Result{c.A, c.B} {
		if r.Partial && (i == 0 || !c.A.Partial) {
			say(unsure, "%s", partial(r))
		}
	}
	if c.A.Replications == 0 || c.B.Replications == 0 {
		say(unsure, "No replication was finished: nothing is known")
		return said
	}
	for i, r := range []simulate.Result{c.A, c.B} {
		side := []string{"{A}", "{B}"}[i]
		if r.Unstable {
			say(bad, "%s is unstable: its backlog grows by %s an hour%s", side, PerHour.bare(r.Growth.Mean), within(PerHour, r.Growth))
		}
		if known(r.All.Offered) && r.All.Offered.Mean > 0 && (r.All.Answered.Mean == 0 || !known(r.All.Answered)) {
			say(bad, "Nobody answers in %s", side)
		}
	}
	var same, unclear []string
	differs := false
	for _, a := range aspects {
		switch e := a.of(c.All); {
		case !known(e):
			continue
		case shown(e) != 0:
			differs = true
			said = append(said, a.say(e))
		case bounded(e):
			same = append(same, a.what)
		default:
			unclear = append(unclear, a.say(e).Text)
		}
	}
	switch {
	case len(unclear) > 0:
		say(unsure, "One pair of replications: no interval, so no difference is shown; in it %s", strings.Join(unclear, ", "))
	case len(same) > 0 && !differs:
		say(unsure, "No difference shown%s", near(c.All.ServiceLevel))
	case len(same) > 0:
		say(plain, "No difference shown in %s", list(same))
	case !differs:
		say(unsure, "No difference shown: there is nothing to compare")
	}
	for _, a := range aspects[:3] {
		said = append(said, apart(a, c)...)
	}
	return said
}

// near says how small a difference in service level is that shows no sign.
func near(e simulate.Estimate) string {
	if !bounded(e) {
		return ""
	}
	if e.Low == 0 && e.High == 0 {
		return ": what is answered in time is the same in both"
	}
	return fmt.Sprintf(": {B} answers between %s and %s points in time than {A}", side(e.Low), side(e.High))
}

func side(points float64) string {
	switch s := Percent.bare(math.Abs(points)); {
	case s == "0.0":
		return "0.0"
	case points < 0:
		return s + " fewer"
	default:
		return s + " more"
	}
}

// apart names the rules that go another way than all email does.
func apart(a aspect, c simulate.Comparison) []sentence {
	overall := shown(a.of(c.All))
	var other []simulate.Figures
	for _, f := range c.Rules {
		if s := shown(a.of(f)); s != 0 && s != overall {
			other = append(other, f)
		}
	}
	slices.SortStableFunc(other, func(x, y simulate.Figures) int {
		return -compare(math.Abs(a.of(x).Mean), math.Abs(a.of(y).Mean))
	})
	var said []sentence
	for i, f := range other {
		if i == 4 && len(other) > 5 {
			said = append(said, sentence{unsure, fmt.Sprintf("and %d more rules differ from all in %s", len(other)-i, a.what)})
			break
		}
		s := a.say(a.of(f))
		s.Text = fmt.Sprintf("Rule %s: %s", f.Rule, s.Text)
		said = append(said, s)
	}
	return said
}

func compare(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
