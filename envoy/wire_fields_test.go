package envoy

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/claimgate/claimgate/authz"
)

// part is a field of a message on the wire: a text, or a message of parts.
type part struct {
	number protowire.Number
	text   string
	parts  []part
}

// injector encodes parts with one more field in one of the messages, before or
// behind what is there.
type injector struct {
	seen, at      int
	before, after string
}

func (e *injector) encode(parts []part) []byte {
	here := e.seen == e.at
	e.seen++
	var out []byte
	if here {
		out = append(out, e.before...)
	}
	for _, p := range parts {
		value := []byte(p.text)
		if p.parts != nil {
			value = e.encode(p.parts)
		}
		out = protowire.AppendBytes(protowire.AppendTag(out, p.number, protowire.BytesType), value)
	}
	if here {
		out = append(out, e.after...)
	}
	return out
}

// wholeRequest has something in every field that is read, with the headers in
// one of the two forms.
func wholeRequest(headers part) []part {
	socket := part{1, "", []part{{2, "192.0.2.1", nil}}}
	source := part{1, "", []part{{1, "", []part{socket}}, {4, "spiffe://example/peer", nil}}}
	http := []part{{2, "GET", nil}, {4, "/orders/1", nil}, {5, "api.example.com", nil}, {6, "https", nil}, headers}
	return []part{{1, "", []part{source, {10, "", []part{{1, "tenant", nil}, {2, "acme", nil}}}, {4, "", []part{{2, "", http}}}}}}
}

// extras returns one field of a number in each wire type, and with contents that
// are good for some types of fields and bad for others.
func extras(number protowire.Number) []string {
	tag := func(wire protowire.Type) []byte { return protowire.AppendTag(nil, number, wire) }
	all := []string{
		string(protowire.AppendVarint(tag(protowire.VarintType), 1)),
		string(protowire.AppendFixed32(tag(protowire.Fixed32Type), 1)),
		string(protowire.AppendFixed64(tag(protowire.Fixed64Type), 1)),
		string(tag(protowire.StartGroupType)) + string(tag(protowire.EndGroupType)),
	}
	for _, value := range []string{"", "198.51.100.7", "\xff", "\x0a\x01a", "\x0a\x01\xff", "\x12\x01b"} {
		all = append(all, string(protowire.AppendString(tag(protowire.BytesType), value)))
	}
	return all
}

// TestP1EveryFieldAmongTheOthers puts a field of any number and type before and
// behind what a request holds, at every level: what is read stays what generated
// code reads, the address of the client above all.
func TestP1EveryFieldAmongTheOthers(t *testing.T) {
	for _, headers := range []part{
		{3, "", []part{{1, "x-a", nil}, {2, "1", nil}}},
		{13, "", []part{{1, "", []part{{1, "x-a", nil}, {3, "1", nil}}}}},
	} {
		request := wholeRequest(headers)
		count := &injector{at: -1}
		plain := count.encode(request)
		if own, ok := readOwn(plain); !ok || own.RemoteIP.String() != "192.0.2.1" || own.Context["tenant"] != "acme" || own.Principal == "" {
			t.Fatalf("the request itself: %v, %+v", ok, own)
		}
		for at := range count.seen {
			for number := protowire.Number(1); number <= 16; number++ {
				for _, extra := range extras(number) {
					for _, e := range []*injector{{at: at, before: extra}, {at: at, after: extra}} {
						compareReading(t, e.encode(request), 0)
					}
				}
			}
		}
	}
}

// TestEveryFieldEndsWhereProtobufEndsIt holds the reader of fields to that of
// protobuf: for each tag and length of few bytes, and around the bounds of field
// numbers and lengths.
func TestEveryFieldEndsWhereProtobufEndsIt(t *testing.T) {
	anything := &wireType{}
	try := func(b []byte) {
		t.Helper()
		err := proto.Unmarshal(b, &emptypb.Empty{})
		if got := anything.valid(string(b), 100); got != (err == nil) {
			t.Fatalf("%.20x (%d bytes): %v, protobuf: %v", b, len(b), got, err)
		}
		compareNext(t, b)
	}
	few := []byte{0, 1, 2, 3, 5, 7, 8, 0x0a, 0x0b, 0x0c, 0x7f, 0x80, 0x81, 0xff}
	for tag := range 256 {
		try([]byte{byte(tag)})
		for _, a := range few {
			for _, b := range few {
				for _, tail := range []string{"", "\x00", "\x01", "\x80", strings.Repeat("\x00", 7), strings.Repeat("\x08\x00", 64), "\x0c"} {
					try(append([]byte{byte(tag), a, b}, tail...))
				}
			}
		}
	}
	for _, number := range []uint64{0, 1, 15, 16, uint64(protowire.MaxValidNumber), uint64(protowire.MaxValidNumber) + 1, 1<<31 - 1, 1 << 31, 1<<61 - 1} {
		for wire := range uint64(8) {
			for _, tail := range []string{"", "\x00", "\x01a", strings.Repeat("\x00", 4), strings.Repeat("\x00", 8)} {
				try(append(protowire.AppendVarint(nil, number<<3|wire), tail...))
			}
		}
	}
	for _, n := range []int{0, 1, 126, 127, 128, 129, 300, 1<<14 - 1, 1 << 14, 1<<14 + 1} {
		for _, there := range []int{n - 1, n, n + 1, n + 2} {
			if there < 0 {
				continue
			}
			head := protowire.AppendVarint([]byte{0x0a}, uint64(n))
			try(append(head, strings.Repeat("\x00", there)...))
			try(append(head, strings.Repeat("\x08", there)...))
			overlong := append(head[:len(head)-1:len(head)-1], head[len(head)-1]|0x80, 0)
			try(append(overlong, strings.Repeat("\x08", there)...))
		}
	}
	for _, tail := range []string{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\xff\xff\xff\xff\x0f", "\x80\x80\x80\x80\x08"} {
		for _, wire := range []byte{0, 2} {
			try([]byte(fmt.Sprintf("%c%s", 8|wire, tail)))
		}
	}
}

