package cli

import (
	"fmt"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

// addOwnCommand adds a command of the app below its groups. What follows its name is the command's own, but for a leading --help.
func addOwnCommand(root *cobra.Command, s *session, info carafe.CommandInfo, run func(args []string) error) {
	words := strings.Split(info.Name, " ")
	parent := root
	for i, word := range words[:len(words)-1] {
		parent = groupBelow(parent, word, strings.Join(words[:i+1], " "))
	}
	short, _, _ := strings.Cut(info.Help, "\n")
	if short == "" {
		short = fmt.Sprintf("(registered at %s, without help)", info.Site)
	}
	parent.AddCommand(&cobra.Command{
		Use: strings.TrimSpace(words[len(words)-1] + " " + info.Usage), Short: short, Long: info.Help,
		DisableFlagParsing: true, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") && (info.Help != "" || info.Usage != "") {
				return cmd.Help()
			}
			return run(args)
		},
	})
}

// groupBelow is the command that has those of a group.
func groupBelow(parent *cobra.Command, word, path string) *cobra.Command {
	for _, cmd := range parent.Commands() {
		if cmd.Name() == word {
			return cmd
		}
	}
	group := &cobra.Command{
		Use: word + " COMMAND [ARGS]...", DisableFlagsInUseLine: true, Short: fmt.Sprintf("The commands of %s", path), Args: cobra.ArbitraryArgs,
		RunE: unknownCommand, SuggestionsMinimumDistance: 2,
	}
	parent.AddCommand(group)
	return group
}
