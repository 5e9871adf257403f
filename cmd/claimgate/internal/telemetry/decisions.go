package telemetry

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/time/rate"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/envoy"
)

// The rate of lines about panics, in lines a second.
const (
	panicRate  = 1
	panicBurst = 5
)

// Bounds on what a line holds of a request, in bytes.
const (
	maxPath   = 256
	maxMethod = 32
	maxHost   = 255
)

// decisionLog writes the lines about single decisions. A flood of denials
// costs a bounded number of lines; the next line says how many were left out.
type decisionLog struct {
	log        *zap.Logger
	ids        identifiers
	denials    *rate.Limiter
	panics     *rate.Limiter
	omitted    atomic.Uint64
	suppressed prometheus.Counter
}

// newDecisionLog takes the rate of lines about denials, of which twice as many
// may come in a burst. 0 means none at all.
func newDecisionLog(log *zap.Logger, ids identifiers, perSecond int, suppressed prometheus.Counter) *decisionLog {
	perSecond = max(perSecond, 0)
	return &decisionLog{
		log:        log,
		ids:        ids,
		denials:    rate.NewLimiter(rate.Limit(perSecond), 2*perSecond),
		panics:     rate.NewLimiter(panicRate, panicBurst),
		suppressed: suppressed,
	}
}

// denied writes the one line about a refusal, or about what would have been one
// outside of a shadow. Our own trouble is a warning, a caller's is information.
func (l *decisionLog) denied(req *authz.Request, decision *authz.Decision, elapsed time.Duration) {
	level := zapcore.InfoLevel
	if ours(decision) {
		level = zapcore.WarnLevel
	}
	if !l.log.Core().Enabled(level) {
		return
	}
	if !l.denials.Allow() {
		l.omitted.Add(1)
		l.suppressed.Inc()
		return
	}
	fields := l.fields(req, decision, elapsed)
	if n := l.omitted.Swap(0); n > 0 {
		fields = append(fields, zap.Uint64("suppressed", n))
	}
	message := "denied"
	if decision.Verdict == authz.Allow {
		message = "passed in shadow"
	}
	l.log.Log(level, message, fields...)
}

// served writes a line about every request that got what it asked for, for
// debugging.
func (l *decisionLog) served(req *authz.Request, decision *authz.Decision, elapsed time.Duration) {
	message := "allowed"
	if decision.Verdict != authz.Allow {
		message = "answered"
	}
	l.log.Debug(message, l.fields(req, decision, elapsed)...)
}

// ours reports whether a request was refused for trouble of our own, not of the
// caller's.
func ours(decision *authz.Decision) bool {
	return decision.Verdict == authz.Unavailable || decision.Reason == authz.Internal
}

// isServed reports whether a decision gives a request what it asked for, by
// right: an allow that is none of a shadow's, or a public document.
func isServed(decision *authz.Decision) bool {
	if decision.Reason == authz.MetadataDocument {
		return true
	}
	return decision.Verdict == authz.Allow && decision.Reason != authz.ShadowPassed
}

// faulted writes what went wrong inside and where, and nothing of the request
// but the decision's id.
func (l *decisionLog) faulted(decision *authz.Decision, fault error) {
	if !l.panics.Allow() {
		return
	}
	fields := []zap.Field{zap.Stringer("decision_id", decision.ID), zap.Error(fault)}
	var panicked *envoy.PanicError
	if errors.As(fault, &panicked) {
		fields = append(fields, zap.ByteString("stack", panicked.Stack))
	}
	l.log.Error("a fault of our own; the request was denied", fields...)
}

func (l *decisionLog) fields(req *authz.Request, decision *authz.Decision, elapsed time.Duration) []zap.Field {
	fields := make([]zap.Field, 0, 16)
	for _, f := range factsOf(decision) {
		fields = append(fields, optional(f.name, f.text))
	}
	fields = append(fields,
		l.ids.field(decision.Subject),
		zap.Bool("cached", decision.Cached),
		zap.Duration("took", elapsed),
	)
	if req == nil {
		return fields
	}
	path, _, _ := strings.Cut(req.Path.Canonical, "?")
	return append(fields,
		zap.String("method", printable(req.Method, maxMethod)),
		optional("host", printable(req.Host, maxHost)),
		zap.String("path", printable(path, maxPath)),
	)
}

// shadowed says for what reason a request in shadow would have been refused.
func shadowed(decision *authz.Decision) string {
	if decision.Reason != authz.ShadowPassed {
		return ""
	}
	return decision.Shadowed.String()
}

func optional(name, value string) zap.Field {
	if value == "" {
		return zap.Skip()
	}
	return zap.String(name, value)
}

// printable escapes what is not printable ASCII as in a URL and cuts the
// result at limit bytes.
func printable(s string, limit int) string {
	const digits = "0123456789ABCDEF"
	s = s[:min(len(s), limit+1)]
	if strings.IndexFunc(s, unprintable) < 0 {
		return shorten(s, limit)
	}
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= 0x20 || c >= 0x7f {
			out.Write([]byte{'%', digits[c>>4], digits[c&15]})
			continue
		}
		out.WriteByte(s[i])
	}
	return shorten(out.String(), limit)
}

func unprintable(r rune) bool { return r <= 0x20 || r >= 0x7f }
