package telemetry

import (
	"bytes"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// scrubCore wraps a core so that nothing reaches it unscrubbed: message,
// logger name, stack, field names and values, whether they come with one line
// or stick to a logger.
type scrubCore struct{ zapcore.Core }

// Level lets zapcore.LevelOf look through the wrapper.
func (c scrubCore) Level() zapcore.Level { return zapcore.LevelOf(c.Core) }

// With implements zapcore.Core.
func (c scrubCore) With(fields []zapcore.Field) zapcore.Core {
	return scrubCore{c.Core.With(scrubFields(fields))}
}

// Check implements zapcore.Core. It adds itself, never the wrapped core.
func (c scrubCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) {
		return checked
	}
	return checked.AddCore(entry, c)
}

// Write implements zapcore.Core.
func (c scrubCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	entry.Message = scrub(entry.Message)
	entry.LoggerName = scrub(entry.LoggerName)
	entry.Stack = scrub(entry.Stack)
	return c.Core.Write(entry, scrubFields(fields))
}

// scrubFields returns new fields: the caller's may be shared with other cores.
func scrubFields(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, 0, len(fields))
	for _, field := range fields {
		out = append(out, scrubField(field)...)
	}
	return out
}

// scrubField turns a field into harmless ones. An inline object and an error
// with details yield several. What panics in its own marshaling code is not
// worth a request, and the text of the panic may hold anything.
func scrubField(field zapcore.Field) (clean []zapcore.Field) {
	defer func() {
		if recover() != nil {
			clean = []zapcore.Field{zap.String(scrub(field.Key), "[unloggable]")}
		}
	}()
	switch field.Type {
	case zapcore.SkipType:
		return nil
	case zapcore.NamespaceType:
		return []zapcore.Field{zap.Namespace(scrub(field.Key))}
	case zapcore.StringType:
		return []zapcore.Field{scrubbed(field.Key, field.String)}
	default:
		return scrubComposite(field)
	}
}

// scrubComposite evaluates the field and emits what came out of it.
func scrubComposite(field zapcore.Field) []zapcore.Field {
	encoder := zapcore.NewMapObjectEncoder()
	field.AddTo(encoder)
	names := slices.Sorted(maps.Keys(encoder.Fields))
	out := make([]zapcore.Field, len(names))
	for i, name := range names {
		out[i] = scrubbed(name, encoder.Fields[name])
	}
	return out
}

// scrubbed makes a field of the clean form of a value.
func scrubbed(name string, value any) zapcore.Field {
	return anyField(scrub(name), scrubValue(name, value, maxTree))
}

// anyField is zap.Any, except that a json.Number stays a number.
func anyField(name string, clean any) zapcore.Field {
	if number, ok := clean.(json.Number); ok {
		return zap.Reflect(name, number)
	}
	return zap.Any(name, clean)
}

// maxTree bounds the depth of a logged value, maxElements its width.
const (
	maxTree     = 16
	maxElements = 256
)

// scrubValue returns the clean form of a value: a string, bool, number, time,
// object or list.
func scrubValue(name string, value any, depth int) any {
	if deniedName(name) || depth == 0 {
		return redacted
	}
	switch v := value.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, uintptr,
		float32, float64, complex64, complex128, time.Duration, time.Time:
		return v
	case string:
		return scrub(v)
	case []byte:
		return fmt.Sprintf("[%d bytes]", len(v))
	case json.Number:
		return scrubNumber(v)
	case map[string]any:
		return scrubMembers(v, depth)
	case []any:
		return scrubElements(name, v, depth)
	}
	return scrubReflected(name, value, depth)
}

// scrubNumber keeps the text of a number but for those as long as a key.
func scrubNumber(n json.Number) any {
	if clean := scrub(n.String()); clean != n.String() {
		return clean
	}
	return n
}

func scrubMembers(members map[string]any, depth int) object {
	out := make(object, 0, min(len(members), maxElements))
	for name, value := range members {
		if len(out) == maxElements {
			break
		}
		out = append(out, member{scrub(name), scrubValue(name, value, depth-1)})
	}
	slices.SortFunc(out, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return out
}

// scrubElements hides a list of small numbers whole: those are bytes.
func scrubElements(name string, elements []any, depth int) any {
	if looksLikeBytes(elements) {
		return fmt.Sprintf("[%d bytes]", len(elements))
	}
	elements = elements[:min(len(elements), maxElements)]
	out := make(list, len(elements))
	for i, element := range elements {
		out[i] = scrubValue(name, element, depth-1)
	}
	return out
}

// looksLikeBytes reports whether the list could be text or a key, as a byte
// array becomes in JSON.
func looksLikeBytes(elements []any) bool {
	if len(elements) < 16 {
		return false
	}
	for _, element := range elements {
		text := fmt.Sprint(element)
		if len(text) == 0 || len(text) > 3 || text[0] < '0' || text[0] > '9' {
			return false
		}
	}
	return true
}

// scrubReflected reads any other value as encoding/json would write it.
func scrubReflected(name string, value any, depth int) any {
	if _, ok := value.(interface{ Public() crypto.PublicKey }); ok {
		return redacted
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("[unloggable %T]", value)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return fmt.Sprintf("[unloggable %T]", value)
	}
	return scrubValue(name, tree, depth)
}

// object and list are the clean forms of composite values.
type object []member

type member struct {
	name  string
	value any
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o object) MarshalLogObject(encoder zapcore.ObjectEncoder) error {
	for _, m := range o {
		anyField(m.name, m.value).AddTo(encoder)
	}
	return nil
}

type list []any

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (l list) MarshalLogArray(encoder zapcore.ArrayEncoder) error {
	for _, value := range l {
		if err := appendTo(encoder, value); err != nil {
			return err
		}
	}
	return nil
}

func appendTo(encoder zapcore.ArrayEncoder, value any) error {
	switch v := value.(type) {
	case object:
		return encoder.AppendObject(v)
	case list:
		return encoder.AppendArray(v)
	case string:
		encoder.AppendString(v)
	case float64:
		encoder.AppendFloat64(v)
	case float32:
		encoder.AppendFloat32(v)
	case complex128:
		encoder.AppendComplex128(v)
	case complex64:
		encoder.AppendComplex64(v)
	case time.Duration:
		encoder.AppendDuration(v)
	case time.Time:
		encoder.AppendTime(v)
	default:
		return encoder.AppendReflected(v)
	}
	return nil
}

// scrubWriter scrubs what zap itself reports, such as a failed write.
type scrubWriter struct{ w io.Writer }

// Write implements io.Writer.
func (s scrubWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.w, scrub(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
