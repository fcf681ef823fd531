package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/icao/lds"
	"passport-agent/icao/verdict"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/folder"
	"passport-agent/tap"
)

type verifyFlags struct {
	at, profile  string
	portrait     string
	requireTrust bool
}

func (a *app) verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Judge saved files again, offline",
		Long: `Judges the files that read --out saved, with the trust list of now and as of a
date. A signature of Active Authentication that was kept is checked again; how the
chip was opened, and what proved it to the reader alone, cannot be.`,
		Example: `  passport-agent verify ./saved --at 2024-06-01`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.finish(a.withPortrait(cmd.Context(), f.portrait, a.verify(cmd, args[0], f)))
		},
	}
	cmd.Flags().StringVar(&f.at, "at", "", "judge as of this date, YYYY-MM-DD (default: today)")
	cmd.Flags().StringVar(&f.profile, "profile", "", profileHelp)
	cmd.Flags().StringVar(&f.portrait, "portrait", "", portraitHelp)
	cmd.Flags().BoolVar(&f.requireTrust, "require-trust", false, "treat a document that could not be proved genuine as an error (exit status 7)")
	return cmd
}

func (a *app) verify(cmd *cobra.Command, dir string, f *verifyFlags) tap.Result {
	date := time.Now()
	if f.at != "" {
		var err error
		if date, err = time.Parse(time.DateOnly, f.at); err != nil {
			return tap.Aborted(software(), fault.New(fault.Usage, "--at takes a date YYYY-MM-DD", nil))
		}
	}
	settings, err := a.settings()
	if err != nil {
		return tap.Aborted(software(), err)
	}
	if !cmd.Flags().Changed("require-trust") {
		f.requireTrust = settings.RequireTrust
	}
	profile, err := parseProfile(f.profile, settings)
	if err != nil {
		return tap.Aborted(software(), err)
	}
	store, err := a.loadTrust(cmd.Context())
	if err != nil {
		return tap.Aborted(software(), err)
	}
	document, err := loadDocument(dir)
	if err != nil {
		return tap.Aborted(software(), err)
	}
	evidence, err := loadEvidence(dir)
	if err != nil {
		return tap.Aborted(software(), err)
	}
	return tap.Judge(document, evidence, date, tap.Options{Profile: profile, Trust: store, RequireTrust: f.requireTrust, Software: software()})
}

func loadDocument(dir string) (*lds.Document, error) {
	var names []string
	all := append(lds.ReadOrder(), lds.Optional()...)
	for _, file := range all {
		names = append(names, file.String())
	}
	saved, err := folder.Load(dir, names)
	if err != nil {
		return nil, err
	}
	files := map[lds.File][]byte{}
	for _, file := range all {
		if b, ok := saved[file.String()]; ok {
			files[file] = b
		}
	}
	return lds.Parse(files)
}

// loadEvidence reads what stands beside the files; nothing where there is none.
func loadEvidence(dir string) (tap.Evidence, error) {
	b, err := folder.LoadEvidence(dir)
	if err != nil || b == nil {
		return tap.Evidence{}, err
	}
	return tap.ParseEvidence(b)
}

const profileHelp = "which deviations from the standard are minded: field (the default) lets pass what real documents have, with a warning; strict fails every one"

// parseProfile reads the flag, or where it is empty the setting.
func parseProfile(flag string, settings config.Config) (verdict.Profile, error) {
	if flag == "" {
		flag = settings.Profile
	}
	profile, ok := verdict.ParseProfile(flag)
	if !ok {
		return "", fault.New(fault.Usage, fmt.Sprintf("--profile takes field or strict, not %q", flag), nil)
	}
	return profile, nil
}
