package api

import (
	"log"
	"log/slog"
	"net"
	"sync"
)

// bounded is a listener with a bound on its open connections: one more waits.
type bounded struct {
	net.Listener
	slots chan struct{}
}

func (b *bounded) Accept() (net.Conn, error) {
	b.slots <- struct{}{}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
		return nil, err
	}
	return &connection{Conn: c, free: sync.OnceFunc(func() { <-b.slots })}, nil
}

type connection struct {
	net.Conn
	free func()
}

func (c *connection) Close() error {
	c.free()
	return c.Conn.Close()
}

// quiet logs what goes wrong below HTTP for those who look for it.
func quiet() *log.Logger { return slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug) }
