package staffing

import (
	"fmt"
	"strings"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// This file puts findings into words.

// said is one finding, or those of agents who all have the same.
type said struct {
	routing.Finding          // the first of them
	Text            string   // without place and waiver
	Names           []string // of the agents, where there are several
	WaivedUntil     string   // empty: not waived
}

// mostListed is how many names are listed in full, leastListed how many where
// there are more.
const (
	mostListed  = 4
	leastListed = 3
)

// tell puts the findings into words, in their order. Warnings of agents who all
// have the same are one, unless each is wanted. Why there is no balance is said
// where it would be.
func tell(r coverage.Report, all bool) []said {
	var out []said
	index := map[string]int{}
	for _, f := range r.Findings {
		if f.Type == routing.DemandUnknown {
			continue
		}
		s := said{Finding: f, Text: f.Message, WaivedUntil: waived(f)}
		if f.Rule != "" && !strings.Contains(f.Message, "rule "+f.Rule) {
			s.Text = "rule " + f.Rule + ": " + f.Message
		}
		what := common(f)
		if all || what == "" {
			out = append(out, s)
			continue
		}
		key := strings.Join([]string{string(f.Type), f.Rule, what, s.WaivedUntil}, "\n")
		i, known := index[key]
		if !known {
			i = len(out)
			index[key] = i
			out = append(out, s)
		}
		out[i].Names = append(out[i].Names, f.Agent)
	}
	for i := range out {
		s := &out[i]
		if len(s.Names) < 2 {
			s.Names = nil
			continue
		}
		rule := ""
		if s.Rule != "" {
			rule = "rule " + s.Rule + ": "
		}
		s.Text = fmt.Sprintf("%s%d of %s %s", rule, len(s.Names), count(r.Members, "member"), common(s.Finding))
	}
	return out
}

// short lists names, and counts those beyond the first.
func short(names []string) string {
	if len(names) <= mostListed {
		return phrase.List(names)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:leastListed], ", "), len(names)-leastListed)
}

// common is what agents with the same finding have in common: lack Billing.
// Empty where a finding is not about an agent alone.
func common(f routing.Finding) string {
	if f.Severity != routing.SeverityWarning {
		return ""
	}
	switch f.Type {
	case routing.NoActiveShift:
		return "have no work on queue in these 7 days"
	case routing.ZeroCapacity:
		if f.CapacityAssumed {
			return "take no email by the organisation's utilization, which is 0; their own were not read"
		}
		return "take no email: their utilization is 0"
	case routing.SkillMismatch:
		var what []string
		if len(f.MissingSkills) > 0 {
			what = append(what, "lack "+phrase.List(f.MissingSkills))
		}
		if f.MissingLanguage != "" {
			what = append(what, "do not have the language "+f.MissingLanguage)
		}
		for _, s := range f.TooLow {
			what = append(what, fmt.Sprintf("have %s below %g", s.Name, s.Least))
		}
		return phrase.List(what)
	default:
		return ""
	}
}

// waived says to the end of which day a finding may stand, and why.
func waived(f routing.Finding) string {
	if f.Waived == nil {
		return ""
	}
	return fmt.Sprintf("waived until %s: %s", f.Waived.LastDay(), f.Waived.Reason)
}

// place is where in the file a finding comes from.
func place(p routing.Place) string {
	switch {
	case p.Line == 0:
		return p.File
	case p.File == "":
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// demandUnknown is why there is no balance; empty where that was not found out.
func demandUnknown(r coverage.Report) string {
	for _, f := range r.Findings {
		if f.Type == routing.DemandUnknown {
			return strings.ToUpper(f.Message[:1]) + f.Message[1:] + "."
		}
	}
	return ""
}
