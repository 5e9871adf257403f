package envoy

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/claimgate/claimgate/authz"
)

// Numbers of the fields that answers have.
const (
	responseStatus   protowire.Number = 1 // CheckResponse
	responseDenied   protowire.Number = 2
	responseOK       protowire.Number = 3
	responseMetadata protowire.Number = 4

	deniedStatus  protowire.Number = 1 // DeniedHttpResponse
	deniedHeaders protowire.Number = 2
	deniedBody    protowire.Number = 3

	okHeaders      protowire.Number = 2 // OkHttpResponse
	okRemove       protowire.Number = 5
	okBack         protowire.Number = 6
	okRemoveParams protowire.Number = 8

	optionHeader protowire.Number = 1 // HeaderValueOption
)

// appendAnswer appends the encoded answer for a decision: what responseFrom
// returns, in bytes. With an error the decision holds what must not be said;
// nothing of it may then be answered.
func (r *responder) appendAnswer(dst []byte, req *authz.Request, d *authz.Decision) ([]byte, error) {
	if allows(d) {
		return appendAllow(dst, d)
	}
	return r.appendDeny(dst, req, d)
}

// appendDeny appends the refusal of the decision's reason with its headers and
// metadata. Metadata that is too large is left out.
func (r *responder) appendDeny(dst []byte, req *authz.Request, d *authz.Decision) ([]byte, error) {
	refusal, err := r.denialOf(req, d)
	if err != nil {
		return dst, err
	}
	if dst, err = appendDenied(dst, &refusal, d); err != nil {
		return dst, err
	}
	before := len(dst)
	dst, err = appendMetadata(dst, d.Metadata)
	if isOversize(err) {
		return dst[:before], nil
	}
	return dst, err
}

// appendDenied is the one place that encodes refusals. Without a decision there
// is no challenge.
func appendDenied(dst []byte, refusal *denial, d *authz.Decision) (_ []byte, err error) {
	dst = append(dst, refusal.rpcWire...)
	dst, denied := open(dst, responseDenied)
	dst = append(dst, refusal.httpWire...)
	dst = append(dst, refusal.wire...)
	for i := range refusal.headers {
		dst = appendOverwrite(dst, deniedHeaders, refusal.headers[i].Name, refusal.headers[i].Value)
	}
	if refusal.challenge && d != nil {
		if dst, err = appendChallengeHeader(dst, refusal.answer, d); err != nil {
			return dst, err
		}
	}
	body := refusal.body
	if len(refusal.document) > 0 {
		body = alias(refusal.document)
	}
	dst = appendText(dst, deniedBody, body)
	return closed(dst, denied), nil
}

func appendChallengeHeader(dst []byte, a *answer, d *authz.Decision) (_ []byte, err error) {
	dst, option := open(dst, deniedHeaders)
	dst, header := open(dst, optionHeader)
	dst = appendText(dst, 1, "www-authenticate")
	dst, value := open(dst, 2)
	if dst, err = a.appendChallenge(dst, d); err != nil {
		return dst, err
	}
	return closed(append(closed(closed(dst, value), header), overwriting...), option), nil
}

// appendOverwrite appends a HeaderValueOption as headerCell.fill makes it.
func appendOverwrite(dst []byte, number protowire.Number, name, value string) []byte {
	header := 2 + len(name) + 2 + len(value) // where all sizes take one byte
	option := 2 + header + len(overwriting)
	if option >= 0x80 || value == "" {
		return appendOddOverwrite(dst, number, name, value)
	}
	dst = append(dst, tagOf(number), byte(option), tagOf(optionHeader), byte(header), tag1, byte(len(name)))
	dst = append(dst, name...)
	dst = append(dst, tag2, byte(len(value)))
	dst = append(dst, value...)
	return append(dst, overwriting...)
}

// appendOddOverwrite is appendOverwrite for a header that is blank, which is not
// written, or of any size.
func appendOddOverwrite(dst []byte, number protowire.Number, name, value string) []byte {
	dst, option := open(dst, number)
	dst, header := open(dst, optionHeader)
	dst = appendText(dst, 1, name)
	if value != "" {
		dst = appendText(dst, 2, value)
	}
	return closed(append(closed(dst, header), overwriting...), option)
}

// overwriting is what follows the header in a HeaderValueOption: append (2) is
// a BoolValue that says false, append_action (3) OVERWRITE_IF_EXISTS_OR_ADD.
const overwriting = "\x12\x00\x18\x02"

// appendCode appends a message whose first field is a number other than 0.
func appendCode(dst []byte, number protowire.Number, code uint64) []byte {
	dst, at := open(dst, number)
	dst = protowire.AppendTag(dst, 1, protowire.VarintType)
	return closed(protowire.AppendVarint(dst, code), at)
}

func appendText(dst []byte, number protowire.Number, s string) []byte {
	return append(appendHead(dst, number, len(s)), s...)
}

// tagOf is the tag of a length-delimited field, of one byte, as all fields of
// answers have it.
func tagOf(number protowire.Number) byte { return byte(number)<<3 | byte(protowire.BytesType) }

// appendHead appends what comes before the value of a length-delimited field:
// its tag and its size.
func appendHead(dst []byte, number protowire.Number, size int) []byte {
	dst = append(dst, tagOf(number), byte(size))
	if size < 0x80 {
		return dst
	}
	return protowire.AppendVarint(dst[:len(dst)-1], uint64(size))
}

// open begins a length-delimited field and returns where its value starts.
// There is one byte for its length, which closed widens where it must.
func open(dst []byte, number protowire.Number) ([]byte, int) {
	dst = appendHead(dst, number, 0)
	return dst, len(dst)
}

// closed ends the field whose value starts at the given place.
func closed(dst []byte, start int) []byte {
	size := len(dst) - start
	if size < 0x80 {
		dst[start-1] = byte(size)
		return dst
	}
	return closedWithin(dst, start, 1)
}

// openLong is open for a field that is likely to be longer than 127 bytes: it has
// two bytes for its length, to be ended by closedLong.
func openLong(dst []byte, number protowire.Number) ([]byte, int) {
	dst = append(dst, tagOf(number), 0, 0)
	return dst, len(dst)
}

func closedLong(dst []byte, start int) []byte {
	size := len(dst) - start
	if size < 0x80 || size >= 0x80<<7 {
		return closedWithin(dst, start, 2)
	}
	dst[start-2], dst[start-1] = byte(size)|0x80, byte(size>>7)
	return dst
}

// closedWithin ends a field for whose length there is room of any size, and moves
// its value where the length takes another.
func closedWithin(dst []byte, start, room int) []byte {
	size := len(dst) - start
	head := start - room
	value := head + protowire.SizeVarint(uint64(size))
	if value > start {
		var wider [10]byte
		dst = append(dst, wider[:value-start]...)
	}
	copy(dst[value:], dst[start:start+size])
	protowire.AppendVarint(dst[:head], uint64(size))
	return dst[:value+size]
}
