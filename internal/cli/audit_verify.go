package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// This file proves the ledger and signs it. It needs no account where it is clear
// which organisation is meant.

// verifyOptions are the arguments of foresort audit verify.
type verifyOptions struct {
	Org         string
	Checkpoints string
	Evidence    string // a folder
}

func auditVerifyCommand(s *shell) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "prove that the ledger is as it was written",
		Long: `Verify goes through the whole ledger: the hash of every entry covers the entry before,
and signed checkpoints say what the hashes were. It holds the ledger against the
checkpoints in the database, their copies in the state folder, and those that were kept
elsewhere (--checkpoints), which prove it even to whoever could write to both. It names
the first entry that is not as it was, and ends with exit code 1.

It needs no account, unless several organisations have a ledger in the database and
--org does not name one.

With --evidence it checks the folder of an evidence pack (foresort report --change), and
needs no ledger: every entry of the ledger in it is the one that was signed; plan,
validation, results, activation and later runs are as they say; and every file has the
hash that the ledger was sealed with when the pack was made. A pack of before there were
seals is said to have none.`,
		Example: `  foresort apply examples/support.yaml --yes --quiet && foresort audit verify
  foresort audit checkpoint --out kept.jsonl && foresort audit verify --checkpoints kept.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for flag, value := range map[string]string{"evidence": o.Evidence, "checkpoints": o.Checkpoints} {
				if value == "" && cmd.Flags().Changed(flag) { // or something else would be proven
					return invalid("name what is to be checked, or leave it out", "--%s names nothing", flag)
				}
			}
			return o.run(cmd.Context(), s)
		},
	}
	cmd.Flags().StringVar(&o.Checkpoints, "checkpoints", "", "a `file` of checkpoints that were kept elsewhere")
	cmd.Flags().StringVar(&o.Org, "org", "", "the `id` of the organisation")
	cmd.Flags().StringVar(&o.Evidence, "evidence", "", "check a `folder` with an evidence pack instead")
	for _, flag := range []string{"org", "checkpoints"} {
		cmd.MarkFlagsMutuallyExclusive("evidence", flag)
	}
	return cmd
}

func auditCheckpointCommand(s *shell) *cobra.Command {
	var org, out string
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "sign the ledger now, and print the checkpoint",
		Long: `Checkpoint proves the ledger, signs it up to its newest entry, and prints the signed
checkpoint, to be kept where whoever can write to the database cannot write: "foresort
audit verify --checkpoints" holds the ledger against it. Every apply signs by itself, and
serve every --sweep; those checkpoints are in the database and in the state folder.`,
		Example: `  foresort apply examples/support.yaml --yes --quiet && foresort audit checkpoint --out kept.jsonl`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withLedger(cmd.Context(), org, nil, func(s *orgShell) error { return s.checkpoint(cmd.Context(), out) })
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "add it to a `file`, a line each, in place of stdout")
	cmd.Flags().StringVar(&org, "org", "", "the `id` of the organisation")
	return cmd
}

func auditKeyCommand(s *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "show the public key that signs the ledger on this machine",
		Long: `Key shows the public key by which this machine signs checkpoints (ed25519, base64), and
