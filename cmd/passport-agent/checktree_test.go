package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/verdict"
)

// The tree shows a group as bad as its worst check, keeps groups that it has no title
// for, and puts reason and advice under the check they belong to.
func TestChecksArePrintedAsATree(t *testing.T) {
	out := &bytes.Buffer{}
	(&app{terminal: terminal{out: out, lookup: func(string) (string, bool) { return "", false }}}).printChecks([]verdict.Check{
		{Group: verdict.GroupConformity, Name: "com_conformity", Result: verdict.Successful},
		{Group: verdict.GroupIntegrity, Name: "dg1_hash", Result: verdict.Successful},
		{Group: verdict.GroupIntegrity, Name: "dg2_hash", Result: verdict.Failed, Reason: "because", Advice: "Do this."},
		{Group: "later_group", Name: "later_check", Result: verdict.NotSupported},
	})
	require.Equal(t, `Checks
├─ ✗ FAILED        Integrity: what was signed
│  ├─ ✓ successful    dg1 hash
│  └─ ✗ FAILED        dg2 hash
│          because
│          → Do this.
├─ ✓ successful    Conformity of files
│  └─ ✓ successful    com conformity
└─ – not supported later group
   └─ – not supported later check
`, out.String())
}
