package strategy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file writes the strategy of a queue as it is on the platform.

// pool finds objects by id and by name, as a plan will.
type pool struct {
	names map[string][]string        // of each id
	ids   map[string]map[string]bool // of each name
}

func newPool() pool { return pool{map[string][]string{}, map[string]map[string]bool{}} }

func (p pool) add(id, name string) {
	if id == "" || name == "" || p.ids[name][id] {
		return
	}
	if p.ids[name] == nil {
		p.ids[name] = map[string]bool{}
	}
	p.ids[name][id] = true
	p.names[id] = append(p.names[id], name)
}

// name is what a file calls the object, if it is the only one of that name and
// the file can say it.
func (p pool) name(r routing.Ref) (string, error) {
	if len(p.names[r.ID]) == 0 {
		return "", fmt.Errorf("%s was not found by name", r)
	}
	for _, name := range p.names[r.ID] {
		if len(p.ids[name]) == 1 && !looksLikeID.MatchString(name) && strings.TrimSpace(name) != "" {
			return name, nil
		}
	}
	name := p.names[r.ID][0]
	if n := len(p.ids[name]); n > 1 {
		return "", fmt.Errorf("%d are named %q", n, name)
	}
	return "", fmt.Errorf("the name %q cannot be told from an id", name)
}

