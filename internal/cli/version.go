package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what the binary knows about itself.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision, RFC 3339
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// version reads what the Go toolchain wrote into the binary.
func version() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String is the version with its revision, Go and platform.
func (b build) String() string {
	text := b.Version
	if len(b.Revision) >= 12 {
		text += " " + b.Revision[:12]
	}
	if b.Modified {
		text += " (modified)"
	}
	return fmt.Sprintf("%s, %s, %s", text, b.Go, b.Platform)
}

func versionCommand(s *shell) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		GroupID: groupAid,
		Short:   "print the version",
		Long:    "Version prints the version of this binary, the revision it was built from, and the Go and platform it was built for.",
		Example: "  foresort version\n  foresort version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version()
			return s.print(v, func(w io.Writer, _ paint) error {
				_, err := fmt.Fprintf(w, "foresort %s\n", v)
				return err
			})
		},
	}
}
