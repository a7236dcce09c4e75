package cli

import (
	"bytes"
	"fmt"

	"github.com/foresort/foresort/routing"
)

// coverageDoc describes the findings of validate --live, and how they come about.
func coverageDoc() []byte {
	var b bytes.Buffer
	b.WriteString("# Who can serve a strategy\n\n" + generated)
	b.WriteString("`foresort validate FILE --live` reads the organisation and checks the strategy as it will be once applied: what the file\n" +
		"does not own is taken as the platform has it. `foresort plan FILE --live` does the same and keeps the findings in the plan.\n\n" +
		"## Findings\n\n| finding | severity | meaning |\n|---|---|---|\n")
	for _, f := range routing.FindingTypes {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Type, f.Severity, f.Means)
	}
	b.WriteString(`
An error keeps a plan from being applied, and makes ` + "`validate --live`" + ` end with 7. With ` + "`--strict`" + ` so does a warning. A finding
that may stand is waived in the file, by name and to the end of a day:

` + "```yaml" + `
coverage:
  proficiency: 2
  waive:
    - { finding: unservable, rule: vip, until: 2026-12-31, reason: two people start in January }
` + "```" + `

` + "`rule` and `agent`" + ` narrow it down. ` + "`proficiency`" + ` is the least that counts as being able to; the platform itself hands email to
agents with any.

With ` + "`--json`" + ` each finding has ` + "`type`, `severity`, `object`, `message` and `do`" + `, and as far as they apply ` + "`rule`, `agentId`,\n`agent`, `missingSkills`, `missingLanguage`, `tooLow`, `capacity`, `capacityAssumed`, `permission`,\n`spans`, `numbers`, `at` and `waived`" + `.

## Who counts

- A file without rules has one row, of all email and without a name (` + "`rule`" + ` is empty): it asks for nothing, and every member who is active
  in the queue and takes email can serve it.
- Members are those whom the strategy names, or those of the queue, with those of its groups. Whoever is not active in the queue does
  not count.
- An agent can serve a rule when they have its skills and its language once its email reaches their ring, or a later one that has dropped
  a skill. The matrix counts those whom the email reaches within the rule's deadline, or the queue's service level where it has none.
  A ring opens after a time of all hours, and a deadline ends after one of the open hours of the calendar: of email that comes in within a
  quarter hour the two instants are compared, so a ring after 2h is in time for Friday's last email with a deadline of 1h, and not for
  Friday's first. The service level counts all hours, as the platform does.
  With ` + "`agents: longest-idle`" + ` skills are disregarded.
- On queue is what a published shift does not fill with other work, breaks, meals, meetings, training or absence, minute by minute. A
  whole day off takes the shifts that begin on it, and not the night shift that began the day before. A cell of the matrix is a quarter hour and shows the smallest number in it; slots are the emails that those agents take at once.
- Capacity is utilization: the organisation's, unless the file owns it. An agent's own has no batch read; ` + "`--overrides`" + ` reads them, one
  request for each agent, behind everything else that waits, and keeps them for 12 hours.
- What is not known counts neither as nobody nor as everybody: a cell is a hole only where every schedule is known, and of a cell that
  is open in part the open minutes are. In the balance whoever may be on queue and able counts as such: what must grow or be left is
  certain, and that the week clears is then not known.

## What is not known for long

A calendar is looked at eight weeks ahead for closed time longer than the 72 hours of a flow. Without one the schedules count, which are read
for 7 days from now on: the longest time in which nobody who can serve a rule is on queue. A time that goes on to the end of the 7
days may be longer than it looks. Where it would be longer than 72 hours if the next 7 days began as these do, a note says so; that it is
shorter, or longer without being like this, is not known then.

## Email against capacity

The email of the last four whole weeks, by half hour and address, gives the mean for each time of the week. It is that of the queue, with
that of addresses which the plan brings to it, whatever queue their email went to (of several queues the one that was offered most in the
half hour: what is transferred is offered again), and without that of addresses which it takes away. An address to which no email came
is named: what will come there is not expected. A queue that is younger is not taken to have had no email before: the mean is that of the
whole weeks since email comes in, and with less than one there is none.

Against it stands what those on queue can do: slots times time, divided by the mean handle time. In each cell, and for each set of rules,
the members who can serve any of them do at most that much, so at least the rest is left. These are lower limits: other queues of the
same agents, alerts and pauses only add to what is left. The hours in which it "must grow" are those with members on queue (` + "`grows`" + ` in
JSON); email that comes in while nobody is on queue is counted in the verdict (` + "`unattended`" + `). So "the week does not clear it" is certain for that mean week,
and "can clear it" is no promise: ` + "`foresort simulate`" + ` predicts what will happen.
`)
	return b.Bytes()
}