// compareNext holds what finds fields to protobuf's own.
func compareNext(t *testing.T, b []byte) {
	t.Helper()
	number, wire, n := protowire.ConsumeTag(b)
	if number > protowire.MaxValidNumber {
		n = -1 // proto.Unmarshal refuses it
	}
	value, size := []byte(nil), n
	if n >= 0 {
		if size = protowire.ConsumeFieldValue(number, wire, b[n:]); wire == protowire.BytesType {
			value, size = protowire.ConsumeBytes(b[n:])
		}
	}
	for name, find := range map[string]func(string) (uint32, int, int){"next": next, "nextOther": nextOther, "nextAny": nextAny} {
		tag, start, end := find(string(b))
		if n < 0 || size < 0 {
			if tag != 0 || start != 0 || end != 0 {
				t.Fatalf("%.20x: %s finds a field from %d to %d", b, name, start, end)
			}
			continue
		}
		if tag != uint32(protowire.EncodeTag(number, wire)) || end != n+size || start != end-len(value) {
			t.Fatalf("%.20x: %s finds field %d of type %d from %d to %d", b, name, tag>>3, tag&7, start, end)
		}
	}
}

// TestWhatIsTakenInOneStep holds what takes entries in one step to what reads
// their fields: it takes all that have the form and short texts, and nothing else.
func TestWhatIsTakenInOneStep(t *testing.T) {
	entry := func(name, value string) []byte {
		return (&injector{at: -1}).encode([]part{{3, "", []part{{1, name, nil}, {2, value, nil}}}, {1, "", []part{{1, "k", nil}}}})
	}
	for _, b := range [][]byte{entry("x-b", "v1"), entry("", ""), entry("a", ""), entry("", "b"), entry(strings.Repeat("n", 60), strings.Repeat("v", 63)),
		entry(strings.Repeat("n", 61), strings.Repeat("v", 63)), entry("n", strings.Repeat("v", 200)), entry(strings.Repeat("n", 200), "v")} {
		for at := range min(len(b), 16) {
			for c := range 256 {
				changed := append([]byte(nil), b...)
				changed[at] = byte(c)
				compareShort(t, string(changed))
			}
		}
		for n := range b {
			compareShort(t, string(b[:n]))
		}
	}
}

// compareShort holds what takes entries in one step to what reads their fields.
func compareShort(t *testing.T, b string) {
	t.Helper()
	var names, values [2]string
	var sizes [2]int
	if len(b) >= minEntry {
		if key, end := cutShort(b, formOf(tag3)); endsShort(b, key, end, tag2) {
			names[0], values[0], sizes[0] = b[4:key], b[key+2:end], end
		}
	}
	if b != "" {
		if tag, start, end := next(b); tag == tag3 && start == 2 {
			inner := b[start:end]
			if key, from, to := nextOf(inner); key == tag1 && from == 2 {
				if value, begin, last := nextOf(inner[to:]); value == tag2 && begin == 2 && to+last == len(inner) {
					names[1], values[1], sizes[1] = inner[from:to], inner[to+begin:to+last], end
				}
			}
		}
	}
	if names[0] != names[1] || values[0] != values[1] || sizes[0] != sizes[1] {
		t.Fatalf("%.40x: took %q, %q and %d bytes, want %q, %q and %d", b, names[0], values[0], sizes[0], names[1], values[1], sizes[1])
	}
}

// nextOf is next for a message that may be empty.
func nextOf(b string) (tag uint32, start, end int) {
	if b == "" {
		return 0, 0, 0
	}
	return next(b)
}

