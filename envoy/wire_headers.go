package envoy

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/claimgate/claimgate/authz"
)

// Tags of the length-delimited fields with these numbers.
const (
	tag1  = 1<<3 | 2
	tag2  = 2<<3 | 2
	tag3  = 3<<3 | 2
	tag4  = 4<<3 | 2
	tag5  = 5<<3 | 2
	tag6  = 6<<3 | 2
	tag10 = 10<<3 | 2
	tag13 = 13<<3 | 2
)

// Nearly all entries of headers are written in one form: a field that holds a
// key, a second field, in this order, and nothing else. Envoy writes all so, but
// for those with an empty value. Such are taken in one step where each length
// takes one byte, and in three where it takes more.

// minEntry is the least length of an entry in this form.
const minEntry = 6

// formOf are the bytes of an entry in this form that are not lengths, up to its
// key, with the tag of the entry itself.
func formOf(outer byte) uint32 { return tag1<<16 | uint32(outer) }

// cutShort finds where the key ends, and where the entry does, with which a text
// of minEntry bytes at least begins, if it has the form up to its key and lengths
// of one byte. The rest is for endsShort.
func cutShort(b string, form uint32) (key, end int) {
	head := binary.LittleEndian.Uint32([]byte(b))
	if head&0x80ff80ff != form {
		return 0, 0
	}
	return 4 + int(head>>24), 2 + int(head>>8&0x7f)
}

// endsShort reports whether what stands between the ends of a key and of its entry
// is one field, with the tag inner and a length of one byte. No entry ends at 0.
func endsShort(b string, key, end int, inner byte) bool {
	return end <= len(b) && key+2 <= end && b[key] == inner && int(b[key+1]) == end-key-2
}

// cutPair does as cutShort and endsShort for the value of an entry, whatever the
// lengths in it. Neither text is known to be UTF-8.
func cutPair(b string, inner uint32) (name, value string, ok bool) {
	if b == "" {
		return "", "", false
	}
	tag, start, end := next(b)
	if tag != tag1 || end == len(b) {
		return "", "", false
	}
	name, b = b[start:end], b[end:]
	tag, start, end = next(b)
	return name, b[start:end], tag == inner && end == len(b)
}

// mappedEntry reads one entry of headers, in any form.
func (d *decoder) mappedEntry(b string, depth int) bool {
	if name, value, ok := cutPair(b, tag2); ok {
		return d.mappedHeader(name, value)
	}
	return d.mapEntry(b, depth) && d.mappedHeader(d.entry.name, d.entry.value)
}

// mappedHeader takes one entry of headers. Once there are too many names it does
// not matter which.
func (d *decoder) mappedHeader(name, value string) bool {
	if name != "" && name[0] == ':' {
		return d.mappedPseudo(name, value)
	}
	if !isCommonName(name) && !d.name(name) || !isPlain(value) && !d.value(value) {
		return false
	}
	if d.mappedCount > maxHeaderLines+pseudoCount {
		return true
	}
	if at, known := d.names.find(name, d.lines); known {
		earlier := &d.lines[at].Value
		d.headerBytes += len(value) - len(*earlier)
		*earlier = value
	} else {
		d.mappedCount++
		d.addLine(name, value)
	}
	return true
}

// mappedPseudo takes an entry of headers whose name begins as those of pseudo
// headers do. No request can have had one that is unknown.
func (d *decoder) mappedPseudo(name, value string) bool {
	at, known := pseudoAt(name)
	if !known && !d.name(name) || !isPlain(value) && !d.value(value) {
		return false
	}
	if !known {
		d.refused = true
		return true
	}
	p := &d.pseudo[at]
	if p.seen {
		d.headerBytes += len(value) - len(p.value)
	} else {
		d.mappedCount++
		d.headerBytes += len(name) + len(value)
	}
	*p = pseudo{value: value, seen: true}
	return true
}

// headerMap reads the entries of header_map.
func (d *decoder) headerMap(b string, depth int) bool {
	for len(b) >= minEntry {
		key, end := cutShort(b, formOf(tag1))
		if !endsShort(b, key, end, tag3) {
			tag, start, stop := next(b)
			if stop == 0 || !d.headerMapField(tag, b[start:stop], depth) {
				return false
			}
			b = b[stop:]
			continue
		}
		pseudo := b[4] == ':' // where there is no key, it is tag3
		name, value := b[4:key], b[key+2:end]
		b = b[end:]
		if !pseudo && isCommonName(name) && isPlain(value) {
			d.addRawLine(name, value)
		} else if !d.rawHeader(name, value) {
			return false
		}
	}
	return d.each(b, depth, (*decoder).headerMapField)
}

func (d *decoder) headerMapField(tag uint32, value string, depth int) bool {
	if tag == tag1 {
		return d.rawEntry(value, depth-1)
	}
	return d.types.headerMap.admits(tag, value, depth)
}

// rawEntry reads one entry of header_map, in any form. A long one most likely has
// the one of short ones too.
func (d *decoder) rawEntry(b string, depth int) bool {
	if name, value, ok := cutPair(b, tag3); ok {
		return d.rawHeader(name, value)
	}
	d.entry = entry{}
	return d.each(b, depth, (*decoder).rawField) && d.rawHeader(d.entry.name, d.rawValue(d.entry.raw, d.entry.value))
}

// rawPseudo takes a pseudo header that is known. No request can have had it twice.
func (d *decoder) rawPseudo(at int, name, value string) {
	d.rawCount++
	d.headerBytes += len(name) + len(value)
	d.refused = d.refused || d.pseudo[at].seen
	d.pseudo[at] = pseudo{value: value, seen: true}
}

func (d *decoder) rawField(tag uint32, value string, depth int) bool {
	switch tag {
	case tag1:
		d.entry.name = value
	case tag2:
		d.entry.value = value
	case tag3:
		d.entry.raw = value
	}
	return d.types.header.admits(tag, value, depth)
}

// rawHeader takes one entry of header_map.
func (d *decoder) rawHeader(name, value string) bool {
	if !isPlain(value) {
		d.clean = d.clean && !holdsBreak(value)
	}
	if at, ok := pseudoAt(name); ok {
		d.rawPseudo(at, name, value)
		return true
	}
	d.addRaw(name, value)
	return d.name(name)
}

// name reports whether a header's name, which is no pseudo header's, is UTF-8, and
// notes whether it is one that nobody need look at again, as each that
// isCommonName is.
func (d *decoder) name(s string) bool {
	if isLowerName(s) {
		return true
	}
	d.clean = false
	return utf8.ValidString(s)
}

// value reports whether a header's value is UTF-8, and notes whether it is one
// that nobody need look at again, as each that isPlain is.
func (d *decoder) value(s string) bool {
	d.clean = d.clean && !holdsBreak(s)
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
