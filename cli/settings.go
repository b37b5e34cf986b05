package cli

import (
	"encoding/json"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

func configCommand(s *session, p program) *cobra.Command {
	var asJSON, changed bool
	cmd := &cobra.Command{
		Use:   usage("config [OPTIONS]", p.place()),
		Short: "Show the settings of the app, without secrets",
		Long: "Show all settings by Flask's keys, and the app's own. Secrets are masked: what is a carafe.Secret, has a name that sounds\n" +
			"secret (KEY, TOKEN, PASS …), or is a URL with a password. Settings that are not as by default are marked with *.",
		Args: placeArgs(p), DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			answer, err := p.ask(s.ctx, args, "inspect")
			if err != nil {
				return err
			}
			return showSettings(s, answer.Inspection.Settings, asJSON, changed)
		},
	}
	cmd.Flags().BoolVar(&changed, "changed", false, "show only what is not as by default")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

func showSettings(s *session, settings []carafe.SettingInfo, asJSON, changed bool) error {
	object := map[string]json.RawMessage{}
	t := newTable("", "Setting", "Value")
	for _, info := range settings {
		if changed && !info.Changed {
			continue
		}
		object[info.Key] = info.Value
		mark := ""
		if info.Changed {
			mark = "*"
		}
		t.add(mark, info.Key, settingText(info.Value))
	}
	if asJSON {
		return writeJSON(s.out, object)
	}
	return t.print(s.out)
}

// settingText is a value as people read it: a text that is plain without its quotes, nothing for what is unset.
func settingText(value json.RawMessage) string {
	var text string
	switch {
	case string(value) == "null":
		return ""
	case json.Unmarshal(value, &text) == nil && text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return text
	}
	return string(value)
}
