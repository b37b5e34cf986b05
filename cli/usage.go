package cli

// usageTemplate is the help of a command: cobra's, with headings as click writes them and nothing said twice.
const usageTemplate = `Usage:{{if and .Runnable (not .HasAvailableSubCommands)}} {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}} {{.CommandPath}} [OPTIONS] COMMAND [ARGS]...{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Options:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Options of all commands:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

"{{.CommandPath}} COMMAND --help" says more about a command.{{end}}
`
