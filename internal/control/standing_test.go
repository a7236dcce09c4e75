package control_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/strategy"
)

// standings tells of every override that holds: field, standing, value, and who made
// what of it.
func (w *world) standings() (out []string) {
	w.t.Helper()
	looks, err := w.Watch(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range looks {
		all, err := w.Standings(w.t.Context(), l)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, lease := range l.Leases {
			for _, s := range all[lease.ID] {
				text := fmt.Sprintf("%s %s %s: %s", s.Field, s.Agent.Name, s.Is, s.Value)
				if s.Is == control.Changed {
					text += " -> " + s.Now
				}
				if s.By != nil {
					text += fmt.Sprintf(" by %s %s, run %t", s.By.Kind, s.By.Name, s.Run != "")
				}
				if known := s.By != nil; known == s.At.IsZero() {
					w.t.Errorf("%s: who and when go together: %v", text, s.At)
				}
				out = append(out, strings.ReplaceAll(strings.Join(strings.Fields(text), " "), " ,", ","))
			}
		}
	}
	return out
}

const allLevers = `adjust:
  mode: act
  rules:
    - name: surge
      when: waiting() > 5
      for: 1
      do: [{ tightenTarget: { by: 1h } }, { join: Back Office }, { leaveAgents: [Noor Haddad] }, { capacity: { email: 5 } }, { raisePriority: { rule: vip, by: 30 } }]
      lease: 4h
`

func TestAnOverrideTellsWhatSomebodyHasChangedOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+allLevers), append(many(15, "09:01 support 9h"), many(5, "09:01 vip 9h")...)...)
	w.ClientID = sandbox.DefaultClientID
	w.apply()
	noor := w.member("Noor Haddad")
	w.said(w.ticks(1), "09:01 surge begins")
	holds := w.standings()
	for _, want := range []string{"serviceLevel: 80% within 23h", "memberGroups: Back Office", "members Noor Haddad: no member", "email: 5", "priority: 30"} {
		field, value, _ := strings.Cut(want, ":")
		if want = field + " holds:" + value; !slices.Contains(holds, want) {
			t.Errorf("there is no %q in\n%s", want, strings.Join(holds, "\n"))
		}
	}
	for _, s := range holds {
		if !strings.Contains(s, " holds: ") {
			t.Errorf("nobody has changed anything: %s", s)
		}
	}

	// Looking once more costs the members, and nothing of what was not changed.
	looks, err := w.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.asks(looks[0], "GET */members")

	w.passes(time.Minute)
	w.edit(90)
	if err := w.client.AddMembers(t.Context(), w.queue().ID, []string{noor}); err != nil {
		t.Fatal(err)
	}
	var touched routing.WaitingEmail
	for _, e := range w.waiting() {
		if strings.HasPrefix(e.To, "vip@") {
			touched = e
		}
	}
	ten := 10
	if err := w.client.PatchWaitingEmail(t.Context(), touched.ConversationID, []routing.Field{"priority"}, routing.EmailSettings{Priority: &ten}); err != nil {
		t.Fatal(err)
	}
	w.changed(
		"serviceLevel changed: 80% within 23h -> 80% within 1h30m by person Sam Whitaker, run false",
		"members Noor Haddad changed: no member -> a member by foresort, run false", // by its client, and by no run
		"priority changed: 30 -> 10", // the platform keeps no record of that
	)
	if looks, err = w.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.asks(looks[0], "POST */audits/query/realtime", "GET */members")

	w.AddFault(fault(t, "POST */audits/query/realtime -> 403"))
	w.changed("serviceLevel changed: 80% within 23h -> 80% within 1h30m", "members Noor Haddad unknown: no member", "priority changed: 30 -> 10")
	w.AddFault(fault(t, "GET */members -> 503"))
	w.changed("serviceLevel changed: 80% within 23h -> 80% within 1h30m", "members Noor Haddad unknown: no member", "priority changed: 30 -> 10")
	w.ClearFaults()

	// Everything stays as they left it.
	w.ticks(250)
	if l := w.leases()[0]; l.Ended.IsZero() {
		t.Fatalf("it holds on: %+v", l.Lease)
	}
	if got := w.queue().Settings.ServiceLevel.Within; got != routing.Duration(90*time.Minute) || w.member("Noor Haddad") == "" {
		t.Errorf("the target is %s, Noor %q", got, w.member("Noor Haddad"))
	}
}

// What a run has changed that people asked for is told as such, without the trail.
func TestAnOverrideTellsWhatARunHasChangedOfIt(t *testing.T) {
	t.Parallel()
	const rules = "adjust:\n  mode: act\n  rules: [{ name: surge, when: waiting() > 5, for: 1, do: [{ tightenTarget: { by: 1h } }], lease: 4h }]\n"
	w := newWorld(t, file(rules), many(15, "09:01 support 9h")...)
	w.apply()
	w.said(w.ticks(1), "09:01 surge begins")
	parsed, _ := strategy.Parse("support.yaml", []byte(strings.Replace(file(rules), "within: 24h", "within: 8h", 1)))
	w.want = parsed.Desired()
	w.apply()
	w.ClearRequests()
	w.changed("serviceLevel changed: 80% within 23h -> 80% within 8h by foresort, run true")
	for _, r := range w.Requests() {
		if strings.Contains(r.Path, "audits") {
			t.Errorf("the trail was asked: %s", r.Path)
		}
	}
}

// changed fails unless that is all that does not stand as the override set it.
func (w *world) changed(want ...string) {
	w.t.Helper()
	w.said(slices.DeleteFunc(w.standings(), func(s string) bool { return strings.Contains(s, " holds: ") }), want...)
}

// asks fails unless telling of the overrides of a look takes these requests.
func (w *world) asks(l control.Look, want ...string) {
	w.t.Helper()
	w.ClearRequests()
	if _, err := w.Standings(w.t.Context(), l); err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, r := range w.Requests() {
		got = append(got, r.Method+" */"+r.Path[strings.LastIndex(r.Path, map[bool]string{true: "audits", false: "members"}[strings.Contains(r.Path, "audits")]):])
	}
	w.said(got, want...)
}

// member is the id of a member of the queue; empty: they are none.
func (w *world) member(name string) string {
	w.t.Helper()
	for m, err := range w.client.Members(w.t.Context(), w.queue().ID) {
		if err != nil {
			w.t.Fatal(err)
		}
		if m.Name == name {
			return m.ID
		}
	}
	return ""
}
