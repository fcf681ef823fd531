package verdict

import (
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
)

// Checks that only some chips have: their results with a defect that is about them, and
// with one that is not. They are made elsewhere, so here they are put in by hand.
func TestDefectsOfChecksThatOnlySomeChipsHave(t *testing.T) {
	names := append([]string{activeAuthentication, chipAuthentication, mapping, "dg2_conformity"}, cardSecurity...)
	for _, c := range []struct {
		defect trust.Defect
		from   Result
		to     map[string]Result // of the others from stays
	}{
		{trust.Defect{Kind: trust.DefectChipAuthentication}, Successful, map[string]Result{chipAuthentication: Failed, mapping: Failed}},
		{trust.Defect{Kind: trust.DefectActiveAuthentication}, Successful, map[string]Result{activeAuthentication: Failed}},
		{trust.Defect{Kind: trust.DefectActiveAuthentication}, NotSupported, nil},
		{trust.Defect{Kind: trust.DefectProtocol, Status: trust.ProtocolCA}, Failed, map[string]Result{chipAuthentication: Undetermined}},
		{trust.Defect{Kind: trust.DefectProtocol, Status: trust.ProtocolAACAM}, Failed, map[string]Result{activeAuthentication: Undetermined, mapping: Undetermined}},
		{trust.Defect{Kind: trust.DefectProtocol, Status: trust.ProtocolCAAACAM}, Successful, nil},
		{trust.Defect{Kind: trust.DefectProtocol, Status: 7}, Failed, nil},
		{trust.Defect{Kind: trust.DefectDataGroup, DataGroups: []int{2}}, Failed, map[string]Result{"dg2_conformity": NotSupported}},
		{trust.Defect{Kind: trust.DefectDataGroup, DataGroups: []int{1}}, Failed, nil},
		{trust.Defect{Kind: trust.DefectCardSecurity}, Failed, map[string]Result{cardSecuritySignature: Undetermined, "card_security_conformity": Undetermined}},
		{trust.Defect{Kind: trust.DefectCardSecurity}, Successful, nil},
		{trust.Defect{Kind: trust.DefectChipSecurity}, Failed, nil},
	} {
		var v Verdict
		for _, name := range names {
			v.add(Check{Name: name, Result: c.from})
		}
		v.defects(Input{Document: &lds.Document{}}, []trust.Defect{c.defect})
		require.Len(t, v.Warnings, 1)
		for _, check := range v.Checks {
			want, ok := c.to[check.Name]
			if !ok {
				want = c.from
			}
			require.Equal(t, want, check.Result, "%v: %s", c.defect, check.Name)
		}
	}
}
