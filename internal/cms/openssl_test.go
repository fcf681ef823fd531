package cms_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/cms"
)

// workshop runs openssl, which shares no code with this program, in a folder of its own.
type workshop struct {
	t      *testing.T
	folder string
}

func newWorkshop(t *testing.T) workshop {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed, and nothing else here makes these keys and messages")
	}
	return workshop{t, t.TempDir()}
}

func (w workshop) try(arguments string) ([]byte, error) {
	command := exec.Command("openssl", strings.Fields(arguments)...)
	command.Dir = w.folder
	return command.CombinedOutput()
}

func (w workshop) run(arguments string) {
	w.t.Helper()
	output, err := w.try(arguments)
	require.NoError(w.t, err, "openssl %s: %s", arguments, output)
}

func (w workshop) read(name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.folder, name))
	require.NoError(w.t, err)
	return b
}

func (w workshop) write(name string, b []byte) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(w.folder, name), b, 0o600))
}

// certificate makes a self-signed certificate for the key of that name.
func (w workshop) certificate(key, options string) *cms.Certificate {
	w.t.Helper()
	w.run("req -x509 -new -key " + key + ".key -subj /C=UT/CN=" + key + " -days 30 -outform DER -out " + key + ".der " + options)
	w.run("x509 -inform DER -in " + key + ".der -out " + key + ".pem")
	c, err := cms.ParseCertificate(w.read(key + ".der"))
	require.NoError(w.t, err)
	return c
}

// keys are the kinds that country signers have, and how openssl makes them.
var keys = map[string]string{
	"RSA 2048":        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out K",
	"P-192":           "ecparam -genkey -name prime192v1 -noout -out K",
	"P-224":           "ecparam -genkey -name secp224r1 -noout -out K",
	"P-256":           "ecparam -genkey -name prime256v1 -noout -out K",
	"P-384":           "ecparam -genkey -name secp384r1 -param_enc explicit -noout -out K",
	"P-521":           "ecparam -genkey -name secp521r1 -noout -out K",
	"brainpoolP224r1": "ecparam -genkey -name brainpoolP224r1 -param_enc explicit -noout -out K",
	"brainpoolP320r1": "ecparam -genkey -name brainpoolP320r1 -noout -out K",
	"brainpoolP512r1": "ecparam -genkey -name brainpoolP512r1 -param_enc explicit -noout -out K",
	"DSA 1024":        "genpkey -paramfile dsa.parameters -out K",
}

func (w workshop) key(kind string) string {
	w.t.Helper()
	name := strings.ReplaceAll(kind, " ", "")
	if strings.HasPrefix(kind, "DSA") {
		w.run("genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -pkeyopt dsa_paramgen_q_bits:160 -out dsa.parameters")
	}
	w.run(strings.ReplaceAll(keys[kind], " K", " "+name+".key"))
	return name
}

var digests = []string{"sha1", "sha224", "sha256", "sha384", "sha512"}

func TestCertificatesOfEveryKindOfKeyVerify(t *testing.T) {
	w := newWorkshop(t)
	for kind := range keys {
		t.Run(kind, func(t *testing.T) {
			w := workshop{t, w.folder}
			name := w.key(kind)
			for _, digest := range digests {
				if strings.HasPrefix(kind, "DSA") && (digest == "sha384" || digest == "sha512") {
					continue // openssl 3.0 has no name for them
				}
				c := w.certificate(name, "-"+digest)
				key, err := c.PublicKey()
				require.NoError(t, err)
				require.Equal(t, kind, key.String())
				require.NoError(t, c.CheckSignatureFrom(c), digest)
				requireRefused(t, c)
			}
		})
	}
}

// requireRefused changes the signature, and what is signed, by one bit each.
func requireRefused(t *testing.T, c *cms.Certificate) {
	t.Helper()
	for _, at := range []int{len(c.Raw) - 2, len(c.RawTBS) - 1} {
		changed := append([]byte{}, c.Raw...)
		changed[at] ^= 1
		other, err := cms.ParseCertificate(changed)
		require.NoError(t, err)
		require.ErrorIs(t, other.CheckSignatureFrom(c), cms.ErrSignature)
	}
}

// The hash of the mask and the length of the salt are read from the parameters;
// crypto/rsa has no way to ask for the last two of these.
func TestPSSParametersAreHeeded(t *testing.T) {
	w := newWorkshop(t)
	name := w.key("RSA 2048")
	pss := "-sigopt rsa_padding_mode:pss "
	for _, options := range []string{
		"-sha256 " + pss + "-sigopt rsa_pss_saltlen:32", "-sha512 " + pss + "-sigopt rsa_pss_saltlen:64",
		"-sha384 " + pss + "-sigopt rsa_pss_saltlen:17", "-sha1 " + pss + "-sigopt rsa_pss_saltlen:20",
		"-sha256 " + pss + "-sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha1", "-sha256 " + pss + "-sigopt rsa_pss_saltlen:0",
	} {
		c := w.certificate(name, options)
		require.NoError(t, c.CheckSignatureFrom(c), options)
		requireRefused(t, c)
	}
	// The key itself may say that it is for PSS only (RFC 4055, 1.2).
	w.run("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key")
	c := w.certificate("pss", "-sha256")
	require.NoError(t, c.CheckSignatureFrom(c))
	requireRefused(t, c)
}

