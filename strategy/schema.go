package strategy

import "github.com/foresort/foresort/internal/yamlfile"

// This file describes the format: as JSON Schema, for editors and other tools,
// and as a page for people. Both are made of the types in file.go.

// about is what is said of the whole file.
var about = yamlfile.About{
	ID:          "https://github.com/foresort/foresort/strategy/schema.json",
	Title:       "Foresort strategy",
	Description: "Email routing of one queue on Genesys Cloud. A key that is absent is left alone on the platform.",
	Intro: `# The strategy file

<!-- Made by go generate from strategy/schema.json. Do not edit. -->

One YAML file says how the email of one queue is routed and what is promised.
[examples/support.yaml](../examples/support.yaml) is a whole one. For an editor
that completes keys, put this on the first line, with the path to the schema:

` + "```yaml\n# yaml-language-server: $schema=strategy/schema.json\n```" + `

- A key that is absent is not owned: the platform's value is left alone. An empty
  list (` + "`relax: []`" + `) is owned and emptied, and so is the language of a rule by
  ` + "`language: none`" + `. A key without a value is a mistake.
- Everything is called by name, never by id.
- Time spans are written as 4h, 1h30m, 5m or 90s. Percent goes from 0 to 100.
- Anchors, aliases, tags and several documents in a file are not taken.
- A secret is called by the environment variable that holds it, such as
  ` + "`${GATEWAY_SECRET}`" + `, and never stands in the file. Inside of { } it needs quotes.
- No object of the platform holds a condition. A rule with ` + "`when`" + ` is therefore a live
  rule: ` + "`foresort serve`" + ` sets priority, skills and language of email that waits in the
  queue, whatever address it came in at, within seconds of its arrival. The rules are
  tried in order, the first that holds counts, and a condition that asks for an
  attribute that the email does not have does not hold. What the rule leaves out
  stays as the rule of the address has it.

`,
}

// Schema is the JSON Schema (draft 2020-12) of the strategy file. It knows keys,
// types, texts and bounds; Parse knows more.
func Schema() []byte { return yamlfile.Schema[Strategy](about) }

// Reference is docs/strategy-reference.md: every key of the strategy file in
// words, made of the JSON Schema.
func Reference() []byte { return yamlfile.Reference[Strategy](about) }
