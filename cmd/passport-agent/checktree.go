package main

import (
	"strings"

	"passport-agent/icao/verdict"
)

// groupTitles name the branches of the tree of checks, in the order of printing. A
// group without a title stands behind them under its own name.
var groupTitles = []struct{ group, title string }{
	{verdict.GroupAccess, "Access to the chip"},
	{verdict.GroupAuthenticity, "Chip: the issuer's own, no copy"},
	{verdict.GroupSOD, "Passive authentication: who signed"},
	{verdict.GroupIntegrity, "Integrity: what was signed"},
	{verdict.GroupDocument, "The document"},
	{verdict.GroupConformity, "Conformity of files"},
}

// printChecks prints the checks as a tree: a branch for each group with the result
// that its checks come to, and under every check that did not succeed the reason and
// what to do.
func (a *app) printChecks(checks []verdict.Check) {
	groups := grouped(checks)
	if len(groups) == 0 {
		return
	}
	a.print("Checks")
	for i, g := range groups {
		branch, stem := "├─", "│  "
		if i == len(groups)-1 {
			branch, stem = "└─", "   "
		}
		a.print("%s %s %s", branch, a.result(verdict.Overall(g.checks)), g.title)
		for j, c := range g.checks {
			leaf, under := "├─", "│  "
			if j == len(g.checks)-1 {
				leaf, under = "└─", "   "
			}
			a.print("%s%s %s %s", stem, leaf, a.result(c.Result), strings.ReplaceAll(c.Name, "_", " "))
			if c.Reason != "" {
				a.print("%s%s     %s", stem, under, a.colour(grey, c.Reason))
			}
			if c.Advice != "" {
				a.print("%s%s     → %s", stem, under, c.Advice)
			}
		}
	}
}

type checkGroup struct {
	name, title string
	checks      []verdict.Check
}

func grouped(checks []verdict.Check) []checkGroup {
	var all []checkGroup
	for _, g := range groupTitles {
		all = append(all, checkGroup{name: g.group, title: g.title})
	}
	for _, c := range checks {
		i := 0
		for i < len(all) && all[i].name != c.Group {
			i++
		}
		if i == len(all) {
			all = append(all, checkGroup{name: c.Group, title: strings.ReplaceAll(c.Group, "_", " ")})
		}
		all[i].checks = append(all[i].checks, c)
	}
	filled := all[:0]
	for _, g := range all {
		if len(g.checks) > 0 {
			filled = append(filled, g)
		}
	}
	return filled
}
