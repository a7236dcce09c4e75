package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/strategy"
)

// convertOptions are the arguments of foresort convert.
type convertOptions struct {
	Payload string
	Skills  string // file of ids and names
	Live    bool
	strategy.ConvertOptions
	Out   string
	Force bool
}

func convertCommand(s *shell) *cobra.Command {
	var o convertOptions
	cmd := &cobra.Command{
		Use:     "convert PAYLOAD.json",
		GroupID: groupFile,
		Short:   "turn a JSON payload of routing rules into a strategy file",
		Long: `Convert reads a JSON payload with routingRules, slaPercent, slaTarget, wrapUpPolicy
and queueType, and writes the strategy file that means the same on the platform. What
has no counterpart there is named, on stderr and in the file. "-" reads stdin.

Skill ids become names with --skills, a JSON object of ids and names, or with --live,
which asks the organisation. An id without a name is marked, and validate refuses it.`,
		Example: `  foresort convert examples/tutorial.json --queue "Support Email"
  foresort convert examples/tutorial.json --queue "Support Email" --skills examples/ids.json --out converted.yaml
  foresort convert examples/tutorial.json --queue "Support Email" --live`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Payload = args[0]
			return o.run(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Queue, "queue", "", "`name` of the queue")
	f.StringArrayVar(&o.Addresses, "address", nil, "an `address` that the mail comes in at, or rule=address; repeatable")
	f.StringVar(&o.From, "from", "", "the `name` that replies are sent from; default the queue's")
	f.StringVar(&o.Name, "name", "", "the strategy's own `name`; default made of the queue's")
	f.StringVar(&o.Skills, "skills", "", "JSON `file` of skill ids and their names")
	f.BoolVar(&o.Live, "live", false, "ask the organisation for the names")
	f.StringVarP(&o.Out, "out", "o", "", "`file` to write; default stdout")
	f.BoolVar(&o.Force, "force", false, "overwrite the file")
	cmd.MarkFlagsMutuallyExclusive("skills", "live")
	return cmd
}

func (o convertOptions) run(ctx context.Context, s *shell) error {
	payload, name, err := s.readInput(o.Payload)
	if err != nil {
		return err
	}
	names, err := o.names(ctx, s)
	if err != nil {
		return err
	}
	o.File = name
	src, notes, err := strategy.Convert(payload, names, o.ConvertOptions)
	if err != nil {
		return invalid("", "convert %s: %w", name, err)
	}
	return s.writeStrategy(o.Out, src, notes, o.Force)
}

// names maps skill ids to names, from a file or from the organisation.
func (o convertOptions) names(ctx context.Context, s *shell) (map[string]string, error) {
	names := map[string]string{}
	switch {
	case o.Skills != "":
		src, name, err := s.readInput(o.Skills)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(src, &names); err != nil {
			return nil, invalid(`it looks like {"3f1c…": "Billing"}`, "read %s: %w", name, err)
		}
	case o.Live:
		client, _, err := s.client()
		if err != nil {
			return nil, err
		}
		defer client.Close()
		p := s.progress("reading the skills")
		defer p.end()
		for skill, err := range client.Skills(ctx) {
			if err != nil {
				return nil, err
			}
			names[skill.ID] = skill.Name
		}
	}
	return names, nil
}

// written is a strategy file that was made.
type written struct {
	File     string          `json:"file,omitempty"`
	Strategy string          `json:"strategy,omitempty"` // the text, where no file was written
	Notes    []strategy.Note `json:"notes"`
}

// writeStrategy puts a strategy where it was asked for and says what is to be
// known about it.
func (s *shell) writeStrategy(file string, src []byte, notes []strategy.Note, force bool) error {
	out := written{File: file, Notes: notes}
	if notes == nil {
		out.Notes = []strategy.Note{}
	}
	if s.json && (file == "" || file == "-") {
		out.File, out.Strategy = "", string(src)
		return s.print(out, nil)
	}
	if err := s.writeOutput(file, src, force); err != nil {
		return err
	}
	for _, n := range notes {
		s.say("%s", n)
	}
	if s.json {
		return s.print(out, nil)
	}
	if file != "" && file != "-" {
		s.say("%s: written; next: foresort validate %s", file, file)
	}
	return nil
}
