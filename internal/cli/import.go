package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// importOptions are the arguments of foresort import.
type importOptions struct {
	Queue             string
	All               bool
	Members, Capacity bool
	Out               string
	Force             bool
}

func importCommand(s *shell) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:     "import [QUEUE]",
		GroupID: groupOrg,
		Short:   "write a live queue and its routes as a strategy file",
		Long: `Import reads a live queue and the email routes that lead to it, and writes the
strategy file whose plan is empty. What a strategy cannot say becomes a comment and
is not owned. With --all it writes one file for each queue that email leads to, into
the folder of --out. It changes nothing on the platform.`,
		Example: `  foresort import "Support Email" > support-now.yaml
  foresort import "Support Email" --members --out support-all.yaml
  foresort import --all --out strategies`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Queue = args[0]
			}
			return o.run(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.All, "all", false, "every queue that has an email route, each in a file of its own")
	f.BoolVar(&o.Members, "members", false, "own the direct members too")
	f.BoolVar(&o.Capacity, "capacity", false, "own the members' email capacity too, where all have the same; one request for each member")
	f.StringVarP(&o.Out, "out", "o", "", "`file` to write, or with --all the folder; default: stdout, or with --all here")
	f.BoolVar(&o.Force, "force", false, "overwrite files")
	return cmd
}

// imported is what became of one queue.
type imported struct {
	Queue    string          `json:"queue"`
	File     string          `json:"file,omitempty"`
	Strategy string          `json:"strategy,omitempty"` // the text, where no file was written
	Notes    []strategy.Note `json:"notes"`
	src      []byte
}

func (o importOptions) run(ctx context.Context, s *shell) error {
	if o.All == (o.Queue != "") {
		return invalid("foresort import QUEUE, or foresort import --all", "name one queue, or all of them")
	}
	client, _, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	org, err := o.read(ctx, s, client)
	if err != nil {
		return err
	}
	done := []imported{}
	said := map[strategy.Note]bool{} // a route to a flow is a note of every queue
	for _, q := range org.Queues {
		if o.Queue != "" && q.Name != o.Queue || o.All && !hasRoute(org, q) {
			continue
		}
		src, notes, err := strategy.Import(org, q)
		if err != nil {
			return err
		}
		done = append(done, imported{Queue: q.Name, File: o.file(q), Notes: notes, src: src})
		for _, n := range notes {
			if !said[n] {
				s.say("%s: %s", q.Name, n)
			}
			said[n] = true
		}
	}
	if err := o.write(s, done); err != nil {
		return err
	}
	switch {
	case len(done) == 0 && o.Queue != "":
		hint := cmp.Or(nearest.Hint(o.Queue, names(org.Queues), '"'), "foresort import --all --out FOLDER writes every queue that email leads to")
		return invalid(hint, "no queue is named %q in %s", o.Queue, org.Name)
	case s.json:
		return s.print(done, nil)
	case o.All || o.Out != "":
		return s.print(done, func(w io.Writer, _ paint) error {
			for _, d := range done {
				fmt.Fprintf(w, "%s: %s\n", d.Queue, d.File)
			}
			return nil
		})
	}
	return nil
}

func (o importOptions) read(ctx context.Context, s *shell, client *genesys.Client) (routing.Org, error) {
	scope := genesys.Scope{
		Everything: o.All, AllRoutes: true, Skills: true, Languages: true, SkillGroups: true,
		Members: o.Members, AllAgents: o.Members, Capacity: o.Capacity,
	}
	if o.Queue != "" {
		scope.Queues = []string{o.Queue}
	}
	p := s.progress("reading the organisation")
	defer p.end()
	return client.ReadOrg(ctx, scope)
}

// file is where the strategy of a queue goes; empty: stdout.
func (o importOptions) file(q routing.Queue) string {
	if o.All {
		return filepath.Join(o.Out, fileName(q))
	}
	return o.Out
}

// write writes the strategies where they go, or none of them.
func (o importOptions) write(s *shell, done []imported) error {
	for _, d := range done {
		if _, err := os.Lstat(d.File); err == nil && !o.Force {
			return invalid("name another place with --out, or add --force", "%s is there already; nothing was written", d.File)
		}
	}
	if o.All {
		if err := os.MkdirAll(filepath.Clean(o.Out), 0o755); err != nil {
			return fmt.Errorf("make the folder of the strategies: %w", err)
		}
	}
	for i, d := range done {
		if d.File == "" && s.json {
			done[i].Strategy = string(d.src)
		} else if err := s.writeOutput(d.File, d.src, o.Force); err != nil {
			return err
		}
	}
	return nil
}

// fileName is the queue's name in letters that every file system takes; the
// start of its id tells apart what would be the same.
func fileName(q routing.Queue) string {
	plain := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(q.Name), "-"), "-")
	if plain != strings.ReplaceAll(strings.ToLower(q.Name), " ", "-") {
		plain = strings.TrimPrefix(plain+"-"+q.ID[:min(8, len(q.ID))], "-")
	}
	return plain + ".yaml"
}

func hasRoute(org routing.Org, q routing.Queue) bool {
	for _, r := range org.Routes {
		if r.Settings.Queue != nil && r.Settings.Queue.ID == q.ID {
			return true
		}
	}
	return false
}

func names(queues []routing.Queue) []string {
	out := make([]string, len(queues))
	for i, q := range queues {
		out[i] = q.Name
	}
	return out
}
