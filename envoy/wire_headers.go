package envoy

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/claimgate/claimgate/authz"
)

// Tags of the length-delimited fields with these numbers.
const (
	tag1 = 1<<3 | 2
	tag2 = 2<<3 | 2
	tag3 = 3<<3 | 2
)

// cut takes the field with this tag off the front of a message. It reports
// false where that is no such field, or one whose length takes more than two
// bytes: that is for nextField.
func cut(b []byte, tag byte) (value, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != tag {
		return nil, nil, false
	}
	start, size := 2, int(b[1])
	if size >= 0x80 {
		start, size = 3, size-0x80+int(b[2])<<7
		if b[2] >= 0x80 {
			return nil, nil, false
		}
	}
	if size > len(b)-start {
		return nil, nil, false
	}
	return b[start : start+size], b[start+size:], true
}

// cutPair returns the texts of an entry that is a key and one other field, in
// this order, and nothing else. That is how all entries of Envoy are written,
// but for those with an empty value. Neither is known to be UTF-8.
func cutPair(b []byte, tag byte) (name, value string, ok bool) {
	first, b, ok := cut(b, tag1)
	if !ok {
		return "", "", false
	}
	second, b, ok := cut(b, tag)
	return alias(first), alias(second), ok && len(b) == 0
}

// mappedHeader reads one entry of headers. Once there are too many names it
// does not matter which.
func (d *decoder) mappedHeader(b []byte, depth int) bool {
	name, value, ok := cutPair(b, tag2)
	if !ok {
		if !d.mapEntry(b, depth) {
			return false
		}
		name, value = d.entry.name, d.entry.value
	}
	if !isCommonName(name) && !d.name(name) || !isPrintable(value) && !d.value(value) {
		return false
	}
	if d.mappedCount > maxHeaderLines+pseudoCount {
		return true
	}
	if earlier := d.earlier(name); earlier != nil {
		d.headerBytes += len(value) - len(*earlier)
		*earlier = value
	} else {
		d.addMapped(name, value)
	}
	return true
}

// earlier returns the value of the mapped header that has this name already, or
// nil: then it has to be added.
func (d *decoder) earlier(name string) *string {
	if name != "" && name[0] == ':' {
		if at, ok := pseudoAt(name); ok && d.pseudo[at].seen {
			return &d.pseudo[at].value
		}
		return nil
	}
	if at, ok := d.names.find(name, d.lines); ok {
		return &d.lines[at].Value
	}
	return nil
}

// headerMap reads the entries of header_map.
func (d *decoder) headerMap(b []byte, depth int) bool {
	for {
		entry, rest, ok := cut(b, tag1)
		if !ok {
			return d.each(b, depth, (*decoder).headerMapField)
		}
		if !d.rawHeader(entry, depth-1) {
			return false
		}
		b = rest
	}
}

func (d *decoder) headerMapField(f field, depth int) bool {
	if f.key() == 1 {
		return d.rawHeader(f.value, depth-1)
	}
	return d.types.headerMap.admits(&f, depth)
}

// rawHeader reads one entry of header_map.
func (d *decoder) rawHeader(b []byte, depth int) bool {
	name, value, ok := cutPair(b, tag3)
	if !ok {
		d.entry = entry{}
		if !d.each(b, depth, (*decoder).rawField) {
			return false
		}
		name, value = d.entry.name, d.rawValue(d.entry.raw, d.entry.value)
	}
	if !isPrintable(value) {
		d.clean = d.clean && !breaksLine(value)
	}
	d.addRaw(name, value)
	return isCommonName(name) || d.name(name)
}

func (d *decoder) rawField(f field, depth int) (ok bool) {
	switch f.key() {
	case 1:
		d.entry.name, ok = text(f.value)
	case 2:
		d.entry.value, ok = text(f.value)
	case 3:
		d.entry.raw, ok = alias(f.value), true
	default:
		ok = d.types.header.admits(&f, depth)
	}
	return ok
}

// name reports whether a header's name is UTF-8, and notes whether it is one
// that nobody need look at again, as each that isCommonName is.
func (d *decoder) name(s string) bool {
	if _, ok := pseudoAt(s); ok || isLowerName(s) {
		return true
	}
	d.clean = false
	return utf8.ValidString(s)
}

// value reports whether a header's value is UTF-8, and notes whether it is one
// that nobody need look at again, as each that isPrintable is.
func (d *decoder) value(s string) bool {
	d.clean = d.clean && !breaksLine(s)
	return utf8.ValidString(s)
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
	end := last[:]
	if len(name) >= len(last) {
		end = octets(name)[len(name)-len(last):]
	} else {
		copy(end, name)
	}
	hash := (binary.LittleEndian.Uint64(end) ^ uint64(len(name))) * 0x9e3779b97f4a7c15
	return hash >> (64 - nameBits)
}
