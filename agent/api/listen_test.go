package api_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent/api"
	"passport-agent/internal/fault"
)

// The API is on this machine's loopback, on both of its addresses, and nowhere else.
func TestBothLoopbackAddressesAnswer(t *testing.T) {
	d := newDesk(t, deskOptions{})
	for _, host := range []string{"127.0.0.1", "::1"} {
		address := net.JoinHostPort(host, fmt.Sprint(d.port))
		response, err := http.Get("http://" + address + "/v1/health")
		if host == "::1" && err != nil {
			if probe, probeErr := net.Listen("tcp6", "[::1]:0"); probeErr != nil {
				t.Skip("this machine has no ::1")
			} else {
				require.NoError(t, probe.Close())
			}
		}
		require.NoError(t, err)
		require.Equal(t, 200, response.StatusCode)
		require.NoError(t, response.Body.Close())
	}
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		_, err := net.Dial("tcp", net.JoinHostPort(ip.String(), fmt.Sprint(d.port)))
		require.Error(t, err, "%s answers", ip)
	}
}

func TestAddressesThatOthersCouldReachAreRefused(t *testing.T) {
	for _, address := range []string{"0.0.0.0:1", ":24770", "[::]:24770", "192.168.0.1:24770", "example.com:24770", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ""} {
		_, err := api.Listen(address)
		require.ErrorIs(t, err, fault.ConfigInvalid, address)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	for _, network := range []string{"tcp4", "tcp6"} {
		host := map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"}[network]
		taken, err := net.Listen(network, net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("%s: %v", network, err)
			continue
		}
		port := taken.Addr().(*net.TCPAddr).Port
		_, err = api.Listen(fmt.Sprintf("127.0.0.1:%d", port))
		require.ErrorIs(t, err, fault.PortTaken, "whoever has one of the two would answer in our name")
		if runtime.GOOS == "linux" {
			require.ErrorContains(t, err, fmt.Sprintf("api.test (process %d)", os.Getpid()))
		}
		require.NoError(t, taken.Close())
	}
}

func TestThePortFileIsItsOwnersAndGoesWithTheAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "agent.json")
	file := api.PortFile{PID: 7, Port: 8, URL: "http://127.0.0.1:8", Token: "secret"}
	require.NoError(t, file.Write(path))
	read, err := api.ReadPortFile(path)
	require.NoError(t, err)
	file.Version = read.Version
	require.Equal(t, file, read)
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	// The file of an agent that was started since stays.
	later := api.PortFile{PID: 9, Port: 8}
	require.NoError(t, later.Write(path))
	file.Remove(path)
	require.FileExists(t, path)
	later.Remove(path)
	require.NoFileExists(t, path)
	_, err = api.ReadPortFile(path)
	require.ErrorIs(t, err, fault.InputFileMissing)
}
