// Package cli is the command line of an app: it runs the development server and the production server, lists routes and settings,
// looks for mistakes, and runs the app's own commands.
//
//	func main() { cli.Main(newApp()) }
//
// The program is then a command with subcommands:
//
//	shop run --debug            the development server
//	shop serve -w 4             the production server
//	shop ctl reload             an order to a running server, or a question
//	shop routes                 all routes, with their views and where those are written
//	shop routes --match GET /x  what happens to a request, step by step
//	shop config                 all settings, without secrets
//	shop check                  mistakes: templates, url_for, forms, settings
//	shop version                of Carafe and Go, and how the program was built
//	shop completion bash        completion for a shell
//	shop import users.csv       a command that the app has registered with App.Command
//
// [MainFunc] is the same for an app that is made by a function: environment files are loaded before it is called, and what goes wrong
// in it is shown while the built-in commands are still listed.
//
// # Options and the environment
//
// Before anything else the environment files .carafeenv and .env are loaded, looked for in the working directory and above it, and
// the file of --env-file; variables that are set win over all three, that file over .env, and .env over .carafeenv.
// CARAFE_SKIP_DOTENV=1 leaves out the two. Every option of a built-in command has a variable that gives it when the command line
// does not: CARAFE_RUN_PORT is --port of run, CARAFE_ROUTES_SORT is --sort of routes.
//
// Debug mode is what --debug, --no-debug or else CARAFE_DEBUG say, whatever the app's config says, unless [SetDebug](false) is given.
//
// # Exit codes
//
// 0 is success, 1 a command that failed, and 2 a command line that cannot be understood.
//
// # The carafe tool
//
// Command carafe ([Tool]) does the same for the package of a program: carafe routes ./cmd/shop. It builds the package, starts the
// program, and asks it by [carafe.CommandEnv]; the program's main only has to call [Main] or App.Run.
//
// Source: flask.cli.
package cli
