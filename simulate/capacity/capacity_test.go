package capacity_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/foresort/foresort/simulate/capacity"
)

// check runs a case from JSON to JSON.
func check(in texts) (string, error) {
	rules, p1 := capacity.ReadPayload("rules.json", []byte(in.Rules))
	emails, p2 := capacity.ReadEmails("emails.json", []byte(in.Emails), rules)
	agents, p3 := capacity.ReadAgents("agents.json", []byte(in.Agents), rules)
	if err := errors.Join(p1.Err(), p2.Err(), p3.Err()); err != nil {
		return "", err
	}
	result := capacity.Check(capacity.Input{Rules: rules, Emails: emails, Agents: agents})
	var out bytes.Buffer
	err := result.WriteJSON(&out)
	return out.String(), err
}

func mustCheck(t testing.TB, in texts) string {
	t.Helper()
	out, err := check(in)
	if err != nil {
		t.Fatalf("%v\nof %+v", err, in)
	}
	return out
}
