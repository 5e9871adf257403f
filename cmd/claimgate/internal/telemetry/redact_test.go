package telemetry

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Parts of a compact JWS. No part is a real credential.
const (
	jwsHeader    = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0"
	jwsPayload   = "eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tLyIsInN1YiI6ImFsaWNlIn0"
	jwsSignature = "c2lnbmF0dXJlLW9mLXRoZS10b2tlbi1mb3ItdGVzdHMtb25seQ"
	jws          = jwsHeader + "." + jwsPayload + "." + jwsSignature
	opaque       = "tGzv3JOkF0XG5Qx2TlKWIA"
)

// debugLog returns a logger at debug level and what it wrote.
func debugLog() (*zap.Logger, *strings.Builder) {
	var out strings.Builder
	return New(LogSettings{Level: zapcore.DebugLevel, HashKey: []byte("k")}, &out).Log(), &out
}

// mustHide fails if the text holds a piece of the token, plain or encoded.
func mustHide(t *testing.T, text string) {
	t.Helper()
	for _, piece := range []string{jwsHeader, jwsPayload, jwsSignature, opaque} {
		encoded := []string{piece, base64.RawStdEncoding.EncodeToString([]byte(piece))[:16], hex.EncodeToString([]byte(piece))}
		for _, e := range encoded {
			if strings.Contains(text, e) {
				t.Fatalf("%q is in the log:\n%s", e, text)
			}
		}
	}
}

type stringer struct{ s string }

func (s stringer) String() string { return s.s }

type verboseError struct{ s string }

func (e verboseError) Error() string { return "failed" }

// Format makes zap write an errorVerbose field.
func (e verboseError) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.s)) }

type marshaled struct{ s string }

func (m marshaled) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("inner", m.s)
	e.AddByteString("bytes", []byte(m.s))
	e.AddBinary("binary", []byte(m.s))
	e.OpenNamespace("deeper")
	e.AddString("inner", m.s)
	return e.AddReflected("reflected", map[string]any{"list": []any{m.s, []byte(m.s)}})
}

type failing struct{ s string }

func (f failing) MarshalLogObject(zapcore.ObjectEncoder) error { return errors.New(f.s) }
func (f failing) MarshalJSON() ([]byte, error)                 { return nil, errors.New(f.s) }

type panicking struct{ s string }

func (p panicking) String() string                               { panic(p.s) }
func (p panicking) MarshalLogObject(zapcore.ObjectEncoder) error { panic(p.s) }
func (p panicking) MarshalJSON() ([]byte, error)                 { panic(p.s) }

type array []string

func (a array) MarshalLogArray(e zapcore.ArrayEncoder) error {
	for _, s := range a {
		e.AppendString(s)
		e.AppendByteString([]byte(s))
		if err := e.AppendReflected(map[string]string{"x": s}); err != nil {
			return err
		}
		if err := e.AppendObject(marshaled{s}); err != nil {
			return err
		}
	}
	return nil
}

type document struct {
	Text   string
	Bytes  []byte
	Fixed  [64]byte
	Nested map[string]any
	Raw    json.RawMessage
	Chain  *document
}

func newDocument(s string) document {
	d := document{
		Text: s, Bytes: []byte(s), Nested: map[string]any{"a": []any{map[string]string{s: s}}},
		Raw: json.RawMessage(`{"x":"` + s + `"}`), Chain: &document{Text: "see " + s},
	}
	copy(d.Fixed[:], s)
	return d
}

