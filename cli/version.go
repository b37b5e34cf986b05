package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

// versionText is the versions of Carafe and Go, and what is known of the build.
//
// Source: flask.cli.get_version.
func versionText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Carafe %s\nGo %s %s/%s\n", carafe.Version, strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH)
	if info, ok := debug.ReadBuildInfo(); ok {
		b.WriteString(buildText(info))
	}
	return b.String()
}

// buildText is "example.org/shop v1.2.3, commit 0123456789ab of 2026-01-02T03:04:05Z, with changes".
func buildText(info *debug.BuildInfo) string {
	if info.Main.Path == "" {
		return ""
	}
	parts := []string{info.Main.Path + " " + info.Main.Version}
	known := map[string]string{}
	for _, s := range info.Settings {
		known[s.Key] = s.Value
	}
	if commit := known["vcs.revision"]; commit != "" {
		part := "commit " + commit[:min(12, len(commit))]
		if at := known["vcs.time"]; at != "" {
			part += " of " + at
		}
		parts = append(parts, part)
	}
	if known["vcs.modified"] == "true" {
		parts = append(parts, "with changes")
	}
	return strings.TrimSpace(strings.Join(parts, ", ")) + "\n"
}

func versionCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the versions of Carafe and Go, and of the program", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(s.out, versionText())
			return err
		},
	}
}

// noArgs refuses words that a command does not take.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%q is more than %s takes", args[0], cmd.CommandPath())}
	}
	return nil
}
