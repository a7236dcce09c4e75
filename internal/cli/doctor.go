package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

// doctorOptions are the arguments of foresort doctor.
type doctorOptions struct {
	Files []string // strategies whose needs are checked
}

func doctorCommand(s *shell) *cobra.Command {
	var o doctorOptions
	return &cobra.Command{
		Use:     "doctor [FILE...]",
		GroupID: groupOrg,
		Short:   "check settings, sign-in, clock, permissions and budget",
		Long: `Doctor checks all that a run needs, and says for each thing that is wrong what to
do: settings, sign-in, token lifetime, clock, organisation, the permissions of the
client, request budget, state folder and proxy. It changes nothing.

With strategy files the permissions are those that plan and apply of these files
need. Without, they are those of everything Foresort can do, and a missing one is
only a warning.`,
		Example:           "  foresort doctor\n  foresort doctor examples/support.yaml --json",
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
}

// verdict is the outcome of one check.
type verdict string

const (
	good verdict = "ok"
	warn verdict = "warn"
	bad  verdict = "fail"
)

// check is one line of the doctor.
type check struct {
	Name    string  `json:"check"`
	Verdict verdict `json:"verdict"`
	Found   string  `json:"found"`
	Do      string  `json:"do,omitempty"` // what to do about it
	code    code    // the exit code, where it failed
}

// clockLimit is how far this machine's clock may be off before audit times
// and waits get confusing.
const clockLimit = 30 * time.Second

func (o doctorOptions) run(ctx context.Context, s *shell) error {
	checks, err := o.checks(ctx, s)
	if err != nil {
		return err
	}
	if err := s.print(map[string][]check{"checks": checks}, func(w io.Writer, p paint) error {
		return printChecks(w, p, checks)
	}); err != nil {
		return err
	}
	for _, c := range checks {
		if c.Verdict == bad {
			return exit(c.code)
		}
	}
	return nil
}

func printChecks(w io.Writer, p paint, checks []check) error {
	colour := map[verdict]func(string) string{good: p.green, warn: p.yellow, bad: p.red}
	for _, c := range checks {
		fmt.Fprintf(w, "%s  %-12s %s\n", colour[c.Verdict](fmt.Sprintf("%-4s", c.Verdict)), c.Name, c.Found)
		if c.Do != "" {
			fmt.Fprintf(w, "%19s-> %s\n", "", c.Do)
		}
	}
	return nil
}

// checks looks at this machine first, then at the platform as far as it gets.
func (o doctorOptions) checks(ctx context.Context, s *shell) ([]check, error) {
	need, err := o.needs(s)
	if err != nil {
		return nil, err
	}
	set, err := s.settings()
	if err != nil {
		return []check{s.broken(ctx, "settings", err)}, nil
	}
	checks := []check{stateCheck(set)}
	client, _, err := s.client()
	if err != nil {
		return append(checks, s.broken(ctx, "settings", err)), nil
	}
	defer client.Close()
	checks = append(checks, hostCheck(set, client), proxyCheck(client))

	p := s.progress("asking " + client.Host())
	defer p.end()
	token, err := client.Token(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return append(checks, s.signInCheck(ctx, set, err)), nil
	}
	checks = append(checks,
		check{Name: "sign-in", Verdict: good, Found: fmt.Sprintf("client %s (%s)", set.text("clientId"), set.from("clientId"))},
		check{Name: "token", Verdict: good, Found: "lives " + routing.Duration(token.Life).String()})
	org, err := client.Organization(ctx)
	if err != nil {
		checks = append(checks, s.broken(ctx, "organisation", err))
	} else {
		checks = append(checks, check{Name: "organisation", Verdict: good, Found: org.Name})
	}
	have, err := client.Permissions(ctx)
	if err != nil {
		checks = append(checks, s.broken(ctx, "permissions", err))
	} else {
		checks = append(checks, permissionChecks(need, have)...)
	}
	return append(checks, clockCheck(client), budgetCheck(client)), ctx.Err()
}

// broken is the check that an error ended.
func (s *shell) broken(ctx context.Context, name string, err error) check {
	r := s.judge(ctx, err)
	return check{Name: name, Verdict: bad, Found: r.Message, Do: strings.TrimSuffix(r.Hint, ": foresort doctor"), code: r.code}
}

// needs lists the operations of every command that talks to the platform.
func (o doctorOptions) needs(s *shell) ([]need, error) {
	if len(o.Files) == 0 {
		needs := needsOf(everything(), nil, "")
		for i := range needs {
			needs[i].surely = false
		}
		return needs, nil
	}
	var all []need
	for _, file := range o.Files {
		st, err := s.readStrategy(file)
		if err != nil {
			return nil, err
		}
		all = append(all, needsOf(st.Desired(), nil, " "+file)...)
	}
	return all, nil
}

// everything is a strategy that owns all that a strategy can own.
func everything() routing.Desired {
	var (
		one   = 1
		level routing.ServiceLevel
		rings = routing.Rings{{Drop: []routing.Ref{{Name: "any"}}, Groups: []routing.Group{{Ref: routing.Ref{Name: "any"}, Kind: routing.SkillGroup}}}}
		lang  = routing.Ref{Name: "any"}
	)
	return routing.Desired{
		Queue:    routing.DesiredQueue{Create: true, Settings: routing.QueueSettings{ServiceLevel: &level, Rings: &rings}},
		Routes:   []routing.DesiredRoute{{Settings: routing.RouteSettings{Priority: &one, Skills: &[]routing.Ref{lang}, Language: &lang}}},
		Members:  &[]string{"any"},
		Capacity: &routing.UtilizationSettings{Email: &one},
	}
}

func permissionChecks(needs []need, have []genesys.Permission) []check {
	var missing []check
	for _, l := range lacking(needs, have) {
		c := check{
			Name: "permission", Verdict: warn, Found: l.Permission + " is missing; needed by " + strings.Join(l.For, ", "),
			Do: "give a role that has it to the OAuth client (Admin, Integrations, OAuth)",
		}
		if l.Surely {
			c.Verdict, c.code = bad, exitDenied
		}
		missing = append(missing, c)
	}
	if len(missing) == 0 {
		return []check{{Name: "permissions", Verdict: good, Found: "all that is needed is there"}}
	}
	return missing
}

func hostCheck(set settings, client *genesys.Client) check {
	if url := set.text("gateway"); url != "" {
		return check{Name: "gateway", Verdict: good, Found: fmt.Sprintf("%s (%s)", url, set.from("gateway"))}
	}
	return check{Name: "region", Verdict: good, Found: fmt.Sprintf("%s, %s (%s)", set.text("region"), client.Host(), set.from("region"))}
}

func (s *shell) signInCheck(ctx context.Context, set settings, err error) check {
	c := s.broken(ctx, "sign-in", err)
	var api *genesys.APIError
	if errors.As(err, &api) && api.Status/100 == 4 {
		c.code = exitDenied
		c.Do = fmt.Sprintf("check id (%s) and secret (%s); a client works only in the region that it was made in (%s, %s)",
			set.from("clientId"), set.from("clientSecret"), set.text("region"), set.from("region"))
	}
	return c
}

func clockCheck(client *genesys.Client) check {
	skew, known := client.Skew()
	switch {
	case !known:
		return check{Name: "clock", Verdict: warn, Found: "the platform sent no time to compare with"}
	case skew.Abs() > clockLimit:
		return check{Name: "clock", Verdict: warn, Found: fmt.Sprintf("this machine is %s off the platform's clock", skew.Round(time.Second)), Do: "set the clock of this machine (NTP)"}
	}
	return check{Name: "clock", Verdict: good, Found: "agrees with the platform's to within " + max(skew.Abs().Round(time.Second), time.Second).String()}
}

func budgetCheck(client *genesys.Client) check {
	b := client.Remaining()
	c := check{Name: "budget", Verdict: good, Found: fmt.Sprintf("%d requests a minute, %d free now", b.PerMinute, b.Free)}
	if b.Seen {
		c.Found += fmt.Sprintf("; the platform says %d of %d are left", b.Left, b.Allowed)
		if b.Left*10 < b.Allowed {
			c.Verdict, c.Do = warn, "something else uses this client: give Foresort a client of its own"
		}
	}
	return c
}

func stateCheck(set settings) check {
	c := check{Name: "state", Verdict: good, Found: fmt.Sprintf("%s (%s)", set.text("state"), set.from("state"))}
	dir, err := set.stateDir()
	if err == nil {
		probe := filepath.Join(dir, ".doctor")
		if err = os.WriteFile(probe, nil, 0o600); err == nil {
			err = os.Remove(probe)
		}
	}
	if err != nil {
		c.Verdict, c.Found, c.code = bad, err.Error(), exitFailed
		c.Do = "name a folder that can be written to with --state"
	}
	return c
}

// proxyCheck says which proxy the client's requests go through.
func proxyCheck(client *genesys.Client) check {
	req, err := http.NewRequest(http.MethodGet, "https://"+client.Host()+"/", nil) //nolint:noctx // it is never sent
	if err != nil {
		return check{Name: "proxy", Verdict: warn, Found: err.Error()}
	}
	proxy, err := http.ProxyFromEnvironment(req)
	switch {
	case err == nil && proxy == nil:
		return check{Name: "proxy", Verdict: good, Found: "none"}
	// What cannot be read as a URL comes back with the whole text, password
	// and all, as its path.
	case err != nil, proxy.Hostname() == "", strings.Trim(proxy.Path, "/") != "":
		return check{Name: "proxy", Verdict: bad, Found: "HTTPS_PROXY is not the URL of a proxy", Do: "set it to a URL such as http://proxy.example.com:3128", code: exitInvalid}
	}
	return check{Name: "proxy", Verdict: good, Found: proxy.Scheme + "://" + proxy.Host}
}
