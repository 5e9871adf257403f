package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
)

// pathUpstream answers each HTTP/1.1 request with the target that stood in its
// request line, byte for byte, with no library in between that could mend it.
type pathUpstream struct {
	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool // nil once it stopped
	running  sync.WaitGroup
}

func startPathUpstream() (*pathUpstream, error) {
	l, err := listen()
	if err != nil {
		return nil, err
	}
	u := &pathUpstream{listener: l, open: map[net.Conn]bool{}}
	u.running.Go(u.accept)
	return u, nil
}

func (u *pathUpstream) accept() {
	for {
		connection, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		if u.open == nil {
			_ = connection.Close()
		} else {
			u.open[connection] = true
			u.running.Go(func() { u.serve(connection) })
		}
		u.mu.Unlock()
	}
}

func (u *pathUpstream) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	reader := bufio.NewReader(connection)
	for {
		target := ""
		for first := true; ; first = false {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimRight(line, "\r\n"); line == "" {
				break
			}
			if first {
				target = strings.TrimSuffix(line[strings.IndexByte(line, ' ')+1:], " HTTP/1.1")
			}
		}
		if _, err := fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-saw: %s\r\n\r\n", hex.EncodeToString([]byte(target))); err != nil {
			return
		}
	}
}

func (u *pathUpstream) stop() {
	_ = u.listener.Close()
	u.mu.Lock()
	for connection := range u.open {
		_ = connection.Close()
	}
	u.open = nil
	u.mu.Unlock()
	u.running.Wait()
}

// routed is what became of a request.
type routed struct {
	status  int    // 0: Envoy ended the stream
	reached bool   // the upstream
	saw     string // the target that the upstream got
	route   string // admin, public or other
	id      string // of the decision
}

func (r *routed) read(field func(string) string) error {
	r.route, r.id = field("x-routed"), field("x-decision-id")
	saw := field("x-saw")
	if saw == "" {
		return nil
	}
	r.reached = true
	target, err := hex.DecodeString(saw)
	r.saw = string(target)
	return err
}

// pathClient asks over one connection at a time, HTTP/1.1 for plain targets and
// HTTP/2 for those with bytes that HTTP/1.1 cannot hold. Nothing in it changes
// a target.
type pathClient struct {
	address, token string
	gate           *demo.Gate
	h1             net.Conn
	h1Reader       *bufio.Reader
	h2             *h2Client
}

func (c *pathClient) close() {
	if c.h1 != nil {
		_ = c.h1.Close()
		c.h1 = nil
	}
	if c.h2 != nil {
		_ = c.h2.connection.Close()
		c.h2 = nil
	}
}

func (c *pathClient) dial(ctx context.Context) (net.Conn, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	return connection, connection.SetDeadline(time.Now().Add(time.Minute))
}

// ask sends a request; one that a connection which Envoy has closed in between
// swallowed is sent again.
func (c *pathClient) ask(ctx context.Context, host, target string, h2 bool) (routed, error) {
	var failed error
	for range 3 {
		var r routed
		if h2 {
			r, failed = c.askH2(ctx, host, target)
		} else {
			r, failed = c.askH1(ctx, host, target)
		}
		if failed == nil {
			return r, nil
		}
		c.close()
	}
	return routed{}, fmt.Errorf("%s %q: %w", host, target, failed)
}

func (c *pathClient) askH1(ctx context.Context, host, target string) (r routed, err error) {
	if c.h1 == nil {
		if c.h1, err = c.dial(ctx); err != nil {
			return r, err
		}
		c.h1Reader = bufio.NewReader(c.h1)
	}
	if _, err := io.WriteString(c.h1, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\n"+authorization(c.token)+"\r\n\r\n"); err != nil {
		return r, err
	}
	res, err := http.ReadResponse(c.h1Reader, nil)
	if err != nil {
		return r, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if res.Close || err != nil {
		_ = c.h1.Close()
		c.h1 = nil
	}
	r.status = res.StatusCode
	return r, errors.Join(err, res.Body.Close(), r.read(res.Header.Get))
}

// h2Client has one connection and one stream at a time.
type h2Client struct {
	connection net.Conn
	framer     *http2.Framer
	block      bytes.Buffer
	encoder    *hpack.Encoder
	stream     uint32
}

func newH2Client(connection net.Conn) (*h2Client, error) {
	c := &h2Client{connection: connection, framer: http2.NewFramer(connection, connection), stream: 1}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.block)
	if _, err := io.WriteString(connection, http2.ClientPreface); err != nil {
		return nil, err
	}
	return c, errors.Join(c.framer.WriteSettings(), c.framer.WriteWindowUpdate(0, 1<<30))
}

func (c *pathClient) askH2(ctx context.Context, host, target string) (r routed, err error) {
	if c.h2 == nil {
		connection, err := c.dial(ctx)
		if err != nil {
			return r, err
		}
		if c.h2, err = newH2Client(connection); err != nil {
			return r, err
		}
	}
	r, goOn, err := c.h2.get(fields(target, host, c.token))
	if !goOn && err == nil {
		_ = c.h2.connection.Close()
		c.h2 = nil
	}
	return r, err
}

// get reports whether the connection can be used again.
func (c *h2Client) get(request []hpack.HeaderField) (r routed, goOn bool, err error) {
	c.block.Reset()
	for _, field := range request {
		if err := c.encoder.WriteField(field); err != nil {
			return r, false, err
		}
	}
	id := c.stream
	c.stream += 2
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
		return r, false, err
	}
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return r, false, err
		}
		ended, goOn, err := c.take(frame, id, &r)
		if ended || err != nil {
			return r, goOn, err
		}
	}
}

func (c *h2Client) take(frame http2.Frame, id uint32, r *routed) (ended, goOn bool, err error) {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return false, true, c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		return false, true, c.framer.WritePing(true, f.Data)
	case *http2.GoAwayFrame: // Envoy refuses some requests by ending the connection
		return true, false, nil
	case *http2.RSTStreamFrame:
		return f.StreamID == id, true, nil
	case *http2.DataFrame:
		return f.StreamID == id && f.StreamEnded(), true, nil
	case *http2.MetaHeadersFrame:
		if f.StreamID != id {
			break
		}
		if r.status, err = strconv.Atoi(f.PseudoValue("status")); err != nil {
			return true, false, err
		}
		err = r.read(func(name string) string {
			for _, field := range f.RegularFields() {
				if field.Name == name {
					return field.Value
				}
			}
			return ""
		})
		return f.StreamEnded(), true, err
	}
	return false, true, nil
}
