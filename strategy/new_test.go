package strategy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

func TestNewWritesWhatItWasTold(t *testing.T) {
	t.Parallel()
	text, err := strategy.New(strategy.Options{
		Queue: "Support: Email", Skills: []string{"Billing", "# odd"}, Percent: 90, Within: 4 * time.Hour,
		Addresses: []string{"support@help.example.com"}, Language: "English",
	})
	if err != nil {
		t.Fatal(err)
	}
	s, problems := strategy.Parse("new.yaml", text)
	if len(problems) > 0 {
		t.Fatalf("%s\n%s", problems, text)
	}
	d := s.Desired()
	if d.Strategy != "support-email" || d.Queue.Name != "Support: Email" {
		t.Errorf("name %q, queue %q", d.Strategy, d.Queue.Name)
	}
	if diff := cmp.Diff(&routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}, d.Queue.Settings.ServiceLevel); diff != "" {
		t.Errorf("service level (-want +got):\n%s", diff)
	}
	want := []routing.DesiredRoute{{Address: routing.Address{Local: "support", Domain: "help.example.com"}, Rule: "standard", Settings: routing.RouteSettings{
		Queue: &routing.Ref{Name: "Support: Email"}, From: new("Support: Email"), Priority: new(0),
		Skills: &[]routing.Ref{{Name: "Billing"}, {Name: "# odd"}}, Language: &routing.Ref{Name: "English"},
	}}}
	if diff := cmp.Diff(want, d.Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if len(line) > 100 {
			t.Errorf("a line that is hard to read: %s", line)
		}
	}
}

// A first file without addresses is fine: only a warning says what is left to do.
func TestNewIsValidForAnyNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := strategy.Options{Queue: anyName().Draw(t, "queue"), Percent: rapid.SampledFrom([]float64{0, 2, 87.5, 100}).Draw(t, "percent")}
		for range rapid.IntRange(0, 2).Draw(t, "skills") {
			o.Skills = append(o.Skills, anyName().Draw(t, "skill"))
		}
		text, err := strategy.New(o)
		if err != nil {
			t.Skip(err)
		}
		s, problems := strategy.Parse("new.yaml", text)
		if problems.Err() != nil {
			t.Fatalf("%v\n%s", problems, text)
		}
		if s.Queue != o.Queue || len(s.Rules) != 1 || !cmp.Equal(o.Skills, s.Rules[0].Skills) {
			t.Fatalf("queue %q, rules %+v of %+v", s.Queue, s.Rules, o)
		}
		if again, err := strategy.Format("new.yaml", text); err != nil || string(again) != string(text) {
			t.Fatalf("not in its usual form (%v):\n%s", err, text)
		}
	})
}

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		o    strategy.Options
		want string
	}{
		"no queue":         {strategy.Options{}, "a strategy needs the name of its queue"},
		"a fraction":       {strategy.Options{Queue: "Q", Percent: 0.9}, "serviceLevel.percent: 0.9 is a fraction; percent goes from 0 to 100 (write 90, not 0.9)"},
		"no address":       {strategy.Options{Queue: "Q", Addresses: []string{"support"}}, `addresses[0].address: "support" is not an email address`},
		"an id as a skill": {strategy.Options{Queue: "Q", Skills: []string{"3fb2a1c0-9d41-4f3e-8a57-0b6c1d2e3f40"}}, "is the id of a skill"},
		"too short":        {strategy.Options{Queue: "Q", Within: time.Millisecond}, "serviceLevel.within: 1ms is too short"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := strategy.New(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("err = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParseWithinTakesSecondsAndSpans(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"3600": time.Hour, "4h": 4 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := strategy.ParseWithin(text); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
	if _, err := strategy.ParseWithin("soon"); err == nil {
		t.Error("soon was taken for a time span")
	}
}
