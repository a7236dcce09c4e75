package scenario

import (
	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file is the format of the scenario file. The reader, the JSON Schema and
// the reference (docs/scenario-reference.md) all follow these types and their
// tags, which package internal/yamlfile explains.

// Arrivals is one source of email. Exactly one of Rate, Rates, Trace and
// History is set.
type Arrivals struct {
	Rule    string                        `json:"rule,omitempty" doc:"The rule that the email follows, by its name or an address that leads to it; for a trace or history, where a line does not say it."`
	Mix     map[string]float64            `json:"mix,omitempty" doc:"Instead of rule: the share of each rule, by its name or an address, such as { standard: 80, vip: 20 }. What counts is its part of the sum."`
	Rate    *float64                      `json:"rate,omitempty" doc:"Emails an hour at all times, one after the other by chance."`
	Rates   map[string]map[string]float64 `json:"rates,omitempty" doc:"Emails an hour by day and hours, such as mon-fri: { 08:00-12:00: 40 }. Nothing arrives outside."`
	Trace   string                        `json:"trace,omitempty" doc:"A file with every email in order: CSV with the columns at, rule and handle, or a JSON list of objects with these keys. at is a time; rule and handle may be left out."`
	History string                        `json:"history,omitempty" doc:"A file of the same form with days that have been. Each simulated day is one of them with the same day of the week, drawn by chance."`
}

// Backlog is email that waits at the start.
type Backlog struct {
	Rule   string           `json:"rule" is:"required" doc:"The rule that it follows."`
	Count  int              `json:"count" is:"required" min:"1" max:"1000000" doc:"How many emails."`
	Oldest routing.Duration `json:"oldest" is:"required" doc:"How long the oldest has waited."`
	Newest routing.Duration `json:"newest,omitempty" default:"\"0s\"" doc:"How long the newest has waited; the others are spread evenly between the two."`
}

// Time is a span of time that differs by chance.
type Time struct {
	Mean   *routing.Duration  `json:"mean,omitempty" doc:"The average."`
	CV     *float64           `json:"cv,omitempty" doc:"The coefficient of variation: standard deviation by mean, above 0. Only with lognormal and gamma."`
	Shape  string             `json:"shape,omitempty" enum:"lognormal|exponential|gamma|constant" doc:"The form of the distribution. Where it is left out: lognormal with a cv, exponential without."`
	Values []routing.Duration `json:"values,omitempty" doc:"Instead of all that: spans that were measured, each as likely as the other."`
}

// Rule is what differs for one rule of the strategy.
type Rule struct {
	Handle   *Time      `json:"handle,omitempty" doc:"The work that one email takes."`
	WrapUp   *Time      `json:"wrapUp,omitempty" doc:"The after-call work."`
	Patience *Time      `json:"patience,omitempty" doc:"How long the sender waits before the email is of no use any more; left out: for ever."`
	Replies  float64    `json:"replies,omitempty" min:"0" max:"1" default:"0" doc:"The share of the email that replies to an agent, 0 to 1."`
	Transfer []Transfer `json:"transfer,omitempty" doc:"Where email goes after it was handled."`
}

// Transfer is a share of handled email that goes on to another rule.
type Transfer struct {
	To    string  `json:"to" is:"required" doc:"The rule under which it enters the queue anew; elsewhere: out of the queue."`
	Share float64 `json:"share" is:"required" min:"0" max:"1" doc:"The share of the email of the rule, 0 to 1."`
}

// Agent is one person, or several who are alike.
type Agent struct {
	Name      string                    `json:"name" is:"required" doc:"The name; with a count, the beginning of the names: Ada 1, Ada 2."`
	Count     *int                      `json:"count,omitempty" min:"1" max:"100000" doc:"How many agents like this there are."`
	Skills    map[string]float64        `json:"skills,omitempty" min:"0" max:"5" doc:"Proficiency by skill."`
	Languages map[string]float64        `json:"languages,omitempty" min:"0" max:"5" doc:"Proficiency by language."`
	Capacity  *int                      `json:"capacity,omitempty" min:"0" max:"25" default:"1" doc:"Emails at once. The strategy's capacity, where it has one, wins."`
	Attention string                    `json:"attention,omitempty" enum:"independent|shared" default:"\"independent\"" doc:"How several emails at once are worked on: independent as if each were the only one, shared so that two take twice as long."`
	Speed     float64                   `json:"speed,omitempty" min:"0.01" max:"100" default:"1" doc:"The pace at which email is worked on: 1.1 is a tenth faster."`
	Ring      int                       `json:"ring,omitempty" min:"1" max:"6" default:"1" doc:"The ring in which the agent is a direct member of the queue."`
	Groups    []string                  `json:"groups,omitempty" doc:"Names of groups. The agent is then no direct member, but one from the ring on that adds a group of them."`
	Shifts    map[string]yamlfile.Texts `json:"shifts,omitempty" doc:"When the agent is on queue, by day, such as mon-fri: 08:00-16:30; 22:00-06:00 ends on the next day. Left out: always."`
	Breaks    map[string]yamlfile.Texts `json:"breaks,omitempty" doc:"When the agent is off queue within the shifts."`
	Off       []string                  `json:"off,omitempty" doc:"Days without a shift, such as 2026-12-24."`
}

// Voice is calls that agents get beside email.
type Voice struct {
	PerHour float64 `json:"perHour" is:"required" min:"0" max:"1000" doc:"Calls an hour for each agent who is on queue and not on a call."`
	Handle  *Time   `json:"handle" is:"required" doc:"How long a call lasts."`
}

// NoAnswer is alerts that nobody answers.
type NoAnswer struct {
	Share  float64          `json:"share" is:"required" min:"0" max:"1" doc:"The share of alerts that nobody answers, below 1."`
	Away   routing.Duration `json:"away" is:"required" doc:"How long the agent gets nothing afterwards."`
	Answer *Time            `json:"answer,omitempty" doc:"How long it takes to answer the others; left out: no time."`
}

type (
	// Problem is one mistake in a file, with its place.
	Problem = yamlfile.Problem
	// Problems is everything that is wrong with a file.
	Problems = yamlfile.Problems
)

// kind is what a scenario file has of its own.
var kind = yamlfile.Kind{
	Name:     "a scenario file",
	MaxBytes: 1 << 20,
	TooBig:   "give agents who are alike a count, and put single emails into a trace",
	Empty:    "docs/scenario-reference.md shows what belongs into it",
}

// Format writes a scenario file in its usual form. What it means stays the
// same. A file that is not YAML is an error (Problems).
func Format(file string, src []byte) ([]byte, error) { return yamlfile.Format(file, src, &kind) }
