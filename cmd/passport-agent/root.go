package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

// app is what the commands share.
type app struct {
	terminal
	configPath string
	dataDir    string
	logLevel   string
	// stderrLevel is from which level on standard error has the log.
	stderrLevel slog.LevelVar
	json        bool
	quiet       bool
	// answered says that the command has printed its JSON document.
	answered bool
}

// run executes a command line and returns its exit status.
func run(ctx context.Context, t terminal, args []string) int {
	a := &app{terminal: t}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	f := asFault(err)
	a.json = a.json || slices.Contains(args, "--json")
	a.report(f)
	return fault.Lookup(f.Code).Exit
}

// asFault gives the errors of flag parsing the code of a usage error.
func asFault(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return fault.From(err)
	}
	return fault.New(fault.Usage, err.Error(), nil)
}

// report tells a person, and a program that asked for JSON, what went wrong.
func (a *app) report(f *fault.Error) {
	entry := fault.Lookup(f.Code)
	a.note("%s: %v", f.Code, f)
	if entry.NextStep != "" {
		a.note("What to do: %s", entry.NextStep)
	}
	if a.json && !a.answered {
		a.printJSON(map[string]any{"schema": "passport-agent/error/1", "error": tap.ErrorOf(f)})
	}
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "passport-agent",
		Short: "Read electronic passports and upload them to Veriff sessions",
		Long: `passport-agent reads the chip of a passport or identity card on a contactless
PC/SC reader, checks what can be checked, and uploads the chip data to a Veriff
session. Try it without hardware and without an account: passport-agent demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.setUpLog()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.configPath, "config", "", "configuration file (default: passport-agent/config.toml in the user's configuration folder)")
	flags.StringVar(&a.dataDir, "data-dir", "", "folder for what the program keeps (default: passport-agent in the user's data folder)")
	flags.BoolVar(&a.json, "json", false, "print one JSON document on standard output (commands that go on: one line per event)")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress on standard error")
	flags.StringVar(&a.logLevel, "log-level", "", "what is logged: debug, info, warn or error (default warn; serve: info, on a terminal warn)")
	root.AddCommand(
		a.demoCommand(), a.readCommand(), a.serveCommand(), a.verifyCommand(), a.trustCommand(), a.uploadCommand(), a.queueCommand(),
		a.readersCommand(), a.virtualCommand(), a.sandboxCommand(), a.configCommand(), a.doctorCommand(), a.versionCommand(),
	)
	root.AddCommand(buildCommands()...)
	return root
}

// dataFolder is where the program keeps what it has to keep; empty where this user
// has no such place, as some services have none.
func (a *app) dataFolder() string {
	if a.dataDir != "" {
		return a.dataDir
	}
	return config.DataDir(a.lookup)
}

func (a *app) settings() (config.Config, error) {
	settings, err := config.Load(a.configPath, a.lookup)
	if err == nil {
		a.settleLevel(settings)
	}
	return settings, err
}
