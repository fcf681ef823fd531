package trust_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
)

// patience is how long anything between processes may take.
const patience = 30 * time.Second

// What this test program does as another process.
const (
	roleVariable   = "TRUST_TEST_ROLE"
	folderVariable = "TRUST_TEST_FOLDER"
	fileVariable   = "TRUST_TEST_FILE"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "import":
		importOnce()
	case "import again and again":
		for {
			importOnce()
		}
	default:
		os.Exit(m.Run())
	}
}

// importOnce imports the lines of a file, a certificate each, one by one.
func importOnce() {
	file, err := os.ReadFile(os.Getenv(fileVariable))
	for line := range strings.Lines(string(file)) {
		der, decodeErr := hex.DecodeString(strings.TrimSpace(line))
		if err = errors.Join(err, decodeErr); err != nil {
			break
		}
		_, err = trust.Update(context.Background(), os.Getenv(folderVariable), func(s *trust.Store) error {
			_, err := s.Import(der, trust.ImportOptions{Now: issued})
			return err
		})
		fmt.Println("saved")
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// process starts this test program in a role.
func process(t *testing.T, role, folder string, certificates ...[]byte) (*exec.Cmd, io.Reader) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "certificates")
	var text strings.Builder
	for _, der := range certificates {
		text.WriteString(hex.EncodeToString(der) + "\n")
	}
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, os.Args[0])
	command.Env = append(os.Environ(), roleVariable+"="+role, folderVariable+"="+folder, fileVariable+"="+path)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	return command, out
}

// Imports by several processes at once: none loses what another one brought, and who
// reads meanwhile finds a whole store.
func TestImportsAtOnceDoNotLoseOneAnother(t *testing.T) {
	folder := t.TempDir()
	c := newCountry(t)
	const processes, each = 4, 3
	var running []*exec.Cmd
	for i := range processes {
		var certificates [][]byte
		for j := range each {
			if j == 0 { // document signers, whose file changes with each
				certificates = append(certificates, certify(t, c.signer.key, c.authority, request{common: "DS", serial: int64(1000 + i)}).der)
				continue
			}
			certificates = append(certificates, countries(t, fmt.Sprintf("%c%c", 'A'+i, 'A'+j))...)
		}
		command, _ := process(t, "import", folder, certificates...)
		running = append(running, command)
	}
	done := make(chan error, processes)
	for _, command := range running {
		go func() { done <- command.Wait() }()
	}
	for left := processes; left > 0; {
		select {
		case err := <-done:
			require.NoError(t, err)
			left--
		default:
			s, err := trust.Load(t.Context(), folder)
			require.NoError(t, err)
			_, err = s.Concerns(issued, trust.ConcernLimits{}) // reads the document signers, too
			require.NoError(t, err)
		}
	}
	s, err := trust.Load(t.Context(), folder)
	require.NoError(t, err)
	require.Equal(t, processes*(each-1), s.Len())
	require.Equal(t, processes, s.DocumentSigners())
}

// A program that is killed while it imports leaves the old store or the new one, and
// the next one is not kept waiting.
func TestKilledImportLeavesAWholeStore(t *testing.T) {
	folder := t.TempDir()
	c := newCountry(t)
	ds := func(serial int64) []byte {
		return certify(t, c.signer.key, c.authority, request{common: "DS", serial: serial}).der
	}
	for round := range 15 {
		before, err := trust.Load(t.Context(), folder)
		require.NoError(t, err)
		certificates := [][]byte{ds(int64(2 * round)), ds(int64(2*round + 1)), countries(t, fmt.Sprintf("A%c", 'A'+round))[0]}
		command, out := process(t, "import again and again", folder, certificates...)
		lines := bufio.NewScanner(out)
		for range round%3 + 1 {
			require.True(t, lines.Scan())
			require.Equal(t, "saved", lines.Text())
		}
		require.NoError(t, command.Process.Kill())
		_ = command.Wait() // killed, as asked
		s, err := trust.Load(t.Context(), folder)
		require.NoError(t, err)
		_, err = s.Concerns(issued, trust.ConcernLimits{})
		require.NoError(t, err)
		require.GreaterOrEqual(t, s.DocumentSigners(), before.DocumentSigners()+1)
		require.GreaterOrEqual(t, s.Len(), before.Len())
	}
	// The next save takes away what the killed ones left.
	_, err := trust.Update(t.Context(), folder, func(*trust.Store) error { return nil })
	require.NoError(t, err)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 3, "store, lock, document signers")
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	_, folder := kept(t)
	path := filepath.Join(folder, "trust.json")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = trust.Update(t.Context(), folder, func(s *trust.Store) error {
		_, err := s.Import(countries(t, "CC")[0], trust.ImportOptions{Now: issued})
		require.NoError(t, err)
		return io.ErrUnexpectedEOF
	})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// Waiting for another program ends with Ctrl-C.
func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	folder := t.TempDir()
	_, err := trust.Update(t.Context(), folder, func(*trust.Store) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := trust.Update(ctx, folder, func(*trust.Store) error { return nil })
		require.ErrorIs(t, err, context.Canceled)
		waiting, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer stop()
		_, err = trust.Update(waiting, folder, func(*trust.Store) error { return nil })
		require.ErrorIs(t, err, context.DeadlineExceeded, "somebody else has it")
		return nil
	})
	require.NoError(t, err)
}

// Document signers that are not those that were saved prove nothing, and say so.
func TestDamagedDocumentSignersAreNamed(t *testing.T) {
	c := newCountry(t)
	s := storeOf(t, c.authority.der, c.signer.der)
	folder := t.TempDir()
	require.NoError(t, s.Save(t.Context(), folder))
	files, err := filepath.Glob(filepath.Join(folder, "signers-*.bin"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	for what, content := range map[string][]byte{"cut off": b[:len(b)-1], "longer": append(b[:len(b):len(b)], 0), "changed": alter(b, c.signer.der, 9), "empty": nil} {
		require.NoError(t, os.WriteFile(files[0], content, 0o600))
		damaged, err := trust.Load(t.Context(), folder)
		require.NoError(t, err, "nothing needs them yet")
		_, notes := only(t, damaged.Verify(parse(t, append(make([]byte, 4), c.sod...)), issued))
		require.EqualValues(t, "undetermined: trust_store_damaged", notes[trust.CheckSignature], what)
		_, err = damaged.Concerns(issued, trust.ConcernLimits{})
		require.ErrorIs(t, err, fault.TrustStoreDamaged, what)
		_, err = damaged.Import(certify(t, c.signer.key, c.authority, request{common: "DS", serial: 9}).der, trust.ImportOptions{Now: issued})
		require.ErrorIs(t, err, fault.TrustStoreDamaged, what)
	}
	require.NoError(t, os.Remove(files[0]))
	_, err = trust.Load(t.Context(), folder)
	require.ErrorIs(t, err, fault.TrustStoreDamaged, "missing")
}
