package jwks

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// Why a file of the store is not used. The texts hold nothing of the file.
var (
	errRecordFile    = errors.New("it is no regular file that only the user of this process can write to")
	errRecordDamaged = errors.New("it is damaged")
	errRecordForeign = errors.New("it belongs to another key source")
	errRecordSum     = errors.New("its checksum does not fit")
	errRecordKey     = errors.New("it was written with another stateKey, or without one")
	errRecordNoKey   = errors.New("it was written with a stateKey, and there is none")
	errRecordFuture  = errors.New("its time lies ahead")
	errRecordOld     = errors.New("it is older than maxStale")
	errRecordKeys    = errors.New("no key in it can be used")
)

const recordFormat = 1

// record is the key set of one source as it was fetched.
type record struct {
	source  string    // fingerprint
	issuer  string    // for people who look at the file
	fetched time.Time // when the fetch began that last confirmed it
	body    []byte    // the document; nil for the one that is on disk
	lost    func()    // called where there is none on disk
}

// recordFile is the form on disk.
type recordFile struct {
	Format  int       `json:"format"`
	Issuer  string    `json:"issuer"`
	Source  string    `json:"source"`
	Fetched time.Time `json:"fetched"`
	Body    []byte    `json:"body"`             // base64
	SHA256  string    `json:"sha256,omitempty"` // without a key
	HMAC    string    `json:"hmac,omitempty"`   // with one
}

func (r record) encode(key []byte) ([]byte, error) {
	file := recordFile{Format: recordFormat, Issuer: r.issuer, Source: r.source, Fetched: r.fetched.UTC(), Body: r.body}
	sum := hex.EncodeToString(file.sum(key))
	if len(key) > 0 {
		file.HMAC = sum
	} else {
		file.SHA256 = sum
	}
	text, err := json.Marshal(file)
	return append(text, '\n'), err
}

// sum covers every field but itself, with lengths in front, so that none runs
// into the next.
func (f *recordFile) sum(key []byte) []byte {
	h := sha256.New()
	if len(key) > 0 {
		h = hmac.New(sha256.New, key)
	}
	var numbers [16]byte
	binary.BigEndian.PutUint64(numbers[:8], uint64(f.Format))
	binary.BigEndian.PutUint64(numbers[8:], uint64(f.Fetched.UnixNano()))
	writeField(h, "claimgate key set")
	writeField(h, string(numbers[:]))
	writeField(h, f.Issuer)
	writeField(h, f.Source)
	writeField(h, string(f.Body))
	return h.Sum(nil)
}

// decodeRecord reads a file of the store that must be of this source.
func decodeRecord(text []byte, source string, key []byte) (record, error) {
	var file recordFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&file) != nil || file.Format != recordFormat {
		return record{}, errRecordDamaged
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return record{}, errRecordDamaged
	}
	written, wrong := file.SHA256, errRecordSum
	if len(key) > 0 {
		written, wrong = file.HMAC, errRecordKey
	} else if written == "" && file.HMAC != "" {
		return record{}, errRecordNoKey
	}
	sum, err := hex.DecodeString(written)
	switch {
	case err != nil || subtle.ConstantTimeCompare(sum, file.sum(key)) != 1:
		return record{}, wrong
	case file.Source != source:
		return record{}, errRecordForeign
	case len(file.Body) == 0 || len(file.Body) > maxBodyBytes:
		return record{}, errRecordDamaged
	}
	return record{source: source, issuer: file.Issuer, fetched: file.Fetched, body: file.Body}, nil
}
