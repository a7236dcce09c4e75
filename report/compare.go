package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// This file compares the time after a change with the time before.

// Verdict is what a comparison comes to.
type Verdict string

// The verdicts.
const (
	Better Verdict = "better"
	Worse  Verdict = "worse"
	Same   Verdict = "noDifference" // none that the days' own ups and downs would not make
	Thin   Verdict = "tooLittle"    // too few days or emails to tell
	Passed Verdict = "notCompared"  // it did not last for a week
)

// Comparison is a change, and the same measures before and after it, in windows of
// as many whole weeks, up to four, on either side: the day of the change is in
// neither, and so every weekday is as often in one as in the other. They end where
// the queue was changed on another day, where conversations are not known, and
// yesterday; those of an override that held for a week on the day when it ended.
// Changes that do not last end no windows: what begins and ends them is part of how
// the queue is run, before and after.
type Comparison struct {
	Change
	Weeks    int          `json:"weeks"`
	Before   routing.Span `json:"before"`
	After    routing.Span `json:"after"`
	Together int          `json:"together,omitempty"` // other changes of that day
	Verdict  Verdict      `json:"verdict"`            // by the first measure that has a value
	Words    string       `json:"words"`
	Measures []Measure    `json:"measures"`
}

// Measure is one figure before and after. P is how often, if the change had done
// nothing, days that are dealt to before and after by chance, each weekday for
// itself, would differ by as much: a stratified permutation test, two-sided, of
// the difference of the pooled figures (P. Good, Permutation, Parametric and
// Bootstrap Tests of Hypotheses, 3rd ed. 2005, chapter 3), which goes through all
// ways to deal where there are few, and else 9,999 drawn ones, of which P counts
// the one that was seen as one more (B. Phipson, G. Smyth, Permutation P-values
// should never be zero, 2010). It is null where there is too little: not a whole
// week, or fewer than 30 emails on a side. It takes days for independent of one
// another; a backlog that is carried over weakens that.
type Measure struct {
	Name       string   `json:"name"`
	Unit       string   `json:"unit"` // %, s, emails
	More       bool     `json:"moreIsBetter"`
	Before     *float64 `json:"before"`
	After      *float64 `json:"after"`
	Difference *float64 `json:"difference"`
	P          *float64 `json:"p"`
	// Least is the least P that days like these could have, with a week on either side,
	// and the least that drawing can find with more: where it is not below 0.05 they are
	// too alike, or too few, to tell.
	Least float64 `json:"leastP,omitempty"`
}

const (
	mostWeeks   = 4
	leastEmails = 30
	draws       = 9999
	significant = 0.05
)

// share is a sum and what it is divided by.
type share struct{ sum, of float64 }

func (s share) value() *float64 {
	if s.of <= 0 {
		return nil
	}
	return new(s.sum / s.of)
}

// measures are what is compared.
var measures = []struct {
	Measure
	scale   float64
	perDay  bool // there is one value for each day, however few emails it is of
	element int
}{
	{Measure: Measure{Name: "deadlineLevel", Unit: "%", More: true}, scale: 100, element: dayDeadlines},
	{Measure: Measure{Name: "serviceLevel", Unit: "%", More: true}, scale: 100, element: dayLevel},
	{Measure: Measure{Name: "wait", Unit: "s"}, scale: 1, element: dayWait},
	{Measure: Measure{Name: "handle", Unit: "s"}, scale: 1, element: dayHandle},
	{Measure: Measure{Name: "transferred", Unit: "%"}, scale: 100, element: dayTransferred},
	{Measure: Measure{Name: "backlog", Unit: "emails"}, scale: 1, perDay: true, element: dayBacklog},
	{Measure: Measure{Name: "offered", Unit: "emails"}, scale: 1, perDay: true, element: dayOffered},
}

// What a day has of each measure.
const (
	dayDeadlines = iota // of the email that came in
	dayLevel
	dayWait        // by when it left the queue
	dayHandle      // by when handling ended
	dayTransferred // of what was answered
	dayBacklog     // at the end of the day
	dayOffered
	dayElements
)

type dayOf [dayElements]share