its fingerprint, which "foresort audit verify" shows. The key is made where there is none.`,
		Example: "  foresort audit key",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			set, err := s.settings()
			if err != nil {
				return err
			}
			state, err := set.stateDir()
			if err != nil {
				return err
			}
			key, err := ledger.LoadKey(keyFile(state))
			if err != nil {
				return err
			}
			k := signer{key.Public(), ledger.Fingerprint(key.Public()), true}
			return s.print(k, func(w io.Writer, _ paint) error {
				_, err := fmt.Fprintf(w, "%s\nfingerprint %s\n", k.Public, k.Fingerprint)
				return err
			})
		},
	}
}

func keyFile(state string) string { return filepath.Join(state, "ledger.key") }

var errNoLedger = errors.New("there is no ledger")

// withLedger does something with the ledger of an organisation, which has none of
// the platform. Where it is not clear which one is meant, the platform is asked.
func (s *shell) withLedger(ctx context.Context, org string, kept []ledger.Checkpoint, do func(*orgShell) error) error {
	set, err := s.settings()
	if err != nil {
		return err
	}
	state, err := set.stateDir()
	if err != nil {
		return err
	}
	db, err := openStore(ctx, set, state)
	if err != nil {
		return err
	}
	orgs, err := ledger.Orgs(ctx, db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	copies, _ := filepath.Glob(filepath.Join(state, "*", "checkpoints.jsonl")) // the pattern is good
	for _, file := range copies {
		orgs = append(orgs, filepath.Base(filepath.Dir(file)))
	}
	for _, c := range kept {
		orgs = append(orgs, c.Org)
	}
	slices.Sort(orgs)
	orgs = slices.Compact(orgs)
	switch {
	case len(orgs) == 0:
		err = invalid("name the right one with --state or --database", "%w in %s yet", errNoLedger, db)
	case org != "" && !slices.Contains(orgs, org):
		err = invalid("there are: "+strings.Join(orgs, ", "), "there is no ledger of organisation %s in %s", org, db)
	case org == "" && len(orgs) > 1:
		if err := db.Close(); err != nil {
			return err
		}
		if _, err := set.genesys(); err != nil {
			return invalid("name one with --org: "+strings.Join(orgs, ", "), "%d organisations have a ledger in %s", len(orgs), db)
		}
		return s.withOrg(ctx, do)
	default:
		if org == "" {
			org = orgs[0]
		}
		err = do(&orgShell{shell: s, org: routing.Ref{ID: org}, store: db, ledger: ledger.New(db, org), state: state})
	}
	return errors.Join(err, db.Close())
}

// signer is a key that signed.
type signer struct {
	Public      string `json:"public"`
	Fingerprint string `json:"fingerprint"`
	ThisMachine bool   `json:"thisMachine"`
}

// proof is what is said of a ledger.
type proof struct {
	Org         string    `json:"org"`
	OK          bool      `json:"ok"`
	Entries     int64     `json:"entries"`     // that are good, from the first
	Unsigned    int64     `json:"unsigned"`    // of these after the last checkpoint
	Checkpoints int       `json:"checkpoints"` // that agree
	Hash        string    `json:"hash"`        // of the last good entry
	Keys        []signer  `json:"keys"`
	Problem     string    `json:"problem,omitempty"`
	Bad         *badEntry `json:"bad,omitempty"`
}

// badEntry is the first entry that is not as it was. What it says of itself is empty
// where it is missing.
type badEntry struct {
	Seq     int64       `json:"seq"`
	Kind    ledger.Kind `json:"kind,omitempty"`
	Subject string      `json:"subject,omitempty"`
	At      time.Time   `json:"at,omitzero"`
}

func (o verifyOptions) run(ctx context.Context, s *shell) error {
	if o.Evidence != "" {
		return s.checkEvidence(o.Evidence)
	}
	var kept []ledger.Checkpoint
	if o.Checkpoints != "" {
		b, name, err := s.readInput(o.Checkpoints)
		if err != nil {
			return err
		}
		if kept, err = ledger.ReadCheckpoints(b); err != nil {
			return invalid("", "%s: %w", name, err)
		}
		if len(kept) == 0 {
			return invalid("foresort audit checkpoint --out makes them", "there is no checkpoint in %s", name)
		}
	}
	return s.withLedger(ctx, o.Org, kept, func(s *orgShell) error {
		mine := slices.DeleteFunc(slices.Clone(kept), func(c ledger.Checkpoint) bool { return c.Org != s.org.ID })
		if len(kept) > 0 && len(mine) == 0 {
			return invalid("", "no checkpoint in %s is of organisation %s", o.Checkpoints, s.org.ID)
		}
		p, err := s.prove(ctx, mine)
		if err != nil {
			return err
		}
		if err := s.print(p, p.text); err != nil {
			return err
		}
		return p.err()
	})
}

// prove holds the ledger against all checkpoints that there are.
func (s *orgShell) prove(ctx context.Context, kept []ledger.Checkpoint) (proof, error) {
	p := proof{Org: s.org.ID, Keys: []signer{}}
	b, err := os.ReadFile(s.checkpointsFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	copies, err := ledger.ReadCheckpoints(b)
	if err != nil {
		return p, fmt.Errorf("%s: %w", s.checkpointsFile(), err)
	}
	v, err := s.ledger.Verify(ctx, append(slices.Clone(kept), copies...)...)
	if err != nil {
		return p, err
	}
	p.OK, p.Entries, p.Unsigned, p.Checkpoints, p.Hash, p.Problem = v.OK(), v.Entries, v.Unsigned, v.Checkpoints, v.Hash, v.Problem
	mine := ""
	if _, err := os.Stat(keyFile(s.state)); err == nil { // it is not made here
		key, err := ledger.LoadKey(keyFile(s.state))
		if err != nil {
			return p, err
		}
		mine = key.Public()
	}
	for _, k := range v.Keys {
		p.Keys = append(p.Keys, signer{k, ledger.Fingerprint(k), k == mine})
	}
	if v.Bad == 0 {
		return p, nil
	}
	p.Bad = &badEntry{Seq: v.Bad}
	for e, err := range s.ledger.Entries(ctx, ledger.Filter{After: v.Bad - 1}) {
		if err != nil {
			return p, err
		}
		if e.Seq == v.Bad {
			p.Bad.Kind, p.Bad.Subject, p.Bad.At = e.Kind, e.Subject, e.At
		}
		break
	}
	return p, nil
}

// err says that a ledger is bad.
func (p proof) err() error {
	if p.OK {
		return nil
	}
	return &failure{
		code: exitFailed, err: fmt.Errorf("%w: %s", ledger.ErrDamaged, p.Problem),
		hint: "find out who could write to the database, and restore it from a copy that verifies",
	}
}

func (p proof) text(w io.Writer, c paint) error {
	verdict := c.green("is as it was written")
	if !p.OK {
		verdict = c.red("is not as it was written")
	}
	fmt.Fprintf(w, "The ledger of organisation %s %s.\n", p.Org, verdict)
	if p.Bad != nil {
		fmt.Fprintf(w, "First bad entry: %d", p.Bad.Seq)
		if p.Bad.Kind != "" {
			fmt.Fprintf(w, ", which says that it is a %s about %s of %s", sheet.Plain(string(p.Bad.Kind)), sheet.Plain(p.Bad.Subject), p.Bad.At.Format("2006-01-02 15:04:05 UTC"))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "Good entries, from the first on: %d; of these not signed yet: %d. Checkpoints that agree: %d.\n", p.Entries, p.Unsigned, p.Checkpoints)
	for _, k := range p.Keys {
		whose := "this machine's"
		if !k.ThisMachine {
			whose = c.yellow("not this machine's") + ": compare it with `foresort audit key` on the machine that signed"
		}
		fmt.Fprintf(w, "Signed by key %s, %s\n", k.Fingerprint, whose)
	}
	if len(p.Keys) == 0 {
		fmt.Fprintln(w, "Nothing is signed: whoever can write to the database could have made it anew.")
	}
	return nil
}

// checkpoint proves the ledger, signs it, and hands the checkpoint out.
func (s *orgShell) checkpoint(ctx context.Context, out string) error {
	p, err := s.prove(ctx, nil)
	if err != nil {
		return err
	}
	if err := p.err(); err != nil {
		return err
	}
	key, err := ledger.LoadKey(keyFile(s.state))
	if err != nil {
		return err
	}
	c, err := s.ledger.Sign(ctx, key)
	if err != nil {
		return err
	}
	if c != nil {
		if err := c.Keep(s.checkpointsFile()); err != nil {
			return err
		}
	} else { // the newest entry has one
		all, err := s.ledger.Checkpoints(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return invalid("", "there is nothing to sign: the ledger of organisation %s has no entries", s.org.ID)
		}
		c = &all[len(all)-1]
	}
	if out != "" && out != "-" {
		if err := c.Keep(out); err != nil {
			return err
		}
		s.say("entry %d is signed; added to %s", c.Seq, out)
		return nil
	}
	return s.print(c, func(w io.Writer, _ paint) error { return json.NewEncoder(w).Encode(c) })
}
