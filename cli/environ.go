package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

// loadEnv loads the file that was named, then .env and .carafeenv. Since a variable that is set stays, what comes first wins.
//
// Source: flask.cli.load_dotenv.
func loadEnv(file string) error {
	if file != "" {
		if _, err := carafe.LoadDotenv(file); errors.Is(err, fs.ErrNotExist) {
			return usageError{fmt.Errorf("--env-file: there is no file %s", file)}
		} else if err != nil {
			return err
		}
	}
	if os.Getenv("CARAFE_SKIP_DOTENV") != "" {
		return nil
	}
	_, err := carafe.LoadDotenv()
	return err
}

// debugFromEnv is what carafe.New makes of CARAFE_DEBUG.
//
// Source: flask.helpers.get_debug_flag.
func debugFromEnv() bool {
	switch strings.ToLower(os.Getenv("CARAFE_DEBUG")) {
	case "", "0", "false", "no":
		return false
	}
	return true
}

// envFlags is the annotation of a command whose options may be given by environment variables: what those begin with.
const envFlags = "carafe_env"

// withEnv has CARAFE_NAME_OPTION give the options of a command that the command line does not.
//
// Source: auto_envvar_prefix of flask.cli.FlaskGroup.
func withEnv(name string, cmd *cobra.Command) *cobra.Command {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[envFlags] = "CARAFE_" + envName(name) + "_"
	return cmd
}

func envName(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// flagsFromEnv sets the options that the command line does not give.
func flagsFromEnv(cmd *cobra.Command) error {
	for _, line := range os.Environ() {
		variable, value, _ := strings.Cut(line, "=")
		name := flagOf(cmd, variable)
		if name == "" || value == "" || cmd.Flags().Changed(name) {
			continue
		}
		if err := cmd.Flags().Set(name, value); err != nil {
			return usageError{fmt.Errorf("the environment has %s=%q: %w", variable, value, err)}
		}
	}
	return nil
}

// flagOf is the option that a variable gives, "" if it gives none of the command's.
func flagOf(cmd *cobra.Command, variable string) string {
	prefix := cmd.Annotations[envFlags]
	option, ok := strings.CutPrefix(variable, prefix)
	if prefix == "" || !ok {
		return ""
	}
	flag := cmd.LocalNonPersistentFlags().Lookup(strings.ToLower(strings.ReplaceAll(option, "_", "-")))
	if flag == nil || flag.Name == "help" || envName(flag.Name) != option {
		return ""
	}
	return flag.Name
}
