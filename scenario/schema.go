package scenario

import "github.com/foresort/foresort/internal/yamlfile"

// This file describes the format: as JSON Schema, for editors and other tools,
// and as a page for people. Both are made of the types.

// about is what is said of the whole file.
var about = yamlfile.About{
	ID:          "https://github.com/foresort/foresort/scenario/schema.json",
	Title:       "Foresort scenario",
	Description: "What a planner knows of the days to come: arrivals, handling times, agents and shifts.",
	Intro: `# The scenario file

<!-- Made by go generate from scenario/schema.json. Do not edit. -->

One YAML file says what a planner knows of the days to come: arrivals, handling
times, agents and shifts. With a strategy it makes the simulation.
[examples/scenario.yaml](../examples/scenario.yaml) is a whole one. For an editor
that completes keys, put this on the first line, with the path to the schema:

` + "```yaml\n# yaml-language-server: $schema=scenario/schema.json\n```" + `

- The scenario needs arrivals or a backlog, and exactly one of ` + "`days` and `horizon`" + `.
- Rules, skills, languages and groups are those of the strategy, by name.
- Days are written as mon, mon-fri or mon,wed; hours as 08:00-12:00. 24:00 is the
  end of a day, and 22:00-06:00 ends on the next one. The clock on the wall rules,
  also where it is put forward or back.
- Holidays of the strategy's calendar count for deadlines only. A day on which an
  agent does not work stands under ` + "`off`" + `.
- Time spans are written as 4h, 1h30m, 5m or 90s. Shares go from 0 to 1.
- In a trace or history, ` + "`at`" + ` is a time such as 2026-11-30 08:00, or with an
  offset as in 2026-11-30T08:00:00+01:00; ` + "`handle`" + ` is a time span, or a number of
  seconds.

`,
}

// Schema is the JSON Schema (draft 2020-12) of the scenario file. It knows keys,
// types, texts and bounds; Parse knows more.
func Schema() []byte { return yamlfile.Schema[Scenario](about) }

// Reference is docs/scenario-reference.md: every key of the scenario file in
// words, made of the JSON Schema.
func Reference() []byte { return yamlfile.Reference[Scenario](about) }
