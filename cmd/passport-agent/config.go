package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "The configuration: make one, show what holds, find mistakes",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configInitCommand(), a.configShowCommand(), a.configCheckCommand(), a.configSecretCommand())
	return cmd
}

func (a *app) configInitCommand() *cobra.Command {
	var stdout bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a configuration file with every key explained",
		Long: `Writes a configuration file in which every key stands as a comment, to where it is
looked for, or to the file given with --config. A file that is there is kept.`,
		Example: `  passport-agent config init
  passport-agent config init --stdout`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.configInit(stdout) },
	}
	cmd.Flags().BoolVar(&stdout, "stdout", false, "print it instead")
	return cmd
}

// configWritten is the document of `config init --json`.
type configWritten struct {
	Schema string `json:"schema"`
	File   string `json:"file,omitempty"`
	Text   string `json:"text,omitempty"`
}

func (a *app) configInit(stdout bool) error {
	const schema = "passport-agent/config-init/1"
	text := config.Template()
	if stdout {
		if a.json {
			a.printJSON(configWritten{Schema: schema, Text: text})
			return nil
		}
		a.write(a.out, "%s", text[:len(text)-1])
		return nil
	}
	path := a.configPath
	if path == "" {
		path = config.DefaultPath(a.lookup)
	}
	if path == "" {
		return fault.New(fault.Usage, "there is no folder for configurations: name a file with --config", nil)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Usage, path+" is there already and is left as it is", nil)
	}
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	if a.json {
		a.printJSON(configWritten{Schema: schema, File: path})
		return nil
	}
	a.print("Wrote %s. Next: set api_url, api_key and api_secret_file in it, then `passport-agent config check`.", path)
	return nil
}

// configReport is the document of `config show --json` and `config check --json`.
type configReport struct {
	Schema   string           `json:"schema"`
	Files    []string         `json:"files"`
	Settings []config.Setting `json:"settings"`
	Problems []config.Problem `json:"problems"`
}

func (a *app) inspect() configReport {
	i := config.Inspect(a.configPath, a.lookup)
	return configReport{
		Schema: "passport-agent/config/1", Files: append([]string{}, i.Files...),
		Settings: append([]config.Setting{}, i.Settings...), Problems: append([]config.Problem{}, i.Problems...),
	}
}

func (a *app) configShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show every setting and where it comes from; secrets are not shown",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r := a.inspect()
			if a.json {
				a.printJSON(r)
				return nil
			}
			for _, s := range r.Settings {
				a.print("%-20s %-30s %s", s.Key, s.Value, a.colour(grey, s.Place))
			}
			a.printProblems(r.Problems)
			return nil
		},
	}
}

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Find every mistake, with its line and how to mend it (exit status 2 where there is one)",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r := a.inspect()
			if a.json {
				a.printJSON(r)
			} else {
				a.printProblems(r.Problems)
			}
			if len(r.Problems) > 0 {
				return fault.New(fault.ConfigInvalid, r.Problems[0].Place, errors.New(r.Problems[0].Text))
			}
			if !a.json {
				a.print("No mistakes in %d file(s), and none in the environment.", len(r.Files))
			}
			return nil
		},
	}
}

func (a *app) printProblems(problems []config.Problem) {
	for _, p := range problems {
		a.print("%s %s: %s", a.colour(red, "✗"), p.Place, p.Text)
		a.print("  → %s", p.Mend)
	}
}
