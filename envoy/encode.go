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

// appendAllow is the only place that encodes an answer with code 0.
func appendAllow(dst []byte, d *authz.Decision) ([]byte, error) {
	if err := checkAllow(d); err != nil {
		return dst, err
	}
	dst = appendText(dst, responseStatus, "") // of code 0, which is not written
	dst, ok := open(dst, responseOK)
	for i := range d.Set {
		dst = appendOverwrite(dst, okHeaders, d.Set[i].Name, d.Set[i].Value)
	}
	for _, name := range d.Remove {
		if !sets(d.Set, name) { // as in removals
			dst = appendText(dst, okRemove, name)
		}
	}
	for i := range d.ResponseHeaders {
		dst = appendOverwrite(dst, okBack, d.ResponseHeaders[i].Name, d.ResponseHeaders[i].Value)
	}
	for _, name := range d.RemoveParams {
		dst = appendText(dst, okRemoveParams, name)
	}
	return appendMetadata(closed(dst, ok), d.Metadata)
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
	header := textSize(name)
	if value != "" {
		header += textSize(value)
	}
	option := protowire.SizeBytes(header) + 1 + len(overwriting)
	if option < 0x80 { // and so all sizes take one byte
		dst = append(dst, tagOf(number), byte(option), tagOf(optionHeader), byte(header), tag1, byte(len(name)))
	} else {
		dst = appendHead(appendHead(dst, number, option), optionHeader, header)
		dst = appendHead(dst, 1, len(name))
	}
	dst = append(dst, name...)
	if value != "" {
		dst = appendText(dst, 2, value)
	}
	return append(dst, overwriting...)
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

// textSize is how many bytes appendText appends.
func textSize(s string) int { return 1 + protowire.SizeBytes(len(s)) }

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
	width := protowire.SizeVarint(uint64(size))
	var room [10]byte
	dst = append(dst, room[:width-1]...)
	copy(dst[start+width-1:], dst[start:start+size])
	protowire.AppendVarint(dst[:start-1], uint64(size))
	return dst
}