func TestMessagesOfOpenSSLVerify(t *testing.T) {
	w := newWorkshop(t)
	w.write("content", []byte("content of a message"))
	for kind := range keys {
		t.Run(kind, func(t *testing.T) {
			w := workshop{t, w.folder}
			name := w.key(kind)
			c := w.certificate(name, "-sha256")
			for _, options := range []string{
				"-md sha1", "-md sha256", "-md sha256 -keyid", "-md sha256 -nocerts", "-md sha256 -noattr", "-md sha256 -stream", "-md sha224 -econtent_type 2.23.136.1.1.1",
			} {
				w.run("cms -sign -nodetach -binary -in content -signer " + name + ".pem -inkey " + name + ".key -outform DER -out message " + options)
				message := w.read("message")
				requireSignedBy(t, message, c, strings.Contains(options, "-nocerts"))
			}
		})
	}
}

func requireSignedBy(t *testing.T, message []byte, c *cms.Certificate, outside bool) {
	t.Helper()
	signed, err := cms.ParseSignedData(message)
	require.NoError(t, err)
	require.Equal(t, "content of a message", string(signed.Content))
	require.Len(t, signed.Signers, 1)
	if outside {
		require.Empty(t, signed.Certificates)
	} else {
		require.Equal(t, [][]byte{c.Raw}, signed.Certificates)
	}
	by, err := signed.Verify(&signed.Signers[0], []*cms.Certificate{c})
	require.NoError(t, err)
	require.Same(t, c, by)
	_, err = signed.Verify(&signed.Signers[0], nil)
	require.ErrorIs(t, err, cms.ErrNoCertificate)
	signed.Content = []byte("content of a massage")
	_, err = signed.Verify(&signed.Signers[0], []*cms.Certificate{c})
	require.Error(t, err)
	if signed.Signers[0].SignedAttributes != nil {
		require.ErrorIs(t, err, cms.ErrMessageDigest)
	} else {
		require.ErrorIs(t, err, cms.ErrSignature)
	}
}

func TestSeveralSignersAreToldApart(t *testing.T) {
	w := newWorkshop(t)
	w.write("content", []byte("content of a message"))
	var certificates []*cms.Certificate
	arguments := "cms -sign -nodetach -binary -in content -outform DER -out message -md sha256"
	for _, kind := range []string{"P-256", "RSA 2048"} {
		name := w.key(kind)
		certificates = append(certificates, w.certificate(name, "-sha256"))
		arguments += " -signer " + name + ".pem -inkey " + name + ".key"
	}
	w.run(arguments)
	signed, err := cms.ParseSignedData(w.read("message"))
	require.NoError(t, err)
	require.Len(t, signed.Signers, 2)
	seen := map[*cms.Certificate]bool{}
	for i := range signed.Signers {
		by, err := signed.Verify(&signed.Signers[i], certificates)
		require.NoError(t, err)
		seen[by] = true
	}
	require.Len(t, seen, 2)
	require.Error(t, signed.VerifyWith(&signed.Signers[0], certificates[1]), "the other's key")
	_, err = signed.Verify(&signed.Signers[0], certificates[1:])
	require.Error(t, err)
}

func TestRevocationListsAreRead(t *testing.T) {
	w := newWorkshop(t)
	name := w.key("P-256")
	c := w.certificate(name, "-sha256")
	w.write("index", []byte("R\t401231235959Z\t260101000000Z\t00AB\tunknown\t/CN=a\nV\t401231235959Z\t\t01\tunknown\t/CN=b\n"))
	w.write("number", []byte("01"))
	w.write("configuration", []byte("[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n"))
	w.run("ca -gencrl -config configuration -keyfile " + name + ".key -cert " + name + ".pem -out list.pem")
	w.run("crl -in list.pem -outform DER -out list")
	der := w.read("list")
	list, err := cms.ParseCRL(der)
	require.NoError(t, err)
	require.NoError(t, list.CheckSignatureFrom(c))
	require.True(t, list.Issuer.Equal(c.Subject))
	require.Equal(t, c.Extensions.SubjectKeyID, list.AuthorityKeyID)
	require.Equal(t, 1, list.Len())
	require.False(t, list.NextUpdate.IsZero())
	since, revoked := list.Revoked(bigInt(0xAB))
	require.True(t, revoked)
	require.Equal(t, 2026, since.Year())
	_, revoked = list.Revoked(bigInt(1))
	require.False(t, revoked)

	changed := append([]byte{}, der...)
	changed[len(list.RawTBS)] ^= 1
	if other, err := cms.ParseCRL(changed); err == nil {
		require.ErrorIs(t, other.CheckSignatureFrom(c), cms.ErrSignature)
	}
	for i := range der {
		_, err := cms.ParseCRL(der[:i])
		require.ErrorIs(t, err, cms.ErrMalformed)
	}
}