// TestEveryByteOfAnAddress changes the bytes of addresses, and cuts them: one that
// is taken at once must be what generated code reads, as source and as destination.
func TestEveryByteOfAnAddress(t *testing.T) {
	socket := func(text, rest string) string {
		inner := string(protowire.AppendString([]byte{0x12}, text)) + rest
		return string(protowire.AppendString([]byte{0x0a}, inner))
	}
	for _, address := range []string{
		socket("192.0.2.1", "\x18\x50"), socket("192.0.2.1", "\x18\xbb\x03"), socket("::1", "\x18\xff\xff\x03"), socket("::1", "\x18\x05\x18\x05"),
		socket("", "\x18\x50"), socket("192.0.2.1", ""), socket(strings.Repeat("a", 121), "\x18\x50"), socket(strings.Repeat("a", 125), "\x18\x50"),
		"\x0a\x83\x12\x7f" + strings.Repeat("a", 127) + "\x18\x50",
	} {
		for at := range min(len(address), 20) {
			for _, c := range []byte{0, 1, 5, 0x08, 0x0a, 0x12, 0x18, 0x1a, 0x1f, 0x7f, 0x80, 0x83, 0xff, address[at] - 1, address[at] + 1} {
				compareAddress(t, address[:at]+string([]byte{c})+address[at+1:])
			}
			compareAddress(t, address[:at])
			compareAddress(t, address[:len(address)-at])
		}
		compareAddress(t, address+address)
		compareAddress(t, address+"\x0a\x00")
	}
}

// compareAddress holds both codecs to each other on an address of either peer,
// with another one before it and without.
func compareAddress(t *testing.T, address string) {
	t.Helper()
	for _, peer := range []protowire.Number{1, 2} {
		for _, field := range []protowire.Number{1, 2} { // the other one is a text
			one := part{peer, "", []part{{field, address, nil}}}
			two := part{peer, "", []part{{1, "", []part{{1, "", []part{{2, "198.51.100.7", nil}}}}}, {field, address, nil}}}
			for _, p := range []part{one, two} {
				compareReading(t, (&injector{at: -1}).encode([]part{{1, "", []part{p}}}), 0)
			}
		}
	}
}

// TestEveryFormOfAnEntry writes entries of headers from up to three fields in
// any order: what Envoy writes is read another way than the rest, and must be
// read as the rest is.
func TestEveryFormOfAnEntry(t *testing.T) {
	fields := []part{{1, "x-b", nil}, {1, "X-B", nil}, {1, ":path", nil}, {1, "\xff", nil}, {1, "", nil}, {2, "v", nil}, {2, "v\n", nil},
		{2, "\xc3\xa9\t", nil}, {2, "\xff", nil}, {2, "", nil}, {3, "v", nil}, {3, "\xff\n", nil}, {3, "", nil}, {9, "\xff", nil}, {2, strings.Repeat("v", 300), nil}, {3, strings.Repeat("v", 300), nil}}
	for _, number := range []protowire.Number{3, 13} {
		try := func(entry []part) {
			t.Helper()
			first, last := part{1, "", []part{{1, "x-a", nil}, {3, "1", nil}}}, part{1, "", []part{{1, "x-c", nil}, {3, "3", nil}}}
			headers := []part{{number, "", []part{first, {1, "", entry}, last}}}
			if number == 3 {
				first.parts[1].number, last.parts[1].number = 2, 2
				headers = []part{{3, "", first.parts}, {3, "", entry}, {3, "", last.parts}}
			}
			http := append([]part{{2, "GET", nil}, {4, "/orders/1", nil}, {5, "api.example.com", nil}}, headers...)
			wire := (&injector{at: -1}).encode([]part{{1, "", []part{{4, "", []part{{2, "", http}}}}}})
			compareReading(t, wire, 0)
			if number == 13 && len(entry) < 3 { // behind a field that nobody knows, it is read field by field
				http[3].parts = append([]part{{9, "", nil}}, http[3].parts...)
				compareReading(t, (&injector{at: -1}).encode([]part{{1, "", []part{{4, "", []part{{2, "", http}}}}}}), 0)
			}
		}
		for _, a := range fields {
			try([]part{a})
			for _, b := range fields {
				try([]part{a, b})
				for i := range fields {
					if a.number == 1 {
						try([]part{a, b, fields[i]})
					}
				}
			}
		}
	}
}

// TestP8OnlyTheLastValueWeighs: of an entry that comes again in a map only the
// last value counts, towards the limit of all headers as well.
func TestP8OnlyTheLastValueWeighs(t *testing.T) {
	small, great := "1", strings.Repeat("a", maxHeaderBytes)
	for _, name := range []string{"x-a", ":scheme", ":path"} {
		for _, tc := range []struct {
			first, last string
			fault       authz.Reason
		}{{great, small, authz.NoFault}, {small, great, authz.RequestInvalid}, {small + "\n", small, authz.NoFault}, {small, small + "\n", authz.RequestInvalid}} {
			headers := []part{{3, "", []part{{1, name, nil}, {2, tc.first, nil}}}, {3, "", []part{{1, name, nil}, {2, tc.last, nil}}}}
			http := append([]part{{2, "GET", nil}, {4, "/", nil}, {5, "api.example.com", nil}}, headers...)
			if name == ":path" || name == ":scheme" {
				http[1].text = tc.last
				http = append(http, part{6, tc.last, nil})
			}
			wire := (&injector{at: -1}).encode([]part{{1, "", []part{{4, "", []part{{2, "", http}}}}}})
			if _, req := compareReading(t, wire, 0); req.Fault != tc.fault {
				t.Errorf("%s, %d and then %d bytes: %v, want %v", name, len(tc.first), len(tc.last), req.Fault, tc.fault)
			}
		}
	}
}
