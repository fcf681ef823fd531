package canary_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/canary"
)

const value = "L898902C36UTO<<ERIKSSON"

func zipped(t *testing.T, content string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.String()
}

// A search that misses a disguise proves nothing: each is planted once.
func TestEveryDisguiseIsSeenThrough(t *testing.T) {
	encoded, err := json.Marshal(map[string]string{"v": value})
	require.NoError(t, err)
	utf16 := ""
	for _, c := range value {
		utf16 += string([]byte{byte(c), 0})
	}
	plants := map[string]string{
		"raw": value, "hex": hex.EncodeToString([]byte(value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(value))),
		"spaced": fmt.Sprintf("% x", value), "numbers": fmt.Sprintf("%d", []byte(value)), "url": url.QueryEscape(value),
		"utf-16": utf16, "json": string(encoded), "gzip": zipped(t, "before "+value), "gzip in gzip": zipped(t, "x"+zipped(t, value)),
		"base64 in gzip": zipped(t, base64.StdEncoding.EncodeToString([]byte("1"+value))),
	}
	for shift := range 6 {
		around := strings.Repeat("x", shift) + value + strings.Repeat("y", shift%2)
		plants[fmt.Sprint("base64 ", shift)] = base64.StdEncoding.EncodeToString([]byte(around))
		plants[fmt.Sprint("base64url ", shift)] = base64.URLEncoding.EncodeToString([]byte(around))
	}
	for name, plant := range plants {
		for _, output := range []string{plant, "some text " + plant + " more text"} {
			if strings.HasPrefix(name, "base64 ") && output != plant {
				output = "some text: " + plant + "."
			}
			require.NotEmpty(t, canary.Find([]byte(output), map[string][]byte{"mrz": []byte(value)}), name)
		}
	}
	require.Empty(t, canary.Find([]byte("L898902C and ERIKSON, "+zipped(t, "nothing")), map[string][]byte{"mrz": []byte(value), "short": []byte("and")}))
}
