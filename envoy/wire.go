package envoy

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/claimgate/claimgate/authz"
)

// field is one field of a message on the wire.
type field struct {
	number protowire.Number
	wire   protowire.Type
	value  []byte // of a length-delimited field
}

// nextField takes the first field off a message that is not empty. It reports
// false where protobuf cannot tell where the field ends, and for the end of a
// group that nobody began.
func nextField(b []byte) (f field, rest []byte, ok bool) {
	if len(b) > 1 && b[0] >= 8 && b[0] < 0x80 && protowire.Type(b[0]&7) == protowire.BytesType {
		// Nearly all fields are such: a tag of one byte, and a length of one or two.
		size, n := int(b[1]), 2
		if size >= 0x80 && len(b) > 2 && b[2] < 0x80 {
			size, n = size&0x7f|int(b[2])<<7, 3
		}
		if end := n + size; (n == 3 || size < 0x80) && end <= len(b) {
			return field{protowire.Number(b[0] >> 3), protowire.BytesType, b[n:end:end]}, b[end:], true
		}
	}
	return nextAnyField(b)
}

func nextAnyField(b []byte) (f field, rest []byte, ok bool) {
	tag, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return field{}, nil, false
	}
	number := tag >> 3
	if number < uint64(protowire.MinValidNumber) || number > uint64(protowire.MaxValidNumber) {
		return field{}, nil, false
	}
	f.number, f.wire = protowire.Number(number), protowire.Type(tag&7)
	b = b[n:]
	if f.wire == protowire.BytesType {
		f.value, n = protowire.ConsumeBytes(b)
	} else {
		n = protowire.ConsumeFieldValue(f.number, f.wire, b)
	}
	if n < 0 {
		return field{}, nil, false
	}
	return f, b[n:], true
}

// decoder reads the wire form of a CheckRequest into a message, as generated
// code would: of a field that comes several times the last one counts, but
// messages are merged; the last entry of a key in a map counts; what is unknown
// or of another wire type is passed over; a text that is no UTF-8 makes the
// whole undecodable. All texts alias the bytes that were read.
type decoder struct {
	*message
	types *wireTypes
	names *nameSet
}