// fieldsWith returns one field of every kind that can carry text.
func fieldsWith(s string) map[string]zapcore.Field {
	d := newDocument(s)
	err := errors.New("cannot verify " + s)
	return map[string]zapcore.Field{
		"string":       zap.String("x", s),
		"stringp":      zap.Stringp("x", &s),
		"strings":      zap.Strings("x", []string{"a", s}),
		"sentence":     zap.String("x", "got "+s+", refused"),
		"bytestring":   zap.ByteString("x", []byte(s)),
		"bytestrings":  zap.ByteStrings("x", [][]byte{[]byte(s)}),
		"binary":       zap.Binary("x", []byte(s)),
		"uint8s":       zap.Uint8s("x", []byte(s)),
		"error":        zap.Error(err),
		"wrapped":      zap.Error(fmt.Errorf("outer: %w", err)),
		"joined":       zap.Error(errors.Join(err, verboseError{s})),
		"errors":       zap.Errors("x", []error{err, verboseError{s}}),
		"verbose":      zap.NamedError("x", verboseError{s}),
		"stringer":     zap.Stringer("x", stringer{s}),
		"stringers":    zap.Stringers("x", []stringer{{s}}),
		"object":       zap.Object("x", marshaled{s}),
		"objects":      zap.Objects("x", []marshaled{{s}}),
		"inline":       zap.Inline(marshaled{s}),
		"array":        zap.Array("x", array{s}),
		"dict":         zap.Dict("x", zap.String("y", s), zap.Dict("z", zap.String("y", s))),
		"reflect":      zap.Reflect("x", d),
		"reflectp":     zap.Reflect("x", &d),
		"any":          zap.Any("x", []any{d, &d, s, []byte(s), map[string][]string{"a": {s}}}),
		"anystring":    zap.Any("x", s),
		"url":          zap.Any("x", map[string]string{"u": "https://x.example/?t=" + s}),
		"failing":      zap.Object("x", failing{s}),
		"failingjson":  zap.Reflect("x", failing{s}),
		"panicking":    zap.Object("x", panicking{s}),
		"panicstring":  zap.Stringer("x", panicking{s}),
		"panicjson":    zap.Reflect("x", panicking{s}),
		"nested panic": zap.Reflect("x", []any{panicking{s}}),
		"key":          zap.Int(s, 1),
		"mapkey":       zap.Any("x", map[string]int{s: 1}),
		"namespace":    zap.Namespace(s),
		"time zone":    zap.Time("x", time.Unix(0, 0).In(time.FixedZone(s, 60))),
		"base64":       zap.String("x", base64.StdEncoding.EncodeToString([]byte(s))),
		"base64 twice": zap.String("x", base64.URLEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))),
		"hex":          zap.String("x", fmt.Sprintf("%x", s)),
		"HEX":          zap.String("x", fmt.Sprintf("%X", s)),
		"%v of bytes":  zap.String("x", fmt.Sprintf("%v", []byte(s))),
		"%+v":          zap.String("x", fmt.Sprintf("%+v", d)),
		"%#v":          zap.String("x", fmt.Sprintf("%#v", []byte(s))),
		"quoted":       zap.String("x", fmt.Sprintf("%q", s)),
		"numbers":      zap.Ints("x", runes(s)),
	}
}

func runes(s string) []int {
	var out []int
	for _, r := range s {
		out = append(out, int(r))
	}
	return out
}

// disguises are the forms in which a credential may reach the log.
var disguises = map[string]string{
	"jws":             jws,
	"bearer":          "Bearer " + jws,
	"cut short":       jwsHeader + "." + jwsPayload,
	"payload alone":   jwsPayload,
	"opaque bearer":   "bearer " + opaque,
	"basic":           "Basic " + opaque,
	"header line":     "authorization: Bearer " + opaque,
	"escaped dots":    strings.ReplaceAll(jws, ".", "%2E"),
	"in a path":       "/reset/" + jws + "/x",
	"form":            "access_token=" + opaque + "&scope=a",
	"json":            `{"client_secret":"` + opaque + `"}`,
	"cookie":          "Cookie: a=b; session=" + opaque,
	"private members": `{"kty":"oct","k":"` + opaque + `"}`,
}

func TestP7NoFieldCarriesACredential(t *testing.T) {
	for disguise, text := range disguises {
		for kind, field := range fieldsWith(text) {
			t.Run(disguise+"/"+kind, func(t *testing.T) {
				logger, out := debugLog()
				for level := zapcore.DebugLevel; level <= zapcore.ErrorLevel; level++ {
					logger.Log(level, "line", field, zap.Int("after", 1))
				}
				logger.With(field).Info("line", field)
				logger.With(zap.Namespace("n")).With(field).WithLazy(field).Info("line")
				logger.Sugar().Infow("line", "field", field, "args", []any{field})
				if strings.Count(out.String(), "\n") != 7 {
					t.Fatalf("want 7 lines, got:\n%s", out)
				}
				mustHide(t, out.String())
			})
		}
	}
}

func TestP7NoTextCarriesACredential(t *testing.T) {
	for disguise, text := range disguises {
		t.Run(disguise, func(t *testing.T) {
			logger, out := debugLog()
			logger.Info(text)
			logger.Named(text).Info("named")
			logger.Sugar().Infof("got %s", text)
			logger.Sugar().Infow("loose", "x", text, text, text)
			logger.Sugar().Infow("odd", text)
			zap.NewStdLog(logger).Print(text)
			mustHide(t, out.String())
		})
	}
}

func TestP7NoKeyIsLogged(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	ecBytes, err := ecKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}

	logger, out := debugLog()
	for _, key := range []any{rsaKey, *rsaKey, ecKey, *ecKey, edKey, block, []byte(block), block[:300]} {
		logger.Info("x", zap.Any("x", key), zap.Any("list", []any{key}), zap.Any("map", map[string]any{"inner": key}))
		logger.Info(fmt.Sprintf("%v", key))
		logger.Info(fmt.Sprintf("%+v", key))
	}
	logger.Info("denied by name", zap.ByteString("hashKey", edKey), zap.String("Client-Secret", opaque),
		zap.Any("x", map[string]any{"privateKey": opaque, "X-Api-Key": opaque, "Set-Cookie": []string{opaque}}))

	text := out.String()
	mustHide(t, text)
	secrets := map[string]string{
		"RSA exponent":  rsaKey.D.String(),
		"RSA prime":     rsaKey.Primes[0].String(),
		"PEM body":      base64.StdEncoding.EncodeToString(pkcs8)[:40],
		"EC scalar":     hex.EncodeToString(ecBytes),
		"Ed25519 bytes": strings.Trim(fmt.Sprintf("%v", []byte(edKey)[:20]), "[]"),
	}
	for name, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
}

