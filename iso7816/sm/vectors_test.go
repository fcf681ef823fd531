package sm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

type hex = icaotest.Hex

func algorithm(t *testing.T, name string) sm.Algorithm {
	for _, a := range []sm.Algorithm{sm.TDES, sm.AES128, sm.AES192, sm.AES256} {
		if a.String() == name {
			return a
		}
	}
	t.Fatalf("no algorithm %q", name)
	return 0
}

func TestKeyDerivationExamples(t *testing.T) {
	var vectors []struct {
		K, Out hex
		C      uint32
		Alg    string
	}
	icaotest.Load(t, "kdf", &vectors)
	require.Len(t, vectors, 7)
	for _, v := range vectors {
		require.Equal(t, []byte(v.Out), algorithm(t, v.Alg).DeriveKey(v.K, v.C), "%s %d", v.Alg, v.C)
	}
}

// Doc 9303-11, D.4, byte for byte, from the session keys of D.3.
func TestTripleDESExamples(t *testing.T) {
	var keys []struct {
		KSEnc hex `json:"ks_enc"`
		KSMAC hex `json:"ks_mac"`
		SSC   hex `json:"ssc"`
	}
	icaotest.Load(t, "bac_d3", &keys)
	var vectors []struct {
		Step          string
		SSCCommand    hex `json:"ssc_cmd"`
		Plain         hex
		PlainPadded   hex `json:"plain_padded"`
		Enc           hex
		DO87          hex
		M, N          hex
		CC            hex
		Protected     hex
		Response      hex
		SSCResponse   hex `json:"ssc_rsp"`
		ResponseCC    hex `json:"response_cc"`
		ResponsePlain hex `json:"response_plain"`
	}
	icaotest.Load(t, "sm_3des_d4", &vectors)
	require.Len(t, vectors, 3)

	state := newState(t, sm.TDES, keys[0].KSEnc, keys[0].KSMAC, keys[0].SSC)
	session := sm.NewSession(state)
	for _, v := range vectors {
		plain := iso7816.Command{INS: v.Protected[1], P1: v.Protected[2], P2: v.Protected[3], Data: v.Plain}
		if len(v.Plain) == 0 {
			plain.Ne = int(v.M[8+2]) // value of object 97, behind the padded header
		}
		protected, err := session.Protect(plain)
		require.NoError(t, err)
		require.Equal(t, []byte(v.SSCCommand), state.SSC(), v.Step)
		require.Equal(t, []byte(v.Protected), protected, v.Step)
		requireIntermediates(t, keys[0].KSEnc, keys[0].KSMAC, v.Step, v.Plain, v.PlainPadded, v.Enc, v.DO87, v.N, v.M, v.CC)

		raw, err := iso7816.ParseResponse(append([]byte(nil), v.Response...))
		require.NoError(t, err)
		response, err := session.Unprotect(raw)
		require.NoError(t, err, v.Step)
		require.Equal(t, []byte(v.SSCResponse), state.SSC(), v.Step)
		require.Equal(t, iso7816.SWSuccess, response.SW)
		require.Equal(t, []byte(v.ResponsePlain), append([]byte{}, response.Data...), v.Step)
		require.Contains(t, string(v.Response), string(v.ResponseCC), v.Step)
	}
}

// The steps that the appendix prints on the way to the protected command.
func requireIntermediates(t *testing.T, ksEnc, ksMAC hex, step string, plain, plainPadded, enc, do87, n, m, cc hex) {
	t.Helper()
	if len(plain) > 0 {
		padded := sm.Pad(append([]byte(nil), plain...), 0, 8)
		require.Equal(t, []byte(plainPadded), padded, step)
		newState(t, sm.TDES, ksEnc, ksMAC, make([]byte, 8)).Encrypt(padded)
		require.Equal(t, []byte(enc), padded, step)
		require.Equal(t, []byte(do87), iso7816.AppendTLV(nil, sm.TagCryptogram, append([]byte{1}, enc...)), step)
	}
	// N is SSC, M and padding; the MAC pads by itself.
	require.Equal(t, []byte(n), sm.Pad(append([]byte(nil), n[:8+len(m)]...), 0, 8), step)
	require.Equal(t, []byte(m), []byte(n[8:8+len(m)]), step)
	mac, err := sm.NewMAC(sm.TDES, ksMAC)
	require.NoError(t, err)
	mac.Write(n[:8+len(m)])
	require.Equal(t, []byte(cc), mac.Sum(nil), step)
}