// decode reports whether generated code would decode the bytes. The message
// must be empty but for the room of its lists and its map.
func (d *decoder) decode(b []byte) bool {
	const depth = protowire.DefaultRecursionLimit - 1
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		if b = rest; f.number == 1 && f.wire == protowire.BytesType {
			ok = d.attributes(f.value, depth-1)
		} else {
			ok = d.types.check.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (d *decoder) attributes(b []byte, depth int) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		b = rest
		switch {
		case f.wire != protowire.BytesType:
			ok = d.types.attributes.admits(&f, depth)
		case f.number == 1:
			ok = d.source(f.value, depth-1)
		case f.number == 4:
			ok = d.request(f.value, depth-1)
		case f.number == 10:
			ok = d.extension(f.value, depth-1)
		default:
			ok = d.types.attributes.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (d *decoder) source(b []byte, depth int) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		b = rest
		switch {
		case f.wire != protowire.BytesType:
			ok = d.types.peer.admits(&f, depth)
		case f.number == 1:
			ok = d.sourceAddress(f.value, depth-1)
		case f.number == 4:
			d.principal, ok = text(f.value)
		default:
			ok = d.types.peer.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

// sourceAddress reads one of three kinds of address, of which the last one
// counts.
func (d *decoder) sourceAddress(b []byte, depth int) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		b = rest
		switch {
		case f.wire != protowire.BytesType:
			ok = d.types.address.admits(&f, depth)
		case f.number == 1:
			ok = d.socket(f.value, depth-1)
		case f.number == 2, f.number == 3:
			d.address = ""
			ok = d.types.address.admits(&f, depth)
		default:
			ok = d.types.address.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (d *decoder) socket(b []byte, depth int) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		if b = rest; f.number == 2 && f.wire == protowire.BytesType {
			d.address, ok = text(f.value)
		} else {
			ok = d.types.socket.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

// extension reads one entry of context_extensions. Beyond the limit it is
// enough to know that there are too many.
func (d *decoder) extension(b []byte, depth int) bool {
	key, value, ok := d.entry(b, depth)
	if ok && len(d.context) <= maxContextPairs {
		d.context[key] = value
	}
	return ok
}

func (d *decoder) request(b []byte, depth int) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		if b = rest; f.number == 2 && f.wire == protowire.BytesType {
			d.http = true
			ok = d.httpRequest(f.value, depth-1)
		} else {
			ok = d.types.request.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (d *decoder) httpRequest(b []byte, depth int) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		b = rest
		if f.wire != protowire.BytesType {
			ok = d.types.http.admits(&f, depth)
		} else {
			ok = d.httpField(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (d *decoder) httpField(f *field, depth int) (ok bool) {
	switch f.number {
	case 2:
		d.method, ok = text(f.value)
	case 3:
		ok = d.mappedHeader(f.value, depth-1)
	case 4:
		d.path, ok = text(f.value)
	case 5:
		d.host, ok = text(f.value)
	case 6:
		d.scheme, ok = text(f.value)
	case 13:
		ok = d.headerMap(f.value, depth-1)
	default:
		ok = d.types.http.admits(f, depth)
	}
	return ok
}

// mappedHeader reads one entry of headers. Once there are too many names it
// does not matter which.
func (d *decoder) mappedHeader(b []byte, depth int) bool {
	name, value, ok := d.entry(b, depth)
	if !ok || d.mappedCount > maxHeaderLines+pseudoCount {
		return ok
	}
	if at, known := d.names.find(name, d.mapped); known {
		d.mapped[at].Value = value
		return true
	}
	d.mapped = append(d.mapped, authz.Header{Name: name, Value: value})
	d.mappedCount++
	return true
}

// entry reads the entry of a map from text to text: what is missing is empty.
func (d *decoder) entry(b []byte, depth int) (key, value string, ok bool) {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return "", "", false
		}
		b = rest
		switch {
		case f.wire != protowire.BytesType:
			ok = d.types.entry.admits(&f, depth)
		case f.number == 1:
			key, ok = text(f.value)
		case f.number == 2:
			value, ok = text(f.value)
		}
		if !ok {
			return "", "", false
		}
	}
	return key, value, true
}

func (d *decoder) headerMap(b []byte, depth int) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		if b = rest; f.number == 1 && f.wire == protowire.BytesType {
			ok = d.rawHeader(f.value, depth-1)
		} else {
			ok = d.types.headerMap.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	return true
}

// rawHeader reads one entry of header_map. Once there are too many it does not
// matter which.
func (d *decoder) rawHeader(b []byte, depth int) bool {
	var header rawHeader
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return false
		}
		b = rest
		switch {
		case f.wire != protowire.BytesType:
			ok = d.types.header.admits(&f, depth)
		case f.number == 1:
			header.name, ok = text(f.value)
		case f.number == 2:
			header.value, ok = text(f.value)
		case f.number == 3:
			header.raw = alias(f.value)
		default:
			ok = d.types.header.admits(&f, depth)
		}
		if !ok {
			return false
		}
	}
	d.rawCount++
	d.rawBytes += len(header.raw)
	if d.rawCount <= maxHeaderLines+pseudoCount {
		d.raw = append(d.raw, header)
	}
	return true
}

// text returns the bytes as a text, or false for what is no UTF-8.
func text(b []byte) (string, bool) { return alias(b), utf8.Valid(b) }

// alias returns a text that is the bytes themselves. It is good for as long as
// nobody writes to them.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the length is that of the bytes
}

// nameSet finds names in a list that grows with it. It is a hash table of
// positions, one more each, with open addressing.
type nameSet [nameSlots]uint16

// nameSlots is a power of two above the greatest number of names, so that there
// is always an empty slot.
const (
	nameBits  = 9
	nameSlots = 1 << nameBits
)

// find returns the position of a name in the list. A name that is not there is
// taken for the next one to be appended.
func (s *nameSet) find(name string, list []authz.Header) (int, bool) {
	for slot := nameHash(name) & (nameSlots - 1); ; slot = (slot + 1) & (nameSlots - 1) {
		at := int(s[slot])
		if at == 0 {
			s[slot] = uint16(len(list) + 1)
			return 0, false
		}
		if list[at-1].Name == name {
			return at - 1, true
		}
	}
}

// nameHash tells most names apart by their length and their last eight bytes.
func nameHash(name string) uint64 {
	var last [8]byte
	copy(last[:], name[max(0, len(name)-8):])
	hash := (binary.LittleEndian.Uint64(last[:]) ^ uint64(len(name))) * 0x9e3779b97f4a7c15
	return hash >> (64 - nameBits)
}