// daysOf are the whole days of which everything is known, of one queue.
func (b *Builder) daysOf(queue int) (first time.Time, out []dayOf) {
	first = b.day(b.in.Known)
	if first.Before(b.in.Known) {
		first = b.days(first, 1)
	}
	var spans []routing.Span
	for at := first; ; {
		next := b.days(at, 1)
		if next.After(b.in.Now) {
			break
		}
		spans = append(spans, routing.Span{From: at, To: next})
		at = next
	}
	if len(spans) == 0 {
		return first, nil
	}
	limits := limitsOf(spans)
	out = make([]dayOf, len(spans))
	for i := range out {
		out[i][dayBacklog].of, out[i][dayOffered].of = 1, 1
	}
	at := func(ms int64) *dayOf {
		if i := limits.of(ms); i >= 0 && ms > 0 {
			return &out[i]
		}
		return nil
	}
	add := func(ms int64, element int, sum, of float64) {
		if d := at(ms); d != nil {
			d[element].sum, d[element].of = d[element].sum+sum, d[element].of+of
		}
	}
	one := map[bool]float64{true: 1}
	for s := range b.stays.all {
		if int(s.queue) != queue {
			continue
		}
		add(s.entered, dayOffered, 1, 0)
		add(s.entered, dayDeadlines, one[s.inTime], one[s.counted])
		if s.left > 0 {
			add(s.left, dayWait, float64(s.left-s.entered)/1000, 1)
		}
		add(s.worked, dayHandle, float64(s.handle)/1000, 1)
		add(s.answered, dayTransferred, one[s.transferred], 1)
		i, _ := slices.BinarySearch(limits, s.entered+1)
		for ; i < len(limits) && (s.left == 0 || limits[i] <= s.left); i++ {
			if i > 0 {
				out[i-1][dayBacklog].sum++
			}
		}
	}
	for _, r := range b.rows {
		if q, ours := b.queues[r.Group["queueId"]]; ours && int(q) == queue && r.Metric == "oServiceLevel" {
			add(r.From.UnixMilli(), dayLevel, r.Stats.Numerator, r.Stats.Denominator)
		}
	}
	return first, out
}

// comparisons compare the changes of a queue in the span.
func (b *Builder) comparisons(queue int) []Comparison {
	out := []Comparison{}
	if b.in.Changes == nil {
		return out
	}
	all := b.in.Changes.Of(b.in.Queues[queue].ID, routing.Span{From: b.in.Known, To: b.in.Now})
	var first time.Time
	var days []dayOf
	for _, c := range all {
		if c.At.Before(b.in.From) || !c.At.Before(b.in.To) {
			continue
		}
		if c.Brief(b.in.Now) {
			out = append(out, b.passing(c))
			continue
		}
		if days == nil {
			if first, days = b.daysOf(queue); days == nil {
				days = []dayOf{}
			}
		}
		x := b.compare(c, all, first, days)
		x.Words += b.unheard(x)
		out = append(out, x)
	}
	return out
}

// passing tells of a change that did not last why it is not compared.
func (b *Builder) passing(c Change) Comparison {
	day := b.day(c.At)
	next := b.days(day, 1)
	out := Comparison{Change: c, Verdict: Passed, Before: routing.Span{From: day, To: day}, After: routing.Span{From: next, To: next}, Measures: []Measure{}}
	held := sheet.Span(c.held(b.in.Now).Seconds())
	switch {
	case c.Passing == Emails:
		out.Words = "is about email that waited, and not about the queue: not compared by weeks"
	case c.Passing == Undone:
		out.Words = "was put back by the same run after " + held + ": too short to compare by weeks"
	case c.Ended.IsZero():
		out.Words = "holds, for " + held + " so far: too short to compare by weeks"
	default:
		out.Words = "came and went after " + held + ": too short to compare by weeks"
	}
	return out
}

// unheard says that there may be changes of others in the windows of a comparison
// of which nothing is known; empty: there are none.
func (b *Builder) unheard(c Comparison) string {
	switch {
	case !c.Before.From.Before(b.in.Unheard):
		return ""
	case c.After.To.After(b.in.Unheard):
		return "; what others changed before " + b.in.Unheard.In(b.zone).Format("Mon 2006-01-02 15:04 MST") + " is not known"
	}
	return "; what others changed in this time is not known"
}

// dayNumber is how many days after another one a day is.
func (b *Builder) dayNumber(first, t time.Time) int {
	return int(math.Round(b.day(t).Sub(first).Hours() / 24))
}

func (b *Builder) compare(c Change, all []Change, first time.Time, days []dayOf) Comparison {
	out := Comparison{Change: c, Measures: []Measure{}, Verdict: Thin}
	day := b.dayNumber(first, c.At)
	from, to := 0, len(days)
	since := "since then"
	if !c.Ended.IsZero() {
		to, since = min(to, b.dayNumber(first, c.Ended)), "while it held"
	}
	for _, other := range all {
		switch n := b.dayNumber(first, other.At); {
		case other.Passing != "":
		case n < day:
			from = max(from, n+1)
		case n > day:
			to = min(to, n)
		case other.ID != c.ID:
			out.Together++
		}
	}
	before, after := max(0, min(day, len(days))-from), max(0, to-day-1)
	out.Weeks = min(mostWeeks, before/7, after/7)
	n := 7 * out.Weeks
	out.Before = routing.Span{From: b.days(first, day-n), To: b.days(first, day)}
	out.After = routing.Span{From: b.days(first, day+1), To: b.days(first, day+1+n)}
	if n == 0 {
		out.Words = fmt.Sprintf("too little to tell: %s before it and %s %s can be compared, and a week is needed on either side",
			phrase.Count(before, "whole day"), phrase.Count(after, "whole day"), since)
		return out
	}
	told := false
	for _, m := range measures {
		var was, is []share
		for i := range n {
			was, is = append(was, days[day-n+i][m.element]), append(is, days[day+1+i][m.element])
		}
		x := m.Measure
		b, a := total(was), total(is)
		if x.Before, x.After = scaled(b, m.scale), scaled(a, m.scale); x.Before == nil || x.After == nil {
			continue
		}
		x.Difference = new(*x.After - *x.Before)
		if m.perDay || b.of >= leastEmails && a.of >= leastEmails {
			p, least := permutation(was, is)
			x.P, x.Least = &p, least
		}
		out.Measures = append(out.Measures, x)
		if !told {
			out.Verdict, told = verdict(x), true
			out.Words = words(x, out.Verdict, out.Weeks)
		}
	}
	if !told {
		out.Words = "too little to tell: there was no email on one side"
	}
	return out
}

