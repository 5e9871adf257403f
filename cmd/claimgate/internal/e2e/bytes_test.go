package e2e

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames sends one HTTP/2 request field by field, with bytes that no library
// would send, and returns the status and the decision's reason.
func (w *world) frames(t *testing.T, listener string, fields ...hpack.HeaderField) (int, string) {
	t.Helper()
	got := w.asTwin(t, listener, func(listener string) answer {
		status, reason := w.framesOnce(t, listener, fields...)
		return answer{status: status, reason: reason}
	})
	return got.status, got.reason
}

func (w *world) framesOnce(t *testing.T, listener string, fields ...hpack.HeaderField) (int, string) {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.address(t, listener))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range fields {
		if err := encoder.WriteField(field); err != nil {
			t.Fatal(err)
		}
	}
	framer := http2.NewFramer(connection, connection)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err = connection.Write([]byte(http2.ClientPreface))
	for _, write := range []func() error{
		func() error { return err },
		func() error { return framer.WriteSettings() },
		func() error {
			return framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		},
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	return w.readFrames(t, framer)
}

// readFrames returns status 0 where Envoy ends the stream or the connection
// without an answer.
func (w *world) readFrames(t *testing.T, framer *http2.Framer) (int, string) {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return 0, ""
		}
		switch f := frame.(type) {
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return 0, ""
		case *http2.MetaHeadersFrame:
			status, err := strconv.Atoi(f.PseudoValue("status"))
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range f.RegularFields() {
				if field.Name == "x-decision-id" {
					record, _ := w.decision(field.Value)
					return status, record.Reason
				}
			}
			return status, ""
		}
	}
}

func fields(path, host, token string, more ...hpack.HeaderField) []hpack.HeaderField {
	return append([]hpack.HeaderField{
		{Name: ":method", Value: http.MethodGet},
		{Name: ":scheme", Value: "http"},
		{Name: ":authority", Value: host},
		{Name: ":path", Value: path},
		{Name: "authorization", Value: "Bearer " + token},
	}, more...)
}

// TestP1Bytes sends bytes that are no UTF-8. In a text field of the check Envoy
// shows them as `!`, and an answer that failed to be encoded would open the door
// of viaOpen.
func TestP1Bytes(t *testing.T) {
	w := the(t)
	token := w.mint(t, mainIssuer, nil)
	for _, listener := range []string{viaMap, viaRaw, viaOpen} {
		t.Run(listener, func(t *testing.T) {
			if status, reason := w.frames(t, listener, fields("/any/x", "main.test", token)...); status != http.StatusOK {
				t.Fatalf("the plain request gets %d %s: the others would prove nothing", status, reason)
			}
			for _, path := range []string{"/any/\xe9", "/any/\xc0\xafsecret", "/any/secret\xff", "/any/é", "/any/x!\xff"} {
				if status, reason := w.frames(t, listener, fields(path, "main.test", token)...); status == http.StatusOK {
					t.Errorf("path %q: got %d %s, want a refusal", path, status, reason)
				}
			}
			for _, host := range []string{"main.test\xff", "mäin.test"} {
				if status, reason := w.frames(t, listener, fields("/any/x", host, token)...); status == http.StatusOK {
					t.Errorf("host %q: got %d %s, want a refusal", host, status, reason)
				}
			}
			if status, reason := w.frames(t, listener, fields("/any/x", "main.test", token+"\xff")...); status == http.StatusOK {
				t.Errorf("token with a byte more: got %d %s, want a refusal", status, reason)
			}
			odd := hpack.HeaderField{Name: "x-user-id", Value: "\xff\xe9"}
			if status, reason := w.frames(t, listener, fields("/any/x", "main.test", token, odd)...); status != http.StatusOK {
				t.Errorf("odd bytes in a header that is overwritten: got %d %s, want 200", status, reason)
			}
		})
	}
}

// TestP1Large sends as much as Envoy lets pass. A check that claimgate could not
// receive would be an error, and an error opens the door of viaOpen.
func TestP1Large(t *testing.T) {
	w := the(t)
	var many []string
	for i := range 90 {
		many = append(many, "x-many-"+strconv.Itoa(i)+": "+strings.Repeat("v", 500))
	}
	for name, header := range map[string][]string{
		"one header": {"x-big: " + strings.Repeat("v", 50_000)},
		"many":       many,
	} {
		got := w.get(t, viaOpen, "main.test", "/any", header...)
		if got.status != http.StatusUnauthorized || got.reason != "no_token" {
			t.Errorf("%s: got %d %s, want 401 no_token", name, got.status, got.reason)
		}
	}
	for _, target := range []string{"/any/" + strings.Repeat("a", 40_000), "/any?" + strings.Repeat("a", 40_000), strings.Repeat("/a", 10_000)} {
		if got := w.get(t, viaOpen, "main.test", target); got.status == http.StatusOK {
			t.Errorf("a target of %d bytes passes without a token", len(target))
		}
	}
}
