package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// passage is a front of Envoy as a contender: requests of HTTP/1.1 go through
// Envoy, and the server behind it, where there is one, is asked by Envoy.
type passage struct {
	front   front
	envoy   *envoyProcess
	server  *server // nil where Envoy decides alone
	address string
	traffic *requests
}

// requests are encoded HTTP requests.
type requests struct {
	all    [][]byte
	forged []byte
	users  []string // whom they are about
}

// envoyLevels are how hard Envoy is asked.
func envoyLevels() []level {
	return []level{
		{name: "Envoy, saturated", inFlight: 8},
		{name: "Envoy, 2000/s", inFlight: 16, rate: 2000},
	}
}

// allLevels are those of both parts, in the order of a round.
func allLevels() []level { return append(levels(), envoyLevels()...) }

func (*passage) levels() []level { return envoyLevels() }

func (b *bench) passages(ctx context.Context, all []front, ports []int) ([]contender, error) {
	traffic, err := b.world.requests()
	if err != nil {
		return nil, err
	}
	var passages []contender
	for i, f := range all {
		p := &passage{
			front: f, envoy: b.envoy, server: b.server(f.server, f.load()),
			address: fmt.Sprintf("127.0.0.1:%d", ports[i]), traffic: traffic,
		}
		if err := p.examine(ctx); err != nil {
			return nil, fmt.Errorf("%s behind Envoy answers wrongly: %w", f.name, err)
		}
		passages = append(passages, p)
	}
	return passages, nil
}

// requests encodes what a browser sends.
func (w *world) requests() (*requests, error) {
	load := usual()
	tokens, err := w.tokens(pool{load.Algorithm, load.Tenants}, load.Tokens)
	if err != nil {
		return nil, err
	}
	r := &requests{}
	for i, text := range tokens {
		who := identityAt(i, load.Tenants)
		r.all = append(r.all, encodeHTTP(who, text))
		r.users = append(r.users, who.subject)
	}
	r.forged = encodeHTTP(identityAt(0, load.Tenants), forge(tokens[0]))
	return r, nil
}

func encodeHTTP(who identity, token string, more ...string) []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nhost: %s\r\n", requestPath, hostOf(who))
	for _, h := range requestHeaders(who, token) {
		if !strings.HasPrefix(h[0], ":") {
			fmt.Fprintf(&text, "%s: %s\r\n", h[0], h[1])
		}
	}
	for _, line := range more {
		text.WriteString(line + "\r\n")
	}
	text.WriteString("\r\n")
	return []byte(text.String())
}

var errPassage = errors.New("not the answer that is due")

// examine holds that Envoy lets a good request through with the headers that
// its server or filter sets, and a forged one only where nobody looks.
func (p *passage) examine(ctx context.Context) error {
	seen, err := p.once(ctx, insertLine(p.traffic.all[1], "x-examine: yes"))
	if err != nil {
		return err
	}
	want := ""
	switch {
	case p.front.native || p.server != nil && p.server.injects:
		want = p.traffic.users[1]
	case p.server != nil:
		want = p.traffic.users[0]
	}
	if seen.code != http.StatusNoContent || seen.user != want {
		return fmt.Errorf("%w: a good token: %d for user %q, want 204 for %q", errPassage, seen.code, seen.user, want)
	}
	if seen, err = p.once(ctx, p.traffic.forged); err != nil {
		return err
	}
	want401 := p.front.native || p.server != nil && p.server.decides
	if want401 != (seen.code == http.StatusUnauthorized) {
		return fmt.Errorf("%w: a forged token: %d", errPassage, seen.code)
	}
	return nil
}

// insertLine adds a header to an encoded request.
func insertLine(request []byte, line string) []byte {
	return []byte(strings.TrimSuffix(string(request), "\r\n") + line + "\r\n\r\n")
}

// seen is what came back.
type seen struct {
	code int
	user string
}

// once sends one request over a connection of its own.
func (p *passage) once(ctx context.Context, request []byte) (seen, error) {
	c := &httpClient{address: p.address}
	defer c.close()
	if err := c.send(ctx, request); err != nil {
		return seen{}, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return seen{}, err
	}
	defer func() { _ = response.Body.Close() }()
	return seen{response.StatusCode, response.Header.Get("X-Saw-User-Id")}, nil
}

// begin makes clients of the level; what Envoy spends meanwhile counts for this
// front.
func (p *passage) begin(ctx context.Context, l level) (session, error) {
	clients := make([]*httpClient, 0, l.inFlight)
	a := &asking{level: l, server: p.server, envoy: p.envoy}
	a.variant = p.front.name
	for i := range l.inFlight {
		c := &httpClient{address: p.address, requests: p.traffic.all, next: i * len(p.traffic.all) / l.inFlight}
		clients = append(clients, c)
		a.workers = append(a.workers, &worker{ask: c.ask})
	}
	a.release = func() {
		for _, c := range clients {
			c.close()
		}
	}
	return a.open(ctx)
}

// httpClient sends one request after the other over one connection.
type httpClient struct {
	address  string
	requests [][]byte
	next     int
	conn     net.Conn
	reader   *bufio.Reader
}

// ask sends the next request; anything but 204 is an error.
func (c *httpClient) ask(ctx context.Context) error {
	c.next = (c.next + 1) % len(c.requests)
	err := c.send(ctx, c.requests[c.next])
	if err == nil {
		err = c.expectNoContent()
	}
	if err != nil {
		c.close()
	}
	return err
}

func (c *httpClient) send(ctx context.Context, request []byte) error {
	if c.conn == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
		if err != nil {
			return err
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(callLimit)); err != nil {
		return err
	}
	_, err := c.conn.Write(request)
	return err
}

// expectNoContent reads an answer of status 204, which has no body.
func (c *httpClient) expectNoContent() error {
	status, err := c.reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(status), "HTTP/1.1 204 ") {
		return fmt.Errorf("%w: %s", errPassage, textproto.TrimString(string(status)))
	}
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= len("\r\n") {
			return nil
		}
	}
}

func (c *httpClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}
