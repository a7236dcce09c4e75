package plan

import (
	"fmt"

	"github.com/foresort/foresort/routing"
)

// This file plans what rules with a condition do to email that waits.

// LiveEmail is an email that waits, and what a rule asks for it.
type LiveEmail struct {
	ID, Rule      string
	Before, After routing.EmailSettings // After names skills and language
}

// Live plans them. It owns nothing: what an email asks for goes with the email.
func (ix *Index) Live(want routing.Desired, queue routing.Ref, emails []LiveEmail) (Plan, Problems) {
	b := &builder{ix: ix, want: want, changes: []Change{}}
	for _, e := range emails {
		after := e.After
		path := "rules[" + e.Rule + "]"
		if after.Skills != nil {
			skills := b.resolveSkills(*after.Skills, path+".skills")
			after.Skills = &skills
		}
		if after.Language != nil && after.Language.Name != "" {
			if language, ok := find(b, ix.languages, "language", after.Language.Name, path+".language"); ok {
				after.Language = &language
			}
		}
		fields := routing.Differs(routing.Owned(after), after, e.Before)
		if len(fields) == 0 {
			continue
		}
		b.changes = append(b.changes, Change{
			ID: len(b.changes) + 1, Verb: Update, Kind: Email, Object: routing.Ref{ID: e.ID}, Waits: queue,
			Why:    fmt.Sprintf("the condition of rule %s holds for it", e.Rule),
			Fields: fieldChanges(Email, fields, e.Before, after, nowhere),
			Email:  &Pair[routing.EmailSettings]{Before: routing.Only(e.Before, fields), After: routing.Only(after, fields)},
		})
	}
	if len(b.problems) > 0 {
		return Plan{}, b.problems
	}
	return Plan{Version: formatLease, Strategy: want.Strategy, File: b.file(), Org: ix.org.Ref, Live: true, Changes: b.changes, Owns: []Claim{}}, nil
}
