package doctor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/doctor"
	"passport-agent/icao/trust"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/pcsc"
	"passport-agent/virtual"
)

var now = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// healthy is a machine on which nothing is wrong.
func healthy(t *testing.T) doctor.Options {
	t.Helper()
	specimen, err := virtual.Personalise(virtual.Options{Now: now.AddDate(0, -1, 0)})
	require.NoError(t, err)
	store := &trust.Store{}
	_, err = store.Import(specimen.CSCA, trust.ImportOptions{})
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Mkdir(folder, 0o700))
	return doctor.Options{
		Inspect: func() config.Inspection { return config.Inspection{} },
		Readers: func(context.Context) ([]pcsc.ReaderInfo, error) {
			return []pcsc.ReaderInfo{{Name: "ACS ACR1252", Status: pcsc.ReaderEmpty}}, nil
		},
		Trust:   func(context.Context) (*trust.Store, error) { return store, nil },
		Queue:   func(context.Context) (doctor.Queue, error) { return doctor.Queue{Waiting: 2, Oldest: time.Hour}, nil },
		Keyring: func(context.Context) error { return nil },
		Service: func(context.Context) (doctor.Service, error) { return doctor.Service{Time: now.Add(time.Second)}, nil },
		Folder:  folder, LogFile: filepath.Join(folder, "log", "agent.log"), System: fstest.MapFS{}, Now: func() time.Time { return now },
	}
}

func TestNothingIsWrong(t *testing.T) {
	var observed []doctor.Finding
	findings := doctor.Examine(t.Context(), healthy(t), func(f doctor.Finding) { observed = append(observed, f) })
	require.Equal(t, findings, observed)
	require.Equal(t, doctor.OK, doctor.Worst(findings))
	seen := map[string]bool{}
	for _, f := range findings {
		require.Equal(t, doctor.OK, f.Result, "%+v", f)
		require.Empty(t, f.Mend)
		seen[f.Check] = true
	}
	for _, check := range []string{"configuration", "data_folder", "log_file", "smart_card_service", "readers", "kernel_modules", "trust_list", "keyring", "queue", "api"} {
		require.True(t, seen[check], check)
	}
}

