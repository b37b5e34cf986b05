package cli

import "github.com/spf13/cobra"

// parsedRun are the options of run as a command line gives them.
func parsedRun(args []string) *runFlags {
	cmd := &cobra.Command{Use: "run"}
	r := addRunFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		panic(err)
	}
	return r
}

// CheckRun says which options of run do not go together.
func CheckRun(args []string) error { return parsedRun(args).check() }

// WatchedByRun is what the options of run tell the reloader.
func WatchedByRun(args []string) (extra, exclude []string) {
	r := parsedRun(args)
	return paths(r.extra), paths(r.exclude)
}

// AddressOfRun is where the options of run listen.
func AddressOfRun(args []string) string { return parsedRun(args).address() }
