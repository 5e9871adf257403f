package envoy

import (
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
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
	// Nearly all fields are such: a tag of one byte, and a length of one or two.
	if tag := b[0]; tag >= 8 && tag < 0x80 && protowire.Type(tag&7) == protowire.BytesType {
		if f.value, rest, ok = cut(b, tag); ok {
			f.number, f.wire = protowire.Number(tag>>3), protowire.BytesType
			return f, rest, true
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
	names nameSet // of the mapped headers
	entry entry   // the one that is being read
}

// entry is one entry of a map from text to text, or of header_map.
type entry struct{ name, value, raw string }

// decode reports whether generated code would decode the bytes. The message
// must be empty but for the room of its list and its map.
func (d *decoder) decode(b []byte) bool {
	d.clean = true
	return d.each(b, protowire.DefaultRecursionLimit-1, (*decoder).check)
}

// reset empties the message but keeps its room, and forgets all that aliases
// what was read.
func (d *decoder) reset() {
	if d.mappedCount > 0 {
		clear(d.names[:])
	}
	d.entry = entry{}
	d.message.reset()
}

// each reads the fields of one message. depth is how deep messages may still
// nest below it.
func (d *decoder) each(b []byte, depth int, read func(*decoder, field, int) bool) bool {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok || !read(d, f, depth) {
			return false
		}
		b = rest
	}
	return true
}

// key is the number of a field whose value is length-delimited, as all are that
// are read, and 0 for others, which is no number of a field.
func (f *field) key() protowire.Number {
	if f.wire != protowire.BytesType {
		return 0
	}
	return f.number
}

func (d *decoder) check(f field, depth int) bool {
	if f.key() == 1 {
		return d.each(f.value, depth-1, (*decoder).attributes)
	}
	return d.types.check.admits(&f, depth)
}

func (d *decoder) attributes(f field, depth int) bool {
	switch f.key() {
	case 1:
		return d.each(f.value, depth-1, (*decoder).source)
	case 4:
		return d.each(f.value, depth-1, (*decoder).request)
	case 10:
		return d.extension(f.value, depth-1)
	}
	return d.types.attributes.admits(&f, depth)
}

func (d *decoder) source(f field, depth int) (ok bool) {
	switch f.key() {
	case 1:
		return d.each(f.value, depth-1, (*decoder).sourceAddress)
	case 4:
		d.principal, ok = text(f.value)
		return ok
	}
	return d.types.peer.admits(&f, depth)
}

// sourceAddress reads one of three kinds of address, of which the last one
// counts.
func (d *decoder) sourceAddress(f field, depth int) bool {
	switch f.key() {
	case 1:
		return d.each(f.value, depth-1, (*decoder).socket)
	case 2, 3:
		d.address = ""
	}
	return d.types.address.admits(&f, depth)
}

func (d *decoder) socket(f field, depth int) (ok bool) {
	if f.key() == 2 {
		d.address, ok = text(f.value)
		return ok
	}
	return d.types.socket.admits(&f, depth)
}

// extension reads one entry of context_extensions. Beyond the limit it is
// enough to know that there are too many.
func (d *decoder) extension(b []byte, depth int) bool {
	ok := d.mapEntry(b, depth)
	if ok && len(d.context) <= maxContextPairs {
		d.context[d.entry.name] = d.entry.value
	}
	return ok
}

// mapEntry reads the entry of a map from text to text: what is missing is empty.
func (d *decoder) mapEntry(b []byte, depth int) bool {
	d.entry = entry{}
	return d.each(b, depth, (*decoder).mapField)
}

func (d *decoder) mapField(f field, depth int) (ok bool) {
	switch f.key() {
	case 1:
		d.entry.name, ok = text(f.value)
	case 2:
		d.entry.value, ok = text(f.value)
	default:
		ok = d.types.entry.admits(&f, depth)
	}
	return ok
}

func (d *decoder) request(f field, depth int) bool {
	if f.key() == 2 {
		d.http = true
		return d.each(f.value, depth-1, (*decoder).httpRequest)
	}
	return d.types.request.admits(&f, depth)
}

func (d *decoder) httpRequest(f field, depth int) (ok bool) {
	switch f.key() {
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
		ok = d.types.http.admits(&f, depth)
	}
	return ok
}

// text returns the bytes as a text, or false for what is no UTF-8.
func text(b []byte) (string, bool) { return alias(b), utf8.Valid(b) }

// alias returns a text that is the bytes themselves. It is good for as long as
// nobody writes to them.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the length is that of the bytes
}
