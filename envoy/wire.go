package envoy

import (
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// next finds the first field of a message that is not empty: its tag, which is
// its number and its wire type, and where its value begins and ends. A value that
// is not length-delimited is taken for an empty one at its end. No field ends at
// 0: that is where protobuf cannot tell where it ends, or where a group ends that
// nobody began.
func next(b string) (tag uint32, start, end int) {
	// Nearly all fields are such: a tag of one byte, and a length of one or two.
	if len(b) >= 2 && b[0]&0x87 == byte(protowire.BytesType) && b[0] >= 8 {
		start, end = 2, int(b[1])+2
		if end >= 0x82 {
			if len(b) < 3 || b[2] >= 0x80 {
				return nextAny(b)
			}
			start, end = 3, end-0x7f+int(b[2])<<7
		}
		if end <= len(b) {
			return uint32(b[0]), start, end
		}
		return 0, 0, 0
	}
	return nextOther(b)
}

// nextOther does as next for what is not length-delimited or has a longer tag.
// Nearly all of these are numbers.
func nextOther(b string) (tag uint32, start, end int) {
	const most = 9 // bytes of a number that cannot overflow
	if b[0]&0x87 == byte(protowire.VarintType) && b[0] >= 8 {
		for i := 1; i < len(b) && i <= most; i++ {
			if b[i] < 0x80 {
				return uint32(b[0]), i + 1, i + 1
			}
		}
	}
	return nextAny(b)
}

// nextAny does as next for all fields.
func nextAny(s string) (tag uint32, start, end int) {
	b := octets(s)
	whole, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return 0, 0, 0
	}
	number := whole >> 3
	if number < uint64(protowire.MinValidNumber) || number > uint64(protowire.MaxValidNumber) {
		return 0, 0, 0
	}
	tag = uint32(whole)
	size, empty := 0, 0
	if wire := protowire.Type(tag & 7); wire == protowire.BytesType {
		var value []byte
		value, size = protowire.ConsumeBytes(b[n:])
		empty = len(value)
	} else {
		size = protowire.ConsumeFieldValue(protowire.Number(number), wire, b[n:])
	}
	if size < 0 {
		return 0, 0, 0
	}
	return tag, n + size - empty, n + size
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
	return d.each(alias(b), protowire.DefaultRecursionLimit-1, (*decoder).check)
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
func (d *decoder) each(b string, depth int, read func(d *decoder, tag uint32, value string, depth int) bool) bool {
	for b != "" {
		tag, start, end := next(b)
		if end == 0 || !read(d, tag, b[start:end], depth) {
			return false
		}
		b = b[end:]
	}
	return true
}

func (d *decoder) check(tag uint32, value string, depth int) bool {
	if tag == tag1 {
		return d.each(value, depth-1, (*decoder).attributes)
	}
	return d.types.check.admits(tag, value, depth)
}

func (d *decoder) attributes(tag uint32, value string, depth int) bool {
	switch tag {
	case tag1:
		return d.each(value, depth-1, (*decoder).source)
	case tag2:
		if isPlainPeer(value) {
			return true
		}
	case tag4:
		return d.each(value, depth-1, (*decoder).request)
	case tag10:
		return d.extension(value, depth-1)
	}
	return d.types.attributes.admits(tag, value, depth)
}

func (d *decoder) source(tag uint32, value string, depth int) bool {
	switch tag {
	case tag1:
		if address, ok := cutSocket(value); ok {
			d.address = address
			return true
		}
		return d.each(value, depth-1, (*decoder).sourceAddress)
	case tag4:
		d.principal = value
	}
	return d.types.peer.admits(tag, value, depth)
}

// isPlainPeer reports whether a peer is nothing but an address that cutSocket
// takes, as destinations are. Such a one is well-formed.
func isPlainPeer(b string) bool {
	if b == "" {
		return false
	}
	tag, start, end := next(b)
	_, ok := cutSocket(b[start:end])
	return ok && tag == tag1 && end == len(b)
}

// cutSocket returns the text of an address in the form in which nearly all are: an
// IP address and a port, in this order, and nothing else.
func cutSocket(b string) (address string, ok bool) {
	const port = 3<<3 | uint32(protowire.VarintType)
	if len(b) < 6 || len(b) >= 0x80 || b[0] != tag1 || int(b[1]) != len(b)-2 || b[2] != tag2 || 4+int(b[3]) >= len(b) {
		return "", false
	}
	address, b = b[4:4+int(b[3])], b[4+int(b[3]):]
	tag, _, end := next(b)
	return address, tag == port && end == len(b) && isPlain(address)
}

// sourceAddress reads one of three kinds of address, of which the last one
// counts.
func (d *decoder) sourceAddress(tag uint32, value string, depth int) bool {
	switch tag {
	case tag1:
		return d.each(value, depth-1, (*decoder).socket)
	case tag2, tag3:
		d.address = ""
	}
	return d.types.address.admits(tag, value, depth)
}

func (d *decoder) socket(tag uint32, value string, depth int) bool {
	if tag == tag2 {
		d.address = value
	}
	return d.types.socket.admits(tag, value, depth)
}

// extension reads one entry of context_extensions. Beyond the limit it is
// enough to know that there are too many.
func (d *decoder) extension(b string, depth int) bool {
	ok := d.mapEntry(b, depth)
	if ok && len(d.context) <= maxContextPairs {
		d.context[d.entry.name] = d.entry.value
	}
	return ok
}

// mapEntry reads the entry of a map from text to text: what is missing is empty.
func (d *decoder) mapEntry(b string, depth int) bool {
	d.entry = entry{}
	return d.each(b, depth, (*decoder).mapField)
}

func (d *decoder) mapField(tag uint32, value string, depth int) bool {
	switch tag {
	case tag1:
		d.entry.name = value
	case tag2:
		d.entry.value = value
	}
	return d.types.entry.admits(tag, value, depth)
}

func (d *decoder) request(tag uint32, value string, depth int) bool {
	if tag == tag2 {
		d.http = true
		return d.httpRequest(value, depth-1)
	}
	return d.types.request.admits(tag, value, depth)
}

// httpRequest reads the headers where they are in a map, and all else.
func (d *decoder) httpRequest(b string, depth int) bool {
	for b != "" {
		if b[0] == tag3 && len(b) >= minEntry {
			if key, end := cutShort(b, formOf(tag3)); endsShort(b, key, end, tag2) {
				if !d.mappedHeader(b[4:key], b[key+2:end]) {
					return false
				}
				b = b[end:]
				continue
			}
		}
		tag, start, end := next(b)
		if end == 0 || !d.httpField(tag, b[start:end], depth) {
			return false
		}
		b = b[end:]
	}
	return true
}

func (d *decoder) httpField(tag uint32, value string, depth int) bool {
	switch tag {
	case tag2:
		d.method = value
	case tag3:
		return d.mappedEntry(value, depth-1)
	case tag4:
		d.path = value
	case tag5:
		d.host = value
	case tag6:
		d.scheme = value
	case tag13:
		return d.headerMap(value, depth-1)
	}
	return d.types.http.admits(tag, value, depth)
}

// alias returns a text that is the bytes themselves. It is good for as long as
// nobody writes to them.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the length is that of the bytes
}
