package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs are the documents made from the code, by file name.
var docs = map[string]func() []byte{
	"cli.md":      cliDoc,
	"config.md":   configDoc,
	"coverage.md": coverageDoc,
}

// WriteDocs writes the documents that are made from the code into a folder.
func WriteDocs(dir string) error {
	for name, doc := range docs {
		if err := os.WriteFile(filepath.Join(dir, name), doc(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const generated = "<!-- Made by `go generate ./...` from the code. Do not edit. -->\n\n"

// cliDoc describes every command, and the exit codes.
func cliDoc() []byte {
	root := newRoot(newShell(env{getenv: func(string) string { return "" }}))
	var b bytes.Buffer
	b.WriteString("# Commands\n\n" + generated)
	b.WriteString("Facts go to stdout, talk, progress and errors to stderr. With `--json` facts are JSON on stdout, and stderr\n" +
		"carries nothing but an error object, should there be an error (with `--verbose` also log lines, as JSON).\n\n")
	b.WriteString("## Exit codes\n\n| code | name | meaning |\n|---|---|---|\n")
	for _, e := range exits {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", e.Code, e.Name, e.Meaning)
	}
	b.WriteString("\n## Errors as JSON\n\nWith `--json` an error is one object on stderr:\n\n" +
		"```json\n{\n  \"error\": {\n    \"code\": \"invalid\",\n    \"exit\": 2,\n    \"message\": \"…\",\n    \"hint\": \"…\",\n" +
		"    \"problems\": [],\n    \"api\": {}\n  }\n}\n```\n\n" +
		"`code` is the name of the exit code. `hint` says what to do next. `problems` are the mistakes of a strategy file, each with file,\n" +
		"line, column, field, message and hint. `api` is the platform's answer, with its correlation id. What does not apply is left out.\n")
	b.WriteString("\n## Flags of every command\n\n")
	flagTable(&b, root.PersistentFlags())
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && cmd.Name() != "help" {
			commandDoc(&b, cmd)
		}
	}
	return b.Bytes()
}

func commandDoc(b *bytes.Buffer, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", cmd.CommandPath())
	b.WriteString(strings.TrimSpace(cmd.Long) + "\n")
	fmt.Fprintf(b, "\n```\n%s\n```\n", cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n```sh\n%s\n```\n", dedent(cmd.Example))
	}
	local := cmd.LocalNonPersistentFlags()
	local.SortFlags = false
	if local.HasAvailableFlags() {
		b.WriteString("\n")
		flagTable(b, local)
	}
	for _, below := range cmd.Commands() {
		commandDoc(b, below)
	}
}

func flagTable(b *bytes.Buffer, flags *pflag.FlagSet) {
	b.WriteString("| flag | meaning |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "`--" + f.Name + strings.TrimRight(" "+kind, " ") + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" {
			usage += " (default `" + f.DefValue + "`)"
		}
		fmt.Fprintf(b, "| %s | %s |\n", name, strings.ReplaceAll(usage, "|", "\\|"))
	})
}

func dedent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}

// configDoc describes the settings.
func configDoc() []byte {
	var b bytes.Buffer
	b.WriteString("# Settings\n\n" + generated)
	b.WriteString("The first of these that says something wins: flag, environment, `.env` in the working folder, profile, default.\n\n")
	b.WriteString("| setting | flag | environment and `.env` | in a profile | default | meaning |\n|---|---|---|---|---|---|\n")
	for _, d := range settingTable {
		flag, inProfile, fallback := "", "", ""
		if d.flag != "" {
			flag = "`--" + d.flag + "`"
		}
		if d.profile {
			inProfile = "`" + d.key + "`"
		}
		if d.fallback != "" {
			fallback = "`" + d.fallback + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s | %s |\n", d.key, flag, strings.Join(d.env, "`, `"), inProfile, fallback, d.doc)
	}
	b.WriteString(`
- Two variables that mean the same setting and differ are an error that names both. So is a profile named with
  ` + "`--profile`" + ` beside a variable that says another organisation or client.
- ` + "`GENESYSCLOUD_GATEWAY_HOST`" + ` is read together with ` + "`GENESYSCLOUD_GATEWAY_PROTOCOL`" + ` (default https) and
  ` + "`GENESYSCLOUD_GATEWAY_PORT`" + `.
- A secret is never a flag: every user of a machine can read the arguments of its processes, and shells keep them.
  (` + "`foresort sandbox --client-secret`" + ` is no exception: that secret is made up, and opens nothing but the sandbox.)
- ` + "`HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`" + ` are obeyed. ` + "`NO_COLOR`" + ` turns colours off.

## Profiles

` + "```yaml" + `
# ~/.config/foresort/config.yaml
profiles:
  production:
    region: eu-central-1
    clientId: 6f0c2b1e-0000-4000-8000-5d1f6a1f3c11
    clientSecretEnv: FORESORT_PRODUCTION_SECRET   # the variable that holds the secret
  test:
    region: mypurecloud.ie
    clientId: 9d3a7c52-0000-4000-8000-0b8e2f4d6a90
    clientSecret: written here                    # then the file must be mode 0600
` + "```" + `

Use one with ` + "`--profile production`" + ` or ` + "`FORESORT_PROFILE=production`" + `.
`)
	return b.Bytes()
}
