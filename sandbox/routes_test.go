package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

func TestARouteBecomesActiveAndGoes(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{ActivationDelay: 30 * time.Second})
	support := map[string]any{"id": x.named("/api/v2/routing/queues", "Support Email")["id"]}
	body := map[string]any{"pattern": "vip", "fromName": "VIP desk", "queue": support}

	r := x.call("POST", routes, body)
	made := r.object(t)
	if r.status != 202 || made["status"] != "Pending" {
		t.Fatalf("%d %s, want 202 and Pending", r.status, r.body)
	}
	path := fmt.Sprint(routes, "/", made["id"])
	wants := func(status string) {
		t.Helper()
		if got := x.ok("GET", path, nil)["status"]; got != status {
			t.Fatalf("status %v, want %s", got, status)
		}
	}
	clock.Advance(29 * time.Second)
	wants("Pending")
	clock.Advance(time.Second)
	wants("Active")

	body["priority"] = 240
	if r := x.call("PUT", path, body); r.status != 202 {
		t.Fatalf("PUT: %d, want 202", r.status)
	}
	wants("Pending")
	clock.Advance(30 * time.Second)
	wants("Active")
	if err := x.SetRouteStatus("VIP@help.example.com", "Error"); err != nil {
		t.Fatal(err)
	}
	wants("Error")

	if r := x.call("DELETE", path, nil); r.status != 202 {
		t.Fatalf("DELETE: %d, want 202", r.status)
	}
	wants("Removing")
	x.refused("DELETE", path, nil, 404, "postino.error.not.found")
	x.refused("POST", routes, body, 400, "postino.route.pattern.exists")
	clock.Advance(30 * time.Second)
	x.refused("GET", path, nil, 404, "postino.error.not.found")
	x.ok("POST", routes, body)

	var rows []string
	for _, a := range x.Audits() {
		rows = append(rows, fmt.Sprint(a.Service, " ", a.EntityType, " ", a.Action, " ", a.EntityName, " ", len(a.Changes)))
	}
	want := []string{
		"Emails InboundRoute Create vip@help.example.com 3",
		"Emails InboundRoute Update vip@help.example.com 1",
		"Emails InboundRoute Delete vip@help.example.com 0",
		"Emails InboundRoute Create vip@help.example.com 4",
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Errorf("audit rows (-want +got):\n%s", d)
	}
}

func TestWithoutADelayRoutesAreActiveAtOnce(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	r := x.call("POST", routes, map[string]any{"pattern": "vip", "fromName": "VIP", "flow": map[string]any{"id": "f"}})
	if r.status != 200 || r.object(t)["status"] != "Active" {
		t.Fatalf("%d %s, want 200 and Active", r.status, r.body)
	}
}

func TestWhatARouteRefuses(t *testing.T) {
	t.Parallel()
	// queue stands for the id of Support Email.
	tests := map[string]struct{ body, code string }{
		"neither queue nor flow":          {`{"pattern":"a","fromName":"A"}`, "postino.error.queue.required"},
		"queue and flow":                  {`{"pattern":"a","fromName":"A","queue":{"id":"QUEUE"},"flow":{"id":"f"}}`, "postino.invalid.route"},
		"a queue that does not exist":     {`{"pattern":"a","fromName":"A","queue":{"id":"none"}}`, "postino.invalid.route"},
		"a skill that does not exist":     {`{"pattern":"a","fromName":"A","queue":{"id":"QUEUE"},"skills":[{"id":"none"}]}`, "postino.invalid.route"},
		"a language that does not exist":  {`{"pattern":"a","fromName":"A","queue":{"id":"QUEUE"},"language":{"id":"none"}}`, "postino.invalid.route"},
		"a pattern that is there already": {`{"pattern":"SUPPORT","fromName":"A","queue":{"id":"QUEUE"}}`, "postino.route.pattern.exists"},
		"a pattern that is no local part": {`{"pattern":"a b@c","fromName":"A","queue":{"id":"QUEUE"}}`, "postino.error.bad.address"},
		"a priority out of range":         {`{"pattern":"a","fromName":"A","queue":{"id":"QUEUE"},"priority":25000001}`, "postino.invalid.route"},
		"an empty sender":                 {`{"pattern":"a","fromName":" ","queue":{"id":"QUEUE"}}`, "postino.invalid.route"},
		"no sender":                       {`{"pattern":"a","queue":{"id":"QUEUE"}}`, "constraint.validation"},
		"two ways to reply":               {`{"pattern":"a","fromName":"A","queue":{"id":"QUEUE"},"fromEmail":"a@b.c","replyEmailAddress":{"domain":{"id":"help.example.com"},"route":{"id":"r","pattern":"a","fromName":"b"}}}`, "postino.invalid.route"},
		"a reply address without a route": {`{"pattern":"a","fromName":"A","queue":{"id":"QUEUE"},"replyEmailAddress":{"domain":{"id":"help.example.com"}}}`, "reply.route.id.required"},
		"51 blind copies":                 {`{"pattern":"a","fromName":"A","queue":{"id":"QUEUE"},"autoBcc":[` + strings.Repeat(`{"email":"a@b.c"},`, 50) + `{"email":"a@b.c"}]}`, "postino.max.autobcc.exceeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, sandbox.Options{})
			id := fmt.Sprint(x.named("/api/v2/routing/queues", "Support Email")["id"])
			x.refused("POST", routes, strings.ReplaceAll(tt.body, "QUEUE", id), 400, tt.code)
			if n := len(x.Audits()); n != 0 {
				t.Errorf("a refused route left %d audit rows", n)
			}
		})
	}
}

