package telemetry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// maxIdentifier bounds an identifier that is logged in the clear.
const maxIdentifier = 128

// identifiers name people in the log: by the first 16 hexadecimal digits of
// HMAC-SHA256(hashKey, identifier), or in the clear where the operator wants
// it so.
type identifiers struct {
	key    []byte
	random bool
	plain  bool
}

func newIdentifiers(settings LogSettings) identifiers {
	ids := identifiers{key: settings.HashKey, plain: settings.PlainIdentifiers}
	if len(ids.key) == 0 {
		ids.random = true
		ids.key = make([]byte, sha256.Size)
		_, _ = rand.Read(ids.key) // never fails (crypto/rand)
	}
	return ids
}

// hash returns the keyed hash of an identifier.
func (ids identifiers) hash(identifier string) string {
	mac := hmac.New(sha256.New, ids.key)
	mac.Write([]byte(identifier))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// field returns the log field for a subject. The name says which form it is.
func (ids identifiers) field(subject string) zapcore.Field {
	switch {
	case subject == "":
		return zap.Skip()
	case ids.plain:
		return zap.String("subject", printable(subject, maxIdentifier))
	}
	return zap.String("subject_hash", ids.hash(subject))
}

// announce says once how identifiers appear in this log.
func (ids identifiers) announce(log *zap.Logger) {
	switch {
	case ids.plain:
		log.Warn("subjects are logged in the clear", zap.String("because", "insecurePlainIdentifiers is set"))
	case ids.random:
		log.Info("subjects are logged as hashes under a random key",
			zap.String("mend", "set log.hashKey to make hashes comparable between replicas and restarts"))
	}
}
