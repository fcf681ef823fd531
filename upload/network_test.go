package upload_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/sandbox"
)

// harm is what the network does to one connection, after some bytes of one
// direction.
type harm string

const (
	harmless  harm = "none"
	resets    harm = "reset"
	ends      harm = "end"
	stalls    harm = "stall"
	corrupts  harm = "another byte"
	trickles  harm = "a byte at a time"
	blackhole harm = "nothing arrives"
)

// network carries connections to a server and harms them.
type network struct {
	listener net.Listener
	server   string
	closed   chan struct{}

	mu     sync.Mutex
	random *rand.Rand
	done   map[harm]int
}

func startNetwork(t *testing.T, server string) *network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n := &network{listener: listener, server: server, closed: make(chan struct{}), random: rand.New(rand.NewPCG(7, 11)), done: map[harm]int{}}
	t.Cleanup(func() {
		close(n.closed)
		require.NoError(t, listener.Close())
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go n.carry(client.(*net.TCPConn))
		}
	}()
	return n
}

// plan draws what happens to a connection: in which direction, after how much.
func (n *network) plan() (h harm, toServer bool, after int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	harms := []harm{harmless, harmless, resets, resets, ends, ends, stalls, corrupts, trickles, blackhole}
	h = harms[n.random.IntN(len(harms))]
	n.done[h]++
	if toServer = n.random.IntN(2) == 0; toServer {
		return h, toServer, n.random.IntN(25_000)
	}
	return h, toServer, n.random.IntN(600)
}

// harms returns how often each was done.
func (n *network) harms() map[harm]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.done)
}

func (n *network) carry(client *net.TCPConn) {
	defer func() { _ = client.Close() }()
	h, toServer, after := n.plan()
	if h == blackhole {
		<-n.closed
		return
	}
	conn, err := net.Dial("tcp", n.server)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer func() { _ = server.Close() }()
	both := func(harmful func(to, from *net.TCPConn) error) {
		ended := make(chan struct{}, 2)
		direction := func(to, from *net.TCPConn, harmed bool) {
			var err error
			if harmed {
				err = harmful(to, from)
			} else {
				_, err = io.Copy(to, from)
			}
			if errors.Is(err, errHarmed) {
				if h == resets {
					_ = client.SetLinger(0)
					_ = server.SetLinger(0)
				}
				_ = client.Close()
				_ = server.Close()
			}
			_ = to.CloseWrite()
			ended <- struct{}{}
		}
		go direction(server, client, toServer)
		go direction(client, server, !toServer)
		<-ended
		<-ended
	}
	both(func(to, from *net.TCPConn) error {
		if h == harmless {
			_, err := io.Copy(to, from)
			return err
		}
		if _, err := io.CopyN(to, from, int64(after)); err != nil {
			return err
		}
		return n.harm(h, toServer, to, from)
	})
}

var errHarmed = errors.New("harmed")

func (n *network) harm(h harm, toServer bool, to, from *net.TCPConn) error {
	switch h {
	case stalls:
		<-n.closed
		return errHarmed
	case corrupts:
		// In an answer only within its body: whoever can rewrite its status on the
		// way is no network.
		if !toServer {
			if err := throughBlankLine(to, from); err != nil {
				return err
			}
		}
		b := make([]byte, 1)
		if _, err := io.ReadFull(from, b); err != nil {
			return err
		}
		b[0] ^= 1
		if _, err := to.Write(b); err != nil {
			return err
		}
		_, err := io.Copy(to, from)
		return err
	case trickles:
		for b := make([]byte, 1); ; {
			if _, err := io.ReadFull(from, b); err != nil {
				return err
			}
			if _, err := to.Write(b); err != nil {
				return err
			}
		}
	default:
		return errHarmed
	}
}

// throughBlankLine copies to the end of an HTTP header.
func throughBlankLine(to io.Writer, from io.Reader) error {
	b, last := make([]byte, 1), []byte{}
	for !bytes.HasSuffix(last, []byte("\r\n\r\n")) {
		if _, err := io.ReadFull(from, b); err != nil {
			return err
		}
		if _, err := to.Write(b); err != nil {
			return err
		}
		last = append(last, b...)
		last = last[max(0, len(last)-4):]
	}
	return nil
}

