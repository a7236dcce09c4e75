package forecast

import "github.com/foresort/foresort/simulate"

// figure is one of the figures that there are of every rule and of all.
type figure struct {
	key, name string
	unit      Unit
	of        func(simulate.Figures) simulate.Estimate
}

// counts are the figures about how many.
var counts = []figure{
	{"offered", "offered", Emails, func(f simulate.Figures) simulate.Estimate { return f.Offered }},
	{"answered", "answered", Emails, func(f simulate.Figures) simulate.Estimate { return f.Answered }},
	{"abandoned", "abandoned", Emails, func(f simulate.Figures) simulate.Estimate { return f.Abandoned }},
	{"waiting", "left waiting", Emails, func(f simulate.Figures) simulate.Estimate { return f.Waiting }},
	{"service_level", "in time", Percent, func(f simulate.Figures) simulate.Estimate { return f.ServiceLevel }},
	{"deadline_level", "by deadline", Percent, func(f simulate.Figures) simulate.Estimate { return f.DeadlineLevel }},
}

// overdue is told in words and in files, not in tables.
var overdue = figure{"overdue", "beyond the target", Emails, func(f simulate.Figures) simulate.Estimate { return f.Overdue }}

// times are the figures about how long.
var times = []figure{
	{"wait_mean", "mean", Seconds, func(f simulate.Figures) simulate.Estimate { return f.Wait.Mean }},
	{"wait_p50", "p50", Seconds, func(f simulate.Figures) simulate.Estimate { return f.Wait.P50 }},
	{"wait_p90", "p90", Seconds, func(f simulate.Figures) simulate.Estimate { return f.Wait.P90 }},
	{"wait_p99", "p99", Seconds, func(f simulate.Figures) simulate.Estimate { return f.Wait.P99 }},
	{"wait_max", "max", Seconds, func(f simulate.Figures) simulate.Estimate { return f.Wait.Max }},
	{"handle_mean", "handling", Seconds, func(f simulate.Figures) simulate.Estimate { return f.Handle }},
}

var (
	serviceLevel  = counts[4]
	deadlineLevel = counts[5]
	left          = counts[3]
	meanWait      = times[0]
)

// all is what the figures of every email are called where a rule has a name.
const all = "all"

func name(rule string) string {
	if rule == "" {
		return all
	}
	return rule
}