func TestAES256Transcript(t *testing.T) {
	var vectors []struct {
		KSEnc     hex `json:"ks_enc"`
		KSMAC     hex `json:"ks_mac"`
		Start     hex `json:"ssc_start"`
		End       hex `json:"ssc_end"`
		Exchanges []struct{ Plain, Protected, Response hex }
		File      hex
	}
	icaotest.Load(t, "sm_aes256_transcript", &vectors)
	v := vectors[0]
	require.Len(t, v.Exchanges, 3)
	state := newState(t, sm.AES256, v.KSEnc, v.KSMAC, v.Start)
	session := sm.NewSession(state)
	var file []byte
	for i, exchange := range v.Exchanges {
		plain := iso7816.Command{INS: exchange.Protected[1], P1: exchange.Protected[2], P2: exchange.Protected[3]}
		if len(exchange.Plain) > 0 {
			var err error
			plain, err = iso7816.ParseCommand(exchange.Plain)
			require.NoError(t, err)
		} else {
			plain.Ne = int(exchange.Protected[7]) // value of object 97
		}
		protected, err := session.Protect(plain)
		require.NoError(t, err)
		require.Equal(t, []byte(exchange.Protected), protected, "command %d", i)
		raw, err := iso7816.ParseResponse(append([]byte(nil), exchange.Response...))
		require.NoError(t, err)
		response, err := session.Unprotect(raw)
		require.NoError(t, err, "response %d", i)
		file = append(file, response.Data...)
	}
	require.Equal(t, []byte(v.File), file)
	require.Equal(t, []byte(v.End), state.SSC())
}

func TestAES128Derived(t *testing.T) {
	var vectors []struct {
		KSEnc hex `json:"ks_enc"`
		KSMAC hex `json:"ks_mac"`
		Steps []struct {
			Name          string
			SSCBefore     hex `json:"ssc_before"`
			Header, Data  hex
			Le            *int
			Command       hex `json:"protected_command"`
			Response      hex `json:"protected_response"`
			PlainResponse hex `json:"plain_response"`
			SW            hex
		}
	}
	icaotest.Load(t, "sm_aes128_derived", &vectors)
	v := vectors[0]
	require.NotEmpty(t, v.Steps)
	for _, step := range v.Steps {
		session := sm.NewSession(newState(t, sm.AES128, v.KSEnc, v.KSMAC, step.SSCBefore))
		plain := iso7816.Command{CLA: step.Header[0], INS: step.Header[1], P1: step.Header[2], P2: step.Header[3], Data: step.Data}
		if step.Le != nil {
			plain.Ne = *step.Le
		}
		protected, err := session.Protect(plain)
		require.NoError(t, err)
		require.Equal(t, []byte(step.Command), protected, step.Name)
		raw, err := iso7816.ParseResponse(append([]byte(nil), step.Response...))
		require.NoError(t, err)
		response, err := session.Unprotect(raw)
		require.NoError(t, err, step.Name)
		require.Equal(t, []byte(step.PlainResponse), append([]byte{}, response.Data...), step.Name)
		require.Equal(t, iso7816.StatusWord(step.SW[0])<<8|iso7816.StatusWord(step.SW[1]), response.SW, step.Name)
	}
}

func newState(t testing.TB, a sm.Algorithm, ksEnc, ksMAC, ssc []byte) *sm.State {
	t.Helper()
	state, err := sm.NewState(a, ksEnc, ksMAC, ssc)
	require.NoError(t, err)
	return state
}
