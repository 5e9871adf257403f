package config

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/envoy"
)

// Settings returns the part of the document that is no policy, with defaults
// and secrets resolved. The error is Problems.
func (d *Document) Settings() (Settings, error) {
	b := &builder{Base: &Base{main: d.main}}
	settings := b.settings()
	if mistakes, _ := b.problems.split(); len(mistakes) > 0 {
		return Settings{}, mistakes
	}
	return settings, nil
}

// Bounds of settings.
const (
	maxDrainWait        = 10 * time.Minute
	minConnectionAge    = 10 * time.Second
	maxCacheTokens      = 10_000_000
	maxLostTenants      = 1_000_000
	maxDenialsPerSecond = 100_000
	minSecretBytes      = 16
	maxSecretBytes      = 4096
)

func (b *builder) settings() Settings {
	doc, at := &b.main.doc, place{b.main.source, ""}
	s := Settings{
		DrainWait:        time.Duration(doc.Listen.DrainWait),
		MaxConnectionAge: time.Duration(doc.Listen.MaxConnectionAge),
		Codec:            codec(doc.Listen.Codec),
		CacheTokens:      doc.Cache.Tokens,
		StateDir:         b.main.beside(doc.StateDir),
		MaxTenantLoss:    MaxTenantLoss{Tenants: doc.MaxTenantLoss.Tenants, Percent: doc.MaxTenantLoss.Percent},
		Insecure:         insecureWords(doc),
	}
	if doc.StateKey != (secretRef{}) {
		s.StateKey = b.secret(at.at("stateKey"), doc.StateKey)
		if doc.StateDir == "" {
			b.warn(at.at("stateKey"), "this has no effect, since nothing is kept", "write stateDir")
		}
	}
	for i := range doc.Issuers {
		if doc.Issuers[i].Required {
			s.Required = append(s.Required, doc.Issuers[i].Issuer)
		}
	}
	b.listeners(&s)
	s.Log = b.logSettings()
	s.Tracing = b.tracing()
	if s.DrainWait > maxDrainWait {
		b.problem(at.at("listen.drainWait"), "the longest wait is 10m", "")
	}
	if s.MaxConnectionAge != 0 && s.MaxConnectionAge < minConnectionAge {
		b.problem(at.at("listen.maxConnectionAge"), "the least age is 10s", "")
	}
	if loss := s.MaxTenantLoss; loss.Tenants < 0 || loss.Tenants > maxLostTenants {
		b.problem(at.at("maxTenantLoss.tenants"), fmt.Sprintf("this must be between 0 and %d", maxLostTenants), "")
	} else if loss.Percent < 0 || loss.Percent > 100 {
		b.problem(at.at("maxTenantLoss.percent"), "this must be between 0 and 100", "")
	}
	if s.CacheTokens < 0 || s.CacheTokens > maxCacheTokens {
		b.problem(at.at("cache.tokens"), fmt.Sprintf("this must be between 0 and %d", maxCacheTokens), "")
	}
	return s
}

// codec returns the codec of a name that the enum of the field admits.
func codec(name string) envoy.Codec {
	if name == "generated" {
		return envoy.CodecGenerated
	}
	return envoy.CodecOwn
}

func (b *builder) logSettings() LogSettings {
	doc, at := &b.main.doc.Log, place{b.main.source, "log"}
	if doc.DenialsPerSecond < 0 || doc.DenialsPerSecond > maxDenialsPerSecond {
		b.problem(at.at("denialsPerSecond"), fmt.Sprintf("this must be between 0 and %d", maxDenialsPerSecond), "")
	}
	level, err := zapcore.ParseLevel(doc.Level)
	if err != nil {
		level = zapcore.InfoLevel // the level's enum has been reported
	}
	settings := LogSettings{Level: level, PlainIdentifiers: doc.InsecurePlainIdentifiers, DenialsPerSecond: doc.DenialsPerSecond}
	if doc.HashKey != (secretRef{}) {
		settings.HashKey = b.secret(at.at("hashKey"), doc.HashKey)
	}
	return settings
}

// readableMend goes with a file that cannot be read. It does not repeat the
// path, which may be a secret in the wrong place.
const readableMend = "name a file that claimgate may read, relative to this one"

// secret resolves a reference. No problem quotes a path, a name or a value.
func (b *builder) secret(at place, ref secretRef) []byte {
	before := len(b.problems)
	secret := b.referred(at, ref)
	if len(b.problems) > before {
		return nil
	}
	if ref.kind == fileKind {
		secret = bytes.TrimRight(secret, "\r\n")
	}
	return b.checkSecret(at, secret)
}

func (b *builder) secretFile(at place, path string) []byte {
	return b.secret(at, secretRef{fileKind, path})
}

// referred returns what a reference leads to, as it is.
func (b *builder) referred(at place, ref secretRef) []byte {
	if ref.kind == fileKind {
		data, _, err := readFile(b.main.beside(ref.name), maxSecretBytes)
		if err != nil {
			b.problem(at, "the file cannot be read: "+cause(err), readableMend)
		}
		return data
	}
	value, ok := os.LookupEnv(ref.name)
	if !ok {
		b.problem(at, "the environment variable is not set", "set it where claimgate starts, or use file:/path")
	}
	return []byte(value)
}

func (b *builder) checkSecret(at place, secret []byte) []byte {
	if len(secret) < minSecretBytes || len(secret) > maxSecretBytes {
		b.problem(at, fmt.Sprintf("the secret must have %d to %d bytes", minSecretBytes, maxSecretBytes), "make one with: openssl rand -hex 32")
		return nil
	}
	return secret
}
