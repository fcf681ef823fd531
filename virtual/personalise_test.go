package virtual_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/virtual"
)

// sizes are those of the reading counts of the project: COM 22, SOD 1843, DG1
// 93, DG2 18432 bytes.
var sizes = virtual.Options{SODSize: 1843, DG2Size: 18432}

func TestFilesHaveExactlyTheSizesAskedFor(t *testing.T) {
	for _, signature := range []virtual.Signature{"", virtual.RSA2048SHA256} {
		o := sizes
		o.Signature = signature
		document, err := virtual.Personalise(o)
		require.NoError(t, err)
		require.Len(t, document.Files[virtual.COM], 22)
		require.Len(t, document.Files[virtual.SOD], 1843)
		require.Len(t, document.Files[virtual.DataGroup(1)], 93)
		require.Len(t, document.Files[virtual.DataGroup(2)], 18432)
	}
}

// OpenSSL, which shares no code with this program, verifies the signature of
// EF.SOD and the path to the country signer.
func TestOpenSSLVerifiesTheSecurityObject(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for _, signature := range []virtual.Signature{virtual.ECDSAP256SHA256, virtual.RSA2048SHA256, virtual.RSA2048PSS} {
		document, err := virtual.Personalise(virtual.Options{Signature: signature})
		require.NoError(t, err)
		folder := t.TempDir()
		message, country := filepath.Join(folder, "sod.der"), filepath.Join(folder, "csca.der")
		require.NoError(t, os.WriteFile(message, document.Files[virtual.SOD][4:], 0o600))
		require.NoError(t, os.WriteFile(country, document.CSCA, 0o600))
		pem := filepath.Join(folder, "csca.pem")
		output, err := exec.Command(openssl, "x509", "-inform", "DER", "-in", country, "-out", pem).CombinedOutput()
		require.NoError(t, err, "%s", output)
		output, err = exec.Command(openssl, "cms", "-verify", "-inform", "DER", "-in", message, "-CAfile", pem, "-purpose", "any", "-x509_strict", "-out", filepath.Join(folder, "content")).CombinedOutput()
		require.NoError(t, err, "%s: %s", signature, output)
	}
}
