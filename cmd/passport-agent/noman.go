//go:build !docs

package main

import "github.com/spf13/cobra"

// buildCommands are those of special builds; the program itself has none.
func buildCommands() []*cobra.Command { return nil }
