// Package badnetwork is a network for tests that does not do its part: it passes
// connections on, or resets them, cuts them, and goes silent.
package badnetwork

import (
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// Network lies between a client and a service.
type Network struct {
	// URL is where the client goes.
	URL  string
	to   string
	calm atomic.Bool
}

// New puts a network before the service at a URL http://HOST:PORT. It is bad until Calm.
// The test's end closes it.
func New(t testing.TB, url string) *Network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // nothing is lost with it
	n := &Network{URL: "http://" + listener.Addr().String(), to: url[len("http://"):]}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go n.pass(connection.(*net.TCPConn))
		}
	}()
	return n
}

// Calm says whether connections from now on are passed on whole.
func (n *Network) Calm(calm bool) { n.calm.Store(calm) }

// The ends that a connection of a bad network comes to, each as likely as the others;
// everything above them passes.
const (
	resetUp = iota
	silentUp
	resetDown
	silentDown
	kinds = 9
)

// cutWithin is how many bytes pass at most before a connection meets its end.
const cutWithin = 600

// pass hands a connection on for a number of bytes, then resets it, or passes nothing
// more until one side goes.
func (n *Network) pass(from *net.TCPConn) {
	defer func() { _ = from.Close() }()
	kind := kinds
	if !n.calm.Load() {
		kind = rand.IntN(kinds)
	}
	to, err := net.Dial("tcp", n.to)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	up, down := int64(1<<40), int64(1<<40) // bytes that pass
	switch kind {
	case resetUp, silentUp:
		up = rand.Int64N(cutWithin)
	case resetDown, silentDown:
		down = rand.Int64N(cutWithin)
	}
	ended := make(chan bool, 2)
	carry := func(to, from net.Conn, limit int64) {
		n, _ := io.CopyN(to, from, limit)
		ended <- n == limit
	}
	go carry(to, from, up)
	go carry(from, to, down)
	cut := <-ended
	switch {
	case cut && (kind == resetUp || kind == resetDown):
		_ = from.SetLinger(0)
	case cut:
		// The client gives up. What it had sent is not passed on any more.
		_, _ = io.Copy(io.Discard, from)
	default:
		_ = to.(*net.TCPConn).CloseWrite()
		<-ended
	}
}