// Through a network that does everything networks do, to a service that does
// everything services do: nothing is called accepted that is not kept, and
// nothing refused or unsent that is.
func TestANetworkOfFaults(t *testing.T) {
	const uploads = 240
	// Each handler has come to its end when the server is closed below.
	s := sandbox.New(sandbox.Options{APIKey: apiKey, Secret: apiSecret, Drip: time.Millisecond})
	s.AddSession(session)
	server := httptest.NewServer(s)
	n := startNetwork(t, server.Listener.Addr().String())
	random := rand.New(rand.NewPCG(3, 5))
	for range uploads / 4 {
		s.Inject(sandbox.Faults()[random.IntN(len(sandbox.Faults()))], 1)
	}
	config := configFor("http://" + n.listener.Addr().String())
	config.Timeout = brief / 2
	client := newClient(t, config)

	type outcome struct {
		content []byte
		receipt upload.Receipt
		err     error
	}
	outcomes := make(chan outcome, uploads)
	work := make(chan int)
	var workers sync.WaitGroup
	for range 12 {
		workers.Go(func() {
			for i := range work {
				var o outcome
				if i%2 == 0 {
					docs := passport()
					docs.DG2 = append(docs.DG2, byte(i), byte(i>>8))
					o.content = docs.DG2
					o.receipt, o.err = client.UploadNFC(t.Context(), session, docs, nil)
				} else {
					o.content = append(jpegOf(64, 64), append(randomBytes(byte(i), 15_000), byte(i), byte(i>>8))...)
					o.receipt, o.err = client.UploadImage(t.Context(), session, upload.Image{
						Context: "face", File: media.File{MIMEType: "image/jpeg", Content: o.content},
					}, nil)
				}
				outcomes <- o
			}
		})
	}
	for i := range uploads {
		work <- i
	}
	close(work)
	workers.Wait()
	close(outcomes)
	s.Release()
	server.CloseClientConnections()
	server.Close()
	s.CommitLate()

	kept := map[string][]string{} // ids by content
	for _, m := range s.Media(session) {
		content := string(m.Content) + string(m.DG2)
		kept[content] = append(kept[content], m.ID)
	}
	ends := map[fault.Code]int{}
	for o := range outcomes {
		ids := kept[string(o.content)]
		require.LessOrEqual(t, len(ids), 1, "sent once, kept twice")
		if o.err == nil {
			ends["accepted"]++
			require.Equal(t, []string{o.receipt.MediaID}, ids, "accepted, not kept")
			continue
		}
		code := fault.From(o.err).Code
		ends[code]++
		switch upload.RetryOf(o.err) {
		case upload.RetryNever, upload.RetryLater:
			require.Empty(t, ids, "kept, but reported as %v", o.err)
		case upload.RetryAfterCheck:
		default:
			require.Fail(t, "not to be seen outside", "%v", o.err)
		}
	}
	t.Logf("connections %v, outcomes %v", n.harms(), ends)
	require.Len(t, n.harms(), 7, "every harm has been done")
	require.NotZero(t, ends["accepted"], "%v", ends)
	require.NotZero(t, ends[fault.UploadUncertain], "%v", ends)
}

// The same network between the client and the life of sessions: whatever breaks,
// asking and submitting again comes to the end.
func TestSessionLifeThroughANetworkOfFaults(t *testing.T) {
	s, url := startSandbox(t, sandbox.Options{})
	n := startNetwork(t, url[len("http://"):])
	config := configFor("http://" + n.listener.Addr().String())
	config.Timeout = brief / 2
	client := newClient(t, config)
	ctx, cancel := context.WithTimeout(t.Context(), 4*deadline)
	defer cancel()
	again := func(do func() error) {
		for {
			err := do()
			if err == nil {
				return
			}
			require.NoError(t, ctx.Err())
			if errors.Is(err, fault.UploadUnauthorized) || errors.Is(err, fault.UploadRejected) {
				continue // the network has changed the request
			}
			require.Equal(t, upload.RetryLater, upload.RetryOf(err), "%v", err)
		}
	}
	for range 12 {
		var created upload.Session
		again(func() (err error) {
			created, err = client.CreateSession(ctx, upload.NewSession{})
			return err
		})
		require.Contains(t, s.Sessions(), created.ID)
		again(func() error { _, err := client.ListMedia(ctx, created.ID); return err })
		again(func() error { _, err := client.Submit(ctx, created.ID); return err })
		require.True(t, s.Submitted(created.ID))
		again(func() error { _, err := client.Decision(ctx, created.ID); return err })
	}
}