// Each thing is broken by itself: exactly its own check says so, with a cause and
// something to do.
func TestEachThingThatBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(t *testing.T, o *doctor.Options)
		check  string
		result doctor.Result
		mend   string
	}{
		"a mistake in the configuration": {func(_ *testing.T, o *doctor.Options) {
			o.Inspect = func() config.Inspection {
				return config.Inspection{Problems: []config.Problem{{Place: "config.toml:3", Text: "unknown key wiat", Mend: "Did you mean wait?"}}}
			}
		}, "configuration", doctor.Problem, "Did you mean wait?"},
		"no data folder":           {func(_ *testing.T, o *doctor.Options) { o.Folder = "" }, "data_folder", doctor.Warning, "--data-dir"},
		"a data folder others see": {func(t *testing.T, o *doctor.Options) { require.NoError(t, os.Chmod(o.Folder, 0o755)) }, "data_folder", doctor.Warning, "chmod 700"},
		"a data folder that is a file": {func(t *testing.T, o *doctor.Options) {
			o.Folder = filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(o.Folder, nil, 0o600))
		}, "data_folder", doctor.Problem, "chown"},
		"a log file in a file": {func(t *testing.T, o *doctor.Options) {
			require.NoError(t, os.WriteFile(filepath.Dir(o.LogFile), nil, 0o600))
		}, "log_file", doctor.Warning, "log_file"},
		"a log file that is a folder": {func(t *testing.T, o *doctor.Options) {
			require.NoError(t, os.MkdirAll(o.LogFile, 0o700))
		}, "log_file", doctor.Warning, "log_file"},
		"a log file others read": {func(t *testing.T, o *doctor.Options) {
			o.LogFile = filepath.Join(o.Folder, "agent.log")
			require.NoError(t, os.WriteFile(o.LogFile, nil, 0o600))
			require.NoError(t, os.Chmod(o.LogFile, 0o644))
		}, "log_file", doctor.Warning, "chmod o= "},
		"a clock that stands still": {func(_ *testing.T, o *doctor.Options) {
			o.Now = func() time.Time { return time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC) }
			o.Trust, o.Service = nil, nil // certificates and the service would notice as well
		}, "clock", doctor.Problem, "timedatectl"},
		"a clock that runs apart": {func(_ *testing.T, o *doctor.Options) {
			o.Service = func(context.Context) (doctor.Service, error) { return doctor.Service{Time: now.Add(-time.Hour)}, nil }
		}, "clock", doctor.Problem, "timedatectl"},
		"no smart card service": {failReaders(fault.PCSCNoService), "smart_card_service", doctor.Problem, "systemctl start pcscd.socket"},
		"no permission":         {failReaders(fault.PCSCNotPermitted), "smart_card_service", doctor.Problem, "polkit"},
		"no library":            {failReaders(fault.PCSCLibraryMissing), "smart_card_service", doctor.Problem, "apt-get install"},
		"no reader": {func(_ *testing.T, o *doctor.Options) {
			o.Readers = func(context.Context) ([]pcsc.ReaderInfo, error) { return nil, nil }
		}, "readers", doctor.Problem, "Plug in"},
		"a kernel module": {func(_ *testing.T, o *doctor.Options) {
			o.System = fstest.MapFS{"sys/module/pn533_usb/refcnt": {}}
		}, "kernel_modules", doctor.Warning, "blacklist pn533_usb"},
		"no country signers": {func(_ *testing.T, o *doctor.Options) {
			o.Trust = func(context.Context) (*trust.Store, error) { return &trust.Store{}, nil }
		}, "trust_list", doctor.Warning, "trust import"},
		"a damaged trust store": {func(_ *testing.T, o *doctor.Options) {
			o.Trust = func(context.Context) (*trust.Store, error) { return nil, fault.New(fault.TrustStoreDamaged, "", nil) }
		}, "trust_list", doctor.Problem, "import the lists again"},
		"no keyring": {func(_ *testing.T, o *doctor.Options) {
			o.Keyring = func(context.Context) error { return errors.New("no bus") }
		}, "keyring", doctor.Problem, "unlock"},
		"an old item": {queueOf(doctor.Queue{Waiting: 1, Oldest: 48 * time.Hour}), "queue", doctor.Warning, "queue flush"},
		"a damaged queue": {func(_ *testing.T, o *doctor.Options) {
			o.Queue = func(context.Context) (doctor.Queue, error) {
				return doctor.Queue{}, fault.New(fault.QueueItemDamaged, "", nil)
			}
		}, "queue", doctor.Problem, "drop the item"},
		"a refused item": {queueOf(doctor.Queue{Refused: 1}), "queue", doctor.Warning, "queue list"},
		"wrong secret":   {failService(fault.UploadUnauthorized), "api", doctor.Problem, "api_secret"},
		"no network":     {failService(fault.UploadUnreachable), "api", doctor.Warning, "network"},
	} {
		t.Run(name, func(t *testing.T) {
			o := healthy(t)
			c.spoil(t, &o)
			found := false
			for _, f := range doctor.Examine(t.Context(), o, nil) {
				if f.Result != c.result {
					require.Contains(t, []doctor.Result{doctor.OK, doctor.Skipped}, f.Result, "%+v", f)
					continue
				}
				require.Equal(t, c.check, f.Check)
				require.NotEmpty(t, f.Cause)
				require.Contains(t, f.Mend, c.mend)
				found = true
			}
			require.True(t, found)
		})
	}
}

func failReaders(code fault.Code) func(*testing.T, *doctor.Options) {
	return func(_ *testing.T, o *doctor.Options) {
		o.Readers = func(context.Context) ([]pcsc.ReaderInfo, error) { return nil, fault.New(code, "", nil) }
	}
}

func failService(code fault.Code) func(*testing.T, *doctor.Options) {
	return func(_ *testing.T, o *doctor.Options) {
		o.Service = func(context.Context) (doctor.Service, error) { return doctor.Service{}, fault.New(code, "", nil) }
	}
}

func queueOf(q doctor.Queue) func(*testing.T, *doctor.Options) {
	return func(_ *testing.T, o *doctor.Options) {
		o.Queue = func(context.Context) (doctor.Queue, error) { return q, nil }
	}
}

// With a module that takes readers away and no reader left, it is to blame.
func TestAKernelModuleWithoutAReader(t *testing.T) {
	o := healthy(t)
	o.Readers = func(context.Context) ([]pcsc.ReaderInfo, error) { return nil, nil }
	o.System = fstest.MapFS{"sys/module/pn533_usb/refcnt": {}}
	problems := 0
	for _, f := range doctor.Examine(t.Context(), o, nil) {
		if f.Result == doctor.Problem {
			problems++
			require.Contains(t, []string{"readers", "kernel_modules"}, f.Check)
		}
	}
	require.Equal(t, 2, problems)
}

// What is not set up is passed over, and nothing panics without anything to look at.
func TestNothingToLookAt(t *testing.T) {
	for _, f := range doctor.Examine(t.Context(), doctor.Options{}, nil) {
		require.Contains(t, []doctor.Result{doctor.Skipped, doctor.OK, doctor.Warning}, f.Result)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Empty(t, doctor.Examine(ended, healthy(t), nil))
}
