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

// loadNamedEnv loads the file of --env-file. It comes before the others: a variable that is set stays.
func loadNamedEnv(file string) error {
	if file == "" {
		return nil
	}
	_, err := carafe.LoadDotenv(file)
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{fmt.Errorf("--env-file: there is no file %s", file)}
	}
	return err
}

// loadEnv loads .env and .carafeenv.
//
// Source: flask.cli.load_dotenv.
func loadEnv() error {
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