func total(of []share) (sum share) {
	for _, s := range of {
		sum.sum, sum.of = sum.sum+s.sum, sum.of+s.of
	}
	return sum
}

func scaled(s share, by float64) *float64 {
	v := s.value()
	if v == nil {
		return nil
	}
	return new(*v * by)
}

func verdict(m Measure) Verdict {
	switch {
	case m.P == nil || *m.P >= significant && m.Least >= significant:
		return Thin
	case *m.P >= significant || *m.Difference == 0:
		return Same
	case (*m.Difference > 0) == m.More:
		return Better
	}
	return Worse
}

// permutation is how often days that are dealt by chance, each weekday for
// itself, differ by as much as those before and after do: Measure.P. Day i of one
// is the weekday of day i of the other shifted by one, so that weekdays are told by
// their place in the week. The least is that of the ways that differ the most.
func permutation(before, after []share) (p, least float64) {
	weeks := len(before) / 7
	// Strata: before begins on the weekday of the change, after on the next.
	var strata [7][]share
	for i, s := range before {
		strata[i%7] = append(strata[i%7], s)
	}
	for i, s := range after {
		strata[(i+1)%7] = append(strata[(i+1)%7], s)
	}
	seen := difference(total(before), total(after))
	atLeast := func(d float64) bool { return math.Abs(d) >= math.Abs(seen)-1e-12*max(1, math.Abs(seen)) }
	all := total(append(slices.Clone(before), after...))
	deal := func(b share) float64 { return difference(b, share{all.sum - b.sum, all.of - b.of}) }
	if weeks == 1 { // each weekday has two days: 128 ways
		hits, most, widest := 0, 0, 0.0
		for ways := range 1 << 7 {
			var b share
			for w, days := range strata {
				s := days[ways>>w&1]
				b.sum, b.of = b.sum+s.sum, b.of+s.of
			}
			d := math.Abs(deal(b))
			if atLeast(d) {
				hits++
			}
			switch {
			case d > widest+1e-12*max(1, widest):
				most, widest = 1, d
			case d > widest-1e-12*max(1, widest):
				most++
			}
		}
		return float64(hits) / (1 << 7), float64(most) / (1 << 7)
	}
	chance := rand.New(rand.NewPCG(1, 0)) //nolint:gosec // the same each time
	hits := 1
	for range draws {
		var b share
		for w := range strata {
			days := strata[w]
			for i := range weeks {
				j := i + chance.IntN(len(days)-i)
				days[i], days[j] = days[j], days[i]
				b.sum, b.of = b.sum+days[i].sum, b.of+days[i].of
			}
		}
		if atLeast(deal(b)) {
			hits++
		}
	}
	return float64(hits) / (draws + 1), 1.0 / (draws + 1)
}

// difference is that of two figures; 0 where one is undefined.
func difference(before, after share) float64 {
	b, a := before.value(), after.value()
	if b == nil || a == nil {
		return 0
	}
	return *a - *b
}

// words say what a comparison comes to.
func words(m Measure, v Verdict, weeks int) string {
	name := measureNames[m.Name]
	change := fmt.Sprintf("%s %s before, %s after", name, unitText(m.Unit, *m.Before), unitText(m.Unit, *m.After))
	of := phrase.Count(weeks, "week") + " on either side"
	switch v {
	case Better, Worse:
		return fmt.Sprintf("%s: %s (p = %s, %s)", v, change, pText(*m.P), of)
	case Same:
		return fmt.Sprintf("no difference that days do not make by themselves: %s (p = %s, %s)", change, pText(*m.P), of)
	case Thin, Passed:
	}
	if m.P != nil {
		return fmt.Sprintf("too little to tell: of so few days that differ p cannot be below %s; %s (%s)", pText(m.Least), change, of)
	}
	return fmt.Sprintf("too little to tell: fewer than %d emails on a side; %s (%s)", leastEmails, change, of)
}

// measureNames are the measures in words.
var measureNames = map[string]string{
	"deadlineLevel": "by the deadlines", "serviceLevel": "platform's service level", "wait": "mean wait", "handle": "mean handling",
	"transferred": "transferred", "backlog": "backlog at the end of a day", "offered": "offered a day",
}

func pText(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}
