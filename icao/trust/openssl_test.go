package trust_test

import (
	"bytes"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/virtual"
)

// On good and changed messages openssl and this package agree. They may differ only
// on a change to what nobody signed: openssl does not ask for the signature's
// algorithm where it has the key, and wants the digest announced in advance; here
// the signer's name may be written differently.
func TestOpenSSLAgrees(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed, and agreement with it is what is tested")
	}
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(4, 4))
	for _, kind := range kinds {
		document, _, s := specimen(t, virtual.Options{Signature: kind})
		anchor := filepath.Join(folder, "anchor.pem")
		require.NoError(t, os.WriteFile(anchor, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: document.CSCA}), 0o600))
		genuine := document.Files[virtual.SOD][4:]
		message := parse(t, document.Files[virtual.SOD])
		covered := [][]byte{message.Content, document.Signer, message.Signers[0].SignedAttributes}
		for i := range 67 {
			message := bytes.Clone(genuine)
			if i > 0 {
				message[random.IntN(len(message))] ^= byte(1 + random.IntN(255))
			}
			path := filepath.Join(folder, "message")
			require.NoError(t, os.WriteFile(path, message, 0o600))
			command := exec.Command(openssl, "cms", "-verify", "-inform", "DER", "-in", path, "-CAfile", anchor, "-purpose", "any",
				"-attime", strconv.FormatInt(issued.Unix(), 10), "-out", filepath.Join(folder, "content"))
			theirs, ours := command.Run() == nil, believed(s, message)
			if i == 0 {
				require.True(t, theirs && ours, "%s: unchanged", kind)
			}
			if theirs == ours {
				continue
			}
			at := firstDifference(message, genuine)
			t.Logf("%s: byte %d, %02X to %02X: openssl %t, we %t", kind, at, genuine[at], message[at], theirs, ours)
			for _, part := range covered {
				start := bytes.Index(genuine, part)
				require.False(t, at >= start && at < start+len(part), "%s: byte %d, %02X to %02X: openssl %t, we %t", kind, at, genuine[at], message[at], theirs, ours)
			}
		}
	}
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// believed is signature and path, which is what openssl looks at.
func believed(s *trust.Store, message []byte) bool {
	signed, err := cms.ParseSignedData(message)
	if err != nil {
		return false
	}
	for _, v := range s.Verify(signed, issued) {
		for _, check := range []trust.Check{trust.CheckSignature, trust.CheckPath, trust.CheckSignerValidity, trust.CheckCountrySignerValidity} {
			if v.Finding(check).Result != trust.Successful || v.OtherIdentifier {
				return false
			}
		}
	}
	return true
}
