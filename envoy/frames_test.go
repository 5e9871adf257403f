package envoy

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/claimgate/claimgate/authz"
)

// peer is a client of frames in a bubble of fake time.
type peer struct {
	net.Conn

	frames *http2.Framer
	began  time.Time
}

// dialFrames starts a service and says hello to it where asked to.
func dialFrames(t *testing.T, m mode, opts ServiceOptions, hello bool) *peer {
	t.Helper()
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), opts)
	listener := bufconn.Listen(1 << 20)
	serveOn(t, service, listener)
	conn, err := listener.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := &peer{Conn: conn, frames: http2.NewFramer(conn, conn), began: time.Now()}
	if !hello {
		return p
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.frames.WriteSettings(), p.frames.WriteSettingsAck()); err != nil {
		t.Fatal(err)
	}
	return p
}

// until reads frames until one of a type comes, and says after which time; nil
// where the connection ends before. It answers pings where asked to.
func (p *peer) until(want http2.FrameType, answers bool) (http2.Frame, time.Duration) {
	for {
		frame, err := p.frames.ReadFrame()
		if err != nil {
			return nil, time.Since(p.began)
		}
		if ping, ok := frame.(*http2.PingFrame); ok && answers && !ping.IsAck() {
			_ = p.frames.WritePing(true, ping.Data) // or the connection ends
		}
		if frame.Header().Type == want {
			return frame, time.Since(p.began)
		}
	}
}

// TestP8ConnectionsAreToldTheirLimits: streams, headers and windows.
func TestP8ConnectionsAreToldTheirLimits(t *testing.T) { inBothCodecs(t, testConnectionsAreTold) }

func testConnectionsAreTold(t *testing.T, m mode) {
	synctest.Test(t, func(t *testing.T) {
		for given, streams := range map[uint32]uint32{0: DefaultMaxConcurrentStreams, 7: 7} {
			p := dialFrames(t, m, ServiceOptions{MaxConcurrentStreams: given}, true)
			frame, _ := p.until(http2.FrameSettings, true)
			settings, ok := frame.(*http2.SettingsFrame)
			if !ok {
				t.Fatalf("got %v", frame)
			}
			for id, want := range map[http2.SettingID]uint32{
				http2.SettingMaxConcurrentStreams: streams, http2.SettingMaxHeaderListSize: maxMetadataList, http2.SettingInitialWindowSize: streamWindow,
			} {
				if got, there := settings.Value(id); !there || got != want {
					t.Errorf("%v: %d, want %d", id, got, want)
				}
			}
			frame, _ = p.until(http2.FrameWindowUpdate, true)
			if update, ok := frame.(*http2.WindowUpdateFrame); !ok || update.StreamID != 0 || update.Increment != connectionWindow-65535 {
				t.Errorf("the window of the connection: %v", frame)
			}
		}
	})
}

// TestP8ConnectionsEnd: those that never say anything, those that no longer
// answer, and, told so before, those that are old.
func TestP8ConnectionsEnd(t *testing.T) { inBothCodecs(t, testConnectionsEnd) }

func testConnectionsEnd(t *testing.T, m mode) {
	synctest.Test(t, func(t *testing.T) {
		silent := dialFrames(t, m, ServiceOptions{}, false)
		if _, took := silent.until(http2.FrameGoAway, false); took != connectionTimeout {
			t.Errorf("who says nothing is waited for %s", took)
		}
		dead := dialFrames(t, m, ServiceOptions{}, true)
		if frame, asked := dead.until(http2.FramePing, false); frame == nil || asked != keepaliveTime {
			t.Errorf("asked %v after %s", frame, asked)
		}
		if frame, took := dead.until(http2.FrameGoAway, false); frame != nil || took != keepaliveTime+keepaliveTimeout {
			t.Errorf("who never answers is waited for %s, then told %v", took, frame)
		}
		for given, want := range map[time.Duration]time.Duration{0: DefaultMaxConnectionAge, 10 * time.Second: 10 * time.Second} {
			old := dialFrames(t, m, ServiceOptions{MaxConnectionAge: given}, true)
			frame, took := old.until(http2.FrameGoAway, true)
			goAway, ok := frame.(*http2.GoAwayFrame)
			if !ok || goAway.ErrCode != http2.ErrCodeNo || took < want*9/10 || took > want*11/10 {
				t.Errorf("an age of %s: %v after %s", want, frame, took)
			}
		}
	})
}

// TestP8AnOldConnectionWaitsForItsChecks, and not for ever.
func TestP8AnOldConnectionWaitsForItsChecks(t *testing.T) { inBothCodecs(t, testAnOldConnection) }

func testAnOldConnection(t *testing.T, m mode) {
	synctest.Test(t, func(t *testing.T) {
		stuck := deciderFunc(func(ctx context.Context, _ *authz.Request) authz.Decision {
			<-ctx.Done()
			return authz.Decision{Verdict: authz.Unavailable, Reason: authz.DeadlineExceeded}
		})
		const age = 10 * time.Second
		conn := serve(t, m.service(NewServer(ServerOptions{Decider: stuck}), ServiceOptions{MaxConnectionAge: age}))
		began := time.Now()
		_, err := callRaw(t.Context(), conn, encoded(t, plain().raw()))
		took := time.Since(began) - connectionAgeGrace
		const closing = 2 * time.Second // gRPC lets the client read what was written
		if status.Code(err) != codes.Unavailable || took < age*9/10 || took > age*11/10+closing {
			t.Errorf("%v, %s before the end of the grace", err, took)
		}
	})
}

// TestP8ClientsMayAskWhetherWeLive as often as Envoy does, and not more often.
func TestP8ClientsMayAskWhetherWeLive(t *testing.T) { inBothCodecs(t, testClientsMayAsk) }

func testClientsMayAsk(t *testing.T, m mode) {
	synctest.Test(t, func(t *testing.T) {
		p := dialFrames(t, m, ServiceOptions{}, true)
		for range 20 {
			<-time.After(minClientPing)
			if err := p.frames.WritePing(false, [8]byte{}); err != nil {
				t.Fatalf("asked every %s: %v", minClientPing, err)
			}
			if frame, _ := p.until(http2.FramePing, false); frame == nil {
				t.Fatalf("asked every %s: no answer", minClientPing)
			}
		}
		for range 20 { // until the connection ends
			<-time.After(minClientPing / 2)
			_ = p.frames.WritePing(false, [8]byte{})
		}
		frame, _ := p.until(http2.FrameGoAway, false)
		if goAway, ok := frame.(*http2.GoAwayFrame); !ok || goAway.ErrCode != http2.ErrCodeEnhanceYourCalm {
			t.Errorf("a flood of pings is told %v", frame)
		}
	})
}