func TestAReplyRouteCannotGo(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	all := entities(x.ok("GET", routes+"?pattern=support", nil))
	support := fmt.Sprint(all[0]["id"])
	queue := all[0]["queue"]
	reply := map[string]any{
		"domain": map[string]any{"id": "help.example.com"},
		"route":  map[string]any{"id": support},
	}
	x.ok("PUT", routes+"/"+support, map[string]any{"pattern": "support", "fromName": "A", "queue": queue, "replyEmailAddress": reply})
	made := x.ok("POST", routes, map[string]any{"pattern": "vip", "fromName": "A", "queue": queue, "replyEmailAddress": reply})
	x.refused("DELETE", routes+"/"+support, nil, 409, "postino.route.conflict")
	x.ok("DELETE", fmt.Sprint(routes, "/", made["id"]), nil)
	x.ok("DELETE", routes+"/"+support, nil) // a route may reply as itself
}

func TestADomainTakes1000Routes(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{Empty: true})
	x.Populate(1, 1000)
	queue := map[string]any{"id": x.named("/api/v2/routing/queues", "Queue 0001")["id"]}
	path := "/api/v2/routing/email/domains/mail1.example.net/routes"
	x.refused("POST", path, map[string]any{"pattern": "one.more", "fromName": "A", "queue": queue}, 400, "postino.max.routes.exceeded")
}

func TestDomains(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := "/api/v2/routing/email/domains"
	x.refused("POST", path, map[string]any{"id": "help.example.com"}, 400, "postino.domain.exists")
	x.refused("POST", path, map[string]any{"id": "not a domain"}, 400, "postino.invalid.domain.name")
	x.ok("POST", path, map[string]any{"id": "Shop.example.com", "subDomain": false})
	x.refused("POST", path, map[string]any{"id": "third.example.com"}, 400, "postino.max.domains.exceeded")
	if got := x.ok("GET", path+"/shop.example.com", nil); got["name"] != "shop.example.com" || got["mxRecordStatus"] != "VALID" {
		t.Errorf("domain %v", got)
	}
	imap := map[string]any{"integration": map[string]any{"id": "3b1c4a52-0000-4000-8000-5d1f6a1f3c11"}}
	x.ok("PATCH", path+"/shop.example.com", map[string]any{"mailFromSettings": map[string]any{"mailFromDomain": "mail.example.com"}, "imapSettings": imap})
	if got := x.ok("GET", path+"/shop.example.com", nil); !cmp.Equal(got["mailFromSettings"], map[string]any{"mailFromDomain": "mail.example.com"}) || !cmp.Equal(got["imapSettings"], imap) {
		t.Errorf("domain %v", got)
	}
	x.ok("DELETE", path+"/shop.example.com", nil)
	x.refused("GET", path+"/shop.example.com", nil, 404, "postino.domain.not.found")
	x.refused("GET", path+"/shop.example.com/routes", nil, 404, "not.found")
	x.refused("POST", path+"/shop.example.com/routes", map[string]any{"pattern": "a", "fromName": "A", "flow": map[string]any{"id": "f"}}, 404, "postino.error.not.found")
}

func TestSkillsAndLanguages(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	x.refused("POST", "/api/v2/routing/skills", map[string]any{"name": "billing"}, 400, "general.conflict")
	x.refused("POST", "/api/v2/routing/languages", map[string]any{"name": "German"}, 400, "general.conflict")
	made := x.ok("POST", "/api/v2/routing/skills", map[string]any{"name": "Gift Cards"})
	path := fmt.Sprint("/api/v2/routing/skills/", made["id"])
	x.ok("DELETE", path, nil)
	x.refused("GET", path, nil, 404, "skillsservice.skillnotfound")
	x.refused("GET", "/api/v2/routing/languages/none", nil, 404, "not.found")
}
