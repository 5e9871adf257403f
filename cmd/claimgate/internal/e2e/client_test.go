package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
)

// answer is what a client got.
type answer struct {
	status  int
	header  http.Header
	body    string
	seen    *demo.Seen // what the upstream saw, nil where it was not reached
	reason  string     // by the server's record
	record  demo.Record
	decided bool // there is a record
}

// challenge returns the WWW-Authenticate header.
func (a *answer) challenge() string { return a.header.Get("WWW-Authenticate") }

// saw returns the values of a header at the upstream.
func (a *answer) saw(name string) []string {
	if a.seen == nil {
		return nil
	}
	return a.seen.Headers[name]
}

// lines builds an HTTP/1.1 request with the given header lines, byte for byte.
func lines(method, target, host string, header ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" +
		strings.Join(append(header, ""), "\r\n") + "\r\n"
}

func authorization(token string) string { return "Authorization: Bearer " + token }

// raw writes a request to a listener and reads the answer. What the client
// sends is what the test says, with no library in between.
func (w *world) raw(t *testing.T, listener, request string) answer {
	t.Helper()
	ask := func(listener string) answer { return w.rawOnce(t, listener, request) }
	return w.asTwin(t, listener, ask)
}

func (w *world) rawOnce(t *testing.T, listener, request string) answer {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.address(t, listener))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return w.read(t, res)
}

// get sends a plain GET over HTTP/1.1.
func (w *world) get(t *testing.T, listener, host, target string, header ...string) answer {
	t.Helper()
	return w.raw(t, listener, lines(http.MethodGet, target, host, header...))
}

// h2 sends a request over HTTP/2 with prior knowledge.
func (w *world) h2(t *testing.T, listener, method, host, target string, header http.Header) answer {
	t.Helper()
	ask := func(listener string) answer { return w.h2Once(t, listener, method, host, target, header.Clone()) }
	return w.asTwin(t, listener, ask)
}

func (w *world) h2Once(t *testing.T, listener, method, host, target string, header http.Header) answer {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.address(t, listener)+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	if header != nil {
		req.Header = header
	}
	res, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.ProtoMajor != 2 {
		t.Fatalf("the answer came over %s", res.Proto)
	}
	return w.read(t, res)
}

func (w *world) read(t *testing.T, res *http.Response) answer {
	t.Helper()
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	a.record, a.decided = w.decision(res.Header.Get("x-decision-id"))
	a.reason = a.record.Reason
	var seen demo.Seen
	if res.StatusCode == http.StatusOK && json.Unmarshal(body, &seen) == nil {
		a.seen = &seen
	}
	return a
}