func TestScrubKeepsOrdinaryText(t *testing.T) {
	for _, text := range []string{
		"",
		"token: key unknown",
		"token_malformed",
		"keys_unavailable",
		"/orders/4711/items",
		"https://login.example.com/realms/acme",
		"orders.default.svc.cluster.local",
		"127.0.0.1:9191",
		"0123456789abcdef0123456789abcdef",
		"2026-11-25T10:00:00.000000000Z",
		"/var/lib/claimgate/very/long/path/with/many/segments/claimgate.yaml",
		"configuration_in_force_and_listening",
		"k7Gq2o3l-this-is-a-key-id-of-ordinary-length",
	} {
		if got := scrub(text); got != text {
			t.Errorf("scrub(%q) = %q", text, got)
		}
	}
}

// TestScrubKeepsStacks: a stack names functions and lines, and stays of use.
func TestScrubKeepsStacks(t *testing.T) {
	if stack := string(debug.Stack()); scrub(stack) != stack {
		t.Errorf("scrubbed:\n%s", scrub(stack))
	}
}

func TestFieldsKeepTheirTypes(t *testing.T) {
	logger, out := debugLog()
	logger.Info("typed",
		zap.Int("int", -1), zap.Uint64("uint", 1<<63), zap.Float64("float", 1.5), zap.Bool("bool", true),
		zap.Duration("took", 1500*time.Millisecond), zap.Strings("list", []string{"a", "b"}),
		zap.Any("object", map[string]any{"b": 2, "a": []int{1, 2}, "n": nil}), zap.Skip(), zap.Reflect("json", json.Number("1.50")))
	for _, want := range []string{
		`"int":-1`, `"uint":9223372036854775808`, `"float":1.5`, `"bool":true`, `"took":1.5`, `"list":["a","b"]`,
		`"object":{"a":[1,2],"b":2,"n":null}`, `"json":1.50`, `"msg":"typed"`, `"level":"info"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
	if !json.Valid([]byte(out.String())) {
		t.Errorf("not JSON: %s", out)
	}
}

func TestLongTextIsCut(t *testing.T) {
	logger, out := debugLog()
	logger.Info(strings.Repeat("é", maxText), zap.Any("x", strings.Repeat("word ", maxText)))
	if out.Len() > 3*maxText || !json.Valid([]byte(out.String())) {
		t.Errorf("%d bytes, valid JSON: %v", out.Len(), json.Valid([]byte(out.String())))
	}
}

// TestP7CutTextHidesWhatIsLeft: a credential that the cut runs through.
func TestP7CutTextHidesWhatIsLeft(t *testing.T) {
	for disguise, text := range disguises {
		for left := 30; left < len(text)+10; left += 17 {
			got := scrub(strings.Repeat("#", maxText-left-1) + " " + text + strings.Repeat(" tail", 9))
			if strings.Contains(got, opaque[:12]) || strings.Contains(got, jwsSignature[:12]) || strings.Contains(got, jwsPayload[:20]) {
				t.Errorf("%s, cut %d bytes in: %q", disguise, left, strings.TrimLeft(got, "#"))
			}
		}
	}
}

// FuzzScrub: wherever a token stands in a text, nothing of it is left.
func FuzzScrub(f *testing.F) {
	for _, text := range disguises {
		f.Add(text, "")
		f.Add("", text)
	}
	f.Add("\xff\x00{\"a\":\"", "\"}")
	f.Add("-----BEGIN X-----", "basic bearer")
	f.Add(jwsHeader, jwsSignature)
	f.Fuzz(func(t *testing.T, before, after string) {
		mark := "c2VjcmV0LXRva2VuLWJvZHkK"
		secret := jwsHeader + "." + mark + "." + mark
		if got := scrub(before + secret + after); strings.Contains(strings.ReplaceAll(got, mark+after, ""), "."+mark) {
			t.Errorf("scrub(%q) = %q", before+secret+after, got)
		}
		logger, out := debugLog()
		logger.Info(before+secret+after, zap.Any(before, map[string]any{before: []any{secret + after}}))
		if strings.Contains(out.String(), "."+mark+".") {
			t.Errorf("logged: %s", out)
		}
	})
}
