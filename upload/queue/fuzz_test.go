package queue_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/upload/queue"
)

const item = "0123456789abcdef0123456789abcdef"

// fuzzKey opens the items of these targets; which one it is does not matter.
func fuzzKey(f *testing.F) *age.X25519Identity {
	identity, err := age.GenerateX25519Identity()
	require.NoError(f, err)
	return identity
}

func goodRecord(f *testing.F) []byte {
	b, err := json.Marshal(queue.Record{Version: 1, ID: item, State: queue.Exported, Bytes: 4, Epoch: "key-0123456789abcdef", SessionHash: strings.Repeat("a", 64), Progress: []byte{1, 2, 3}})
	require.NoError(f, err)
	return b
}

// The record beside an item is the item's, or it is damaged; it leads nowhere out of
// the queue's folder.
func FuzzRecord(f *testing.F) {
	f.Add(item, goodRecord(f))
	f.Add(item, []byte(`{"version":2}`))
	f.Add("../../../../etc/passwd", []byte(`{"version":1,"id":"../../../../etc/passwd"}`))
	f.Add(item, []byte(`{"version":1,"id":"`+item+`","state":"waiting","epoch":"../key-0123456789abcdef"}`))
	f.Fuzz(func(t *testing.T, id string, b []byte) {
		fuzzlimit.Check(t, func() {
			r, err := queue.ParseRecord(id, b)
			if err != nil {
				require.Contains(t, []fault.Code{fault.QueueItemDamaged, fault.QueueNewer}, fault.From(err).Code)
				return
			}
			require.Equal(t, id, r.ID)
			require.Regexp(t, `^[0-9a-f]{32}$`, r.ID)
			require.Regexp(t, `^[0-9a-z-]+$`, r.Epoch)
			require.Regexp(t, `^([0-9a-f]{64})?$`, r.SessionHash)
			again, err := json.Marshal(r)
			if err != nil {
				return // a year that JSON does not have
			}
			same, err := queue.ParseRecord(id, again)
			require.NoError(t, err)
			require.Equal(t, r, same)
		})
	})
}

// A sealed item comes from whoever knows the recipient.
func FuzzItem(f *testing.F) {
	identity := fuzzKey(f)
	for _, plan := range []queue.Plan{chipPlan(), fullPlan()} {
		var sealed bytes.Buffer
		require.NoError(f, queue.Seal(&sealed, identity.Recipient(), plan))
		plain, err := age.Decrypt(&sealed, identity)
		require.NoError(f, err)
		archive, err := io.ReadAll(plain)
		require.NoError(f, err)
		f.Add(archive)
	}
	for _, plan := range []string{`{"version":1,"images":["a"]}`, `{"version":1,"nfcDocuments":true}`, `{"version":2}`, `{"version":1,"images":[` + strings.Repeat(`"",`, 64) + `""]}`} {
		for _, size := range []int64{30 << 20, 100 << 20} { // announced, and not there
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			require.NoError(f, w.WriteHeader(&tar.Header{Name: "plan.json", Size: int64(len(plan)), Format: tar.FormatUSTAR}))
			_, err := w.Write([]byte(plan))
			require.NoError(f, err)
			require.NoError(f, w.WriteHeader(&tar.Header{Name: "image-01", Size: size, Format: tar.FormatUSTAR}))
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, identity.Recipient())
		require.NoError(t, err)
		_, err = w.Write(archive)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		fuzzlimit.Check(t, func() {
			plan, err := queue.ReadItem(&sealed, identity)
			if err != nil {
				require.Contains(t, []fault.Code{fault.QueueItemDamaged, fault.QueueNewer}, fault.From(err).Code)
				return
			}
			require.True(t, len(plan.Images) > 0 || plan.NFC.DG1 != nil, "there is something to send")
			for _, content := range append([][]byte{plan.NFC.COM, plan.NFC.SOD, plan.NFC.DG1, plan.NFC.DG2}, images(plan)...) {
				require.True(t, bytes.Contains(archive, content), "nothing is made up")
			}
		})
	})
}

func images(p queue.Plan) (all [][]byte) {
	for _, image := range p.Images {
		all = append(all, image.Content)
	}
	return all
}

// What is not sealed for the key is not opened, and says no more than that.
func FuzzSealed(f *testing.F) {
	identity := fuzzKey(f)
	other, err := age.GenerateX25519Identity()
	require.NoError(f, err)
	var sealed bytes.Buffer
	require.NoError(f, queue.Seal(&sealed, other.Recipient(), chipPlan()))
	f.Add(sealed.Bytes()[:min(sealed.Len(), 1000)])
	f.Add([]byte("age-encryption.org/v1\n-> X25519 AAAA\nAAAA\n--- AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			_, err := queue.ReadItem(bytes.NewReader(b), identity)
			require.Error(t, err)
			require.Contains(t, []fault.Code{fault.QueueItemDamaged, fault.QueueIdentityInvalid}, fault.From(err).Code)
		})
	})
}

// A bundle is taken as it was exported, or refused, and then nothing of it is left.
func FuzzBundle(f *testing.F) {
	f.Add(goodRecord(f), []byte{1, 2, 3, 4})
	f.Add([]byte(`{"version":1,"id":"`+item+`","state":"held","bytes":0,"epoch":"key-0123456789abcdef","sessionSeen":"9999-12-31T23:59:59Z"}`), []byte{})
	f.Add([]byte(`{"version":1,"id":"`+item+`","state":"sending","bytes":0,"epoch":"key-0123456789abcdef"}`), []byte{})
	f.Add([]byte(`{}`), []byte{0})
	stick, home := f.TempDir(), f.TempDir()
	f.Fuzz(func(t *testing.T, record, sealed []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(stick, item+".json"), record, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(stick, item+".age"), sealed, 0o600))
		require.NoError(t, os.RemoveAll(filepath.Join(home, "queue")))
		q := open(t, options(home))
		fuzzlimit.Check(t, func() {
			imported, err := q.Import(t.Context(), stick)
			if err != nil {
				require.Contains(t, []fault.Code{fault.QueueBundleInvalid, fault.QueueNewer}, fault.From(err).Code)
			}
			items, listErr := q.List(t.Context())
			require.NoError(t, listErr)
			require.Len(t, items, len(imported))
			for _, i := range items {
				require.Equal(t, item, i.ID)
				require.False(t, i.Damaged)
				require.Contains(t, []queue.State{queue.Waiting, queue.Held, queue.Refused, queue.Expired}, i.State)
				require.EqualValues(t, len(sealed), i.Bytes)
			}
		})
	})
}

// An identity file is read or refused, and never quoted.
func FuzzIdentities(f *testing.F) {
	f.Add([]byte("# created: 2026\nAGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQS3H4LNK\n"))
	f.Add([]byte("AGE-PLUGIN-YUBIKEY-1QQQ\n"))
	f.Add([]byte(strings.Repeat("\n", 100)))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			identities, err := queue.ParseIdentities(b)
			if err != nil {
				require.ErrorIs(t, err, fault.QueueIdentityInvalid)
				_, same := queue.ParseIdentities([]byte("x"))
				require.Equal(t, same.Error(), err.Error())
				return
			}
			require.NotEmpty(t, identities)
		})
	})
}