// list names several objects, each once.
func (p pool) list(refs []routing.Ref) ([]string, error) {
	out := []string{}
	for _, r := range refs {
		name, err := p.name(r)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// importer writes one queue.
type importer struct {
	org                               routing.Org
	queue                             routing.Queue
	skills, languages, groups, agents pool
	notes                             []Note
	b                                 strings.Builder
}

// Import writes the strategy of a live queue: everything that a file can say
// about it, by name, so that its plan is empty. What a file cannot say is not
// owned; a comment and a Note say what it is and why. org is as it was read,
// with the routes, skills, languages and groups that the queue uses; what was
// not read, such as members, stays out.
func Import(org routing.Org, queue routing.Queue) ([]byte, []Note, error) {
	im := &importer{org: org, queue: queue, skills: newPool(), languages: newPool(), groups: newPool(), agents: newPool()}
	if err := im.index(); err != nil {
		return nil, nil, fmt.Errorf("import queue %s: %w", queue.Ref, err)
	}
	im.write()
	_, problems := Parse(queue.Name+".yaml", []byte(im.b.String()))
	if err := problems.Err(); err != nil {
		return nil, nil, fmt.Errorf("import queue %s: %w", queue.Ref, err)
	}
	out, err := Format(queue.Name+".yaml", []byte(im.b.String()))
	if err != nil {
		return nil, nil, fmt.Errorf("import queue %s: %w", queue.Ref, err)
	}
	return out, im.notes, nil
}

func (im *importer) index() error {
	q := im.queue
	switch {
	case strings.TrimSpace(q.Name) == "":
		return errors.New("it has no name, and a file calls queues by name")
	case looksLikeID.MatchString(q.Name):
		return errors.New("its name cannot be told from an id; rename it on the platform")
	}
	for _, r := range im.org.Skills {
		im.skills.add(r.ID, r.Name)
	}
	for _, r := range im.org.Languages {
		im.languages.add(r.ID, r.Name)
	}
	for _, r := range im.org.SkillGroups {
		im.groups.add(r.ID, r.Name)
	}
	for _, a := range im.org.Agents {
		im.agents.add(a.ID, strings.ToLower(a.Email))
		if !strings.Contains(a.Name, "@") {
			im.agents.add(a.ID, a.Name)
		} else if other := im.agents.ids[a.Name]; other != nil {
			other[a.ID] = true // a name that is another agent's address names nobody
		}
	}
	for _, other := range append(slices.Clip(im.org.Queues), q) {
		if other.Name == q.Name && other.ID != q.ID {
			return fmt.Errorf("another queue has the same name (id %s); rename one of them on the platform", other.ID)
		}
		if other.Settings.Groups != nil {
			for _, g := range *other.Settings.Groups {
				im.groups.add(g.ID, g.Name)
			}
		}
		if other.Settings.Rings != nil {
			for _, r := range *other.Settings.Rings {
				for _, g := range r.Groups {
					im.groups.add(g.ID, g.Name)
				}
			}
		}
	}
	return nil
}

func (im *importer) line(format string, args ...any) { fmt.Fprintf(&im.b, format+"\n", args...) }

// left says, as a comment and a Note, what is not owned and why.
func (im *importer) left(field, format string, args ...any) {
	n := Note{Field: field, Text: fmt.Sprintf(format, args...)}
	im.notes = append(im.notes, n)
	im.b.WriteString(comment("", n.String()))
}

// name is the strategy's name: the queue's, with a part of its id where another
// queue would get the same.
func (im *importer) name() string {
	name := slug(im.queue.Name)
	for _, other := range im.org.Queues {
		if other.ID != im.queue.ID && slug(other.Name) == name {
			return strings.TrimRight(name[:min(len(name), 55)], "-") + "-" + slug(im.queue.ID[:min(len(im.queue.ID), 8)])
		}
	}
	return name
}

func (im *importer) write() {
	s := im.queue.Settings
	im.line("# As the queue was on the platform when it was imported. What is left out here is")
	im.line("# left alone there.")
	im.line("version: 1")
	im.line("name: %s", yamlfile.Text(im.name()))
	im.line("queue: %s", yamlfile.Text(im.queue.Name))
	im.line("")
	if sl := s.ServiceLevel; sl != nil {
		if sl.Percent > 100 || sl.Percent < 0 || sl.Percent > 0 && sl.Percent <= 1 || time.Duration(sl.Within) < time.Second {
			im.left("serviceLevel", "%s is outside of what a file can say (0 or more than 1 to 100 percent, 1s and more)", sl)
		} else {
			im.line("serviceLevel: %s", serviceLevelText(sl.Percent, sl.Within))
		}
		im.line("")
	}
	im.routes()
	enum(im, "agents", s.Agents)
	enum(im, "order", s.Order)
	enum(im, "lastAgent", s.LastAgent)
	if s.Alert != nil {
		if d := time.Duration(*s.Alert); d < minAlert || d%time.Second != 0 {
			im.left("alert", "%s is outside of what a file can say (whole seconds, 7s and more)", s.Alert)
		} else {
			im.line("alert: %s", s.Alert)
		}
	}
	im.wrapUp(s.WrapUp)
	im.members()
	im.capacity()
	im.rings(s.Rings)
}

// enum writes a text that is one of several, if it is.
func enum[T ~string](im *importer, key string, v *T) {
	if v == nil {
		return
	}
	if !slices.Contains(enumOf[Strategy](key), string(*v)) {
		im.left(key, "the platform says %q, which is not known here", string(*v))
		return
	}
	im.line("%s: %s", key, *v)
}

func (im *importer) wrapUp(w *routing.WrapUp) {
	switch {
	case w == nil:
	case !slices.Contains(enumOf[WrapUp]("mode"), string(w.Mode)):
		im.left("wrapUp", "the platform says %q, which is not known here", string(w.Mode))
	case !w.Mode.HasTimeout() || w.Timeout == nil:
		im.line("wrapUp: { mode: %s }", w.Mode)
	case time.Duration(*w.Timeout) < minTimeout || time.Duration(*w.Timeout) > maxTimeout || time.Duration(*w.Timeout)%time.Millisecond != 0:
		im.left("wrapUp", "the timeout %s is outside of what a file can say (1s to 60m)", w.Timeout)
	default:
		im.line("wrapUp: { mode: %s, timeout: %s }", w.Mode, w.Timeout)
	}
}

// routes writes the addresses that lead to the queue and the rules that they
// follow: one for all that ask for the same.
func (im *importer) routes() {
	type rule struct{ name, asks string }
	var rules []rule
	seen := map[routing.Address]bool{}
	domains := map[string]bool{}
	first := true
	for _, r := range im.org.Routes {
		if r.Flow != nil || r.Settings.Queue == nil || r.Settings.Queue.ID != im.queue.ID {
			continue
		}
		text := r.Address.String()
		parsed, err := Address{Address: text}.parse()
		from := ""
		if r.Settings.From != nil {
			from = *r.Settings.From
		}
		switch {
		case err != nil || parsed != r.Address || strings.Count(text, "@") != 1 || !domainName.MatchString(parsed.Domain):
			im.left("addresses", "%q is not an address that a file can say", text)
			continue
		case seen[r.Address]:
			im.left("addresses", "%s has more than one route", text)
			continue
		case strings.TrimSpace(from) == "":
			im.left("addresses", "%s has no name that replies are sent from", text)
			continue
		}
		seen[r.Address], domains[r.Address.Domain] = true, true
		asks := im.asks(text, r.Settings)
		i := slices.IndexFunc(rules, func(x rule) bool { return x.asks == asks })
		if i < 0 {
			name := r.Address.Local
			for n := 2; name == None || strings.TrimSpace(name) == "" || slices.ContainsFunc(rules, func(x rule) bool { return x.name == name }); n++ {
				name = fmt.Sprintf("%s-%d", r.Address.Local, n)
			}
			i, rules = len(rules), append(rules, rule{name, asks})
		}
		if first {
			im.line("addresses:")
			first = false
		}
		im.line("  - { address: %s, rule: %s, from: %s }", yamlfile.Text(text), yamlfile.Text(rules[i].name), yamlfile.Text(from))
	}
	for _, r := range im.org.Routes {
		if r.Flow != nil && domains[r.Address.Domain] {
			im.left("addresses", "%s is answered by the flow %s, which is never touched", r.Address, r.Flow)
		}
	}
	if !first {
		im.line("")
		im.line("rules:")
		for _, r := range rules {
			im.b.WriteString("  - name: " + yamlfile.Text(r.name) + "\n" + r.asks)
		}
	}
}

// asks writes what a route asks for, as the keys of a rule.
func (im *importer) asks(address string, s routing.RouteSettings) string {
	var b strings.Builder
	if s.Priority != nil {
		if *s.Priority < -routing.MostPriority || *s.Priority > routing.MostPriority {
			im.left("rules", "the priority %d of %s is out of bounds", *s.Priority, address)
		} else {
			fmt.Fprintf(&b, "    priority: %d\n", *s.Priority)
		}
	}
	if s.Skills != nil {
		if list, err := im.skills.list(*s.Skills); err != nil {
			im.left("rules", "the skills of %s: %v", address, err)
		} else {
			fmt.Fprintf(&b, "    skills: %s\n", flowList(list))
		}
	}
	if s.Language != nil {
		name, err := im.languages.name(*s.Language)
		switch {
		case *s.Language == routing.Ref{}:
			fmt.Fprintf(&b, "    language: %s\n", None)
		case err != nil:
			im.left("rules", "the language of %s: %v", address, err)
		case name == None:
			im.left("rules", "the language of %s is named none, which in a file means no language", address)
		default:
			fmt.Fprintf(&b, "    language: %s\n", yamlfile.Text(name))
		}
	}
	return b.String()
}

func (im *importer) members() {
	agents, groups := "", ""
	if im.queue.Members != nil {
		refs := []routing.Ref{}
		for _, m := range im.queue.Members {
			if !m.ByGroup {
				refs = append(refs, m.Ref)
			}
		}
		if list, err := im.agents.list(refs); err != nil {
			im.left("members.agents", "not owned, because one of the %d cannot be named: %v", len(refs), err)
		} else {
			agents = "  agents: " + flowList(list) + "\n"
		}
	}
	if g := im.queue.Settings.Groups; g != nil {
		if list, err := im.groups.list(groupRefs(*g)); err != nil {
			im.left("members.groups", "not owned, because one of the %d cannot be named: %v", len(*g), err)
		} else {
			groups = "  groups: " + flowList(list) + "\n"
		}
	}
	if agents+groups != "" {
		im.b.WriteString("members:\n" + agents + groups)
	}
}

// capacity is owned only where every member has a number of their own, and all
// the same.
func (im *importer) capacity() {
	email := -1
	for i, m := range im.queue.Members {
		u, read := im.org.Utilization[m.ID]
		if !read || !u.Own || u.Settings.Email == nil || *u.Settings.Email < 0 || *u.Settings.Email > 25 || i > 0 && *u.Settings.Email != email {
			if read {
				im.left("capacity", "not owned, because not all members have the same number of their own")
			}
			return
		}
		email = *u.Settings.Email
	}
	if email >= 0 {
		im.line("capacity: { email: %d }", email)
	}
}

// rings writes bullseye rings as steps of relaxation.
func (im *importer) rings(live *routing.Rings) {
	if live == nil {
		return
	}
	rings := *live
	// A trailing ring that nothing happens on entering means nothing.
	for n := len(rings); n > 0 && len(rings[n-1].Groups) == 0 && (n == 1 || len(rings[n-2].Drop) == 0); n = len(rings) {
		rings = rings[:n-1]
	}
	if len(rings) == 0 {
		im.line("relax: []")
		return
	}
	var steps strings.Builder
	why := ""
	switch {
	case len(rings[0].Groups) > 0:
		why = "the first ring has groups of its own, and a file only adds groups later"
	case len(rings) > routing.MaxRings:
		why = fmt.Sprintf("%d rings are more than a file can say", len(rings))
	}
	var after time.Duration
	for i := 0; i < len(rings)-1 && why == ""; i++ {
		ring, next := rings[i], rings[i+1]
		drop, dropErr := im.skills.list(ring.Drop)
		add, addErr := im.groups.list(groupRefs(next.Groups))
		switch {
		case ring.Wait == nil || *ring.Wait <= 0 || time.Duration(*ring.Wait) > maxWait:
			why = fmt.Sprintf("ring %d has no wait between 0 and 72h", i+1)
		case len(drop) == 0 && len(add) == 0 && dropErr == nil && addErr == nil:
			why = fmt.Sprintf("nothing happens between ring %d and the next", i+1)
		case len(drop) > maxDrop:
			why = fmt.Sprintf("ring %d drops %d skills", i+1, len(drop))
		case dropErr != nil:
			why = fmt.Sprintf("a skill of ring %d: %v", i+1, dropErr)
		case addErr != nil:
			why = fmt.Sprintf("a group of ring %d: %v", i+2, addErr)
		default:
			after += time.Duration(*ring.Wait)
			fmt.Fprintf(&steps, "  - { after: %s", routing.Duration(after))
			if len(drop) > 0 {
				steps.WriteString(", drop: " + flowList(drop))
			}
			if len(add) > 0 {
				steps.WriteString(", add: " + flowList(add))
			}
			steps.WriteString(" }\n")
		}
	}
	if why != "" {
		im.left("relax", "the rings are not owned: %s (%s)", why, live)
		return
	}
	im.b.WriteString("relax:\n" + steps.String())
}

func groupRefs(groups []routing.Group) []routing.Ref {
	refs := make([]routing.Ref, len(groups))
	for i, g := range groups {
		refs[i] = g.Ref
	}
	return refs
}

// enumOf lists the texts that a key of the format takes.
func enumOf[T any](key string) []string { return yamlfile.Enum[T](key) }
