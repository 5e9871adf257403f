package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"reflect"
)

// Digest is the same for equal specs and differs for others, so that equal
// ones need to be compiled once only. It holds for one version of this package
// and is not for keeping.
func (s *Spec) Digest() [sha256.Size]byte {
	h := sha256.New()
	digest(h, reflect.ValueOf(s).Elem())
	return [sha256.Size]byte(h.Sum(nil))
}

// digest writes a value so that no two different values write the same: each
// field in order, each length and each nil before what follows.
func digest(h hash.Hash, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			digest(h, v.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			digestNumber(h, 0)
			return
		}
		digestNumber(h, uint64(v.Len())+1)
		for i := range v.Len() {
			digest(h, v.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			digestNumber(h, 0)
			return
		}
		digestNumber(h, 1)
		digest(h, v.Elem())
	case reflect.String:
		digestNumber(h, uint64(v.Len()))
		_, _ = h.Write([]byte(v.String()))
	case reflect.Bool:
		if v.Bool() {
			digestNumber(h, 1)
		} else {
			digestNumber(h, 0)
		}
	case reflect.Int32:
		digestNumber(h, uint64(v.Int()))
	case reflect.Uint8:
		digestNumber(h, v.Uint())
	default:
		panic("policy: a spec holds a " + v.Kind().String())
	}
}

func digestNumber(h hash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	_, _ = h.Write(b[:])
}
