package token

import (
	"encoding/binary"
	"unsafe"
)

// A document is one allocation without pointers, whatever it holds: its cells,
// the outermost one first and the children of each container in a row, then the
// tag of each cell, and then all names and texts. So a cached token is nothing
// that the collector has to follow, and a Value that is in use keeps its whole
// document alive.

// cell is what a Value knows of itself.
type cell struct {
	kind      Kind
	tag       uint8  // of the name: see tagOf
	index     uint16 // of the cell in its document
	name      span   // within an Object; of the outermost cell: how many cells there are
	text      span   // of a String; a Num as it was written; the children of a List or Object
	digitsAt  uint8  // of a Num, from the start of its text
	digitsLen uint8  // of a Num; of a Bool 1 for true
	exp       int16  // of a Num
}

// tagOf tells most names apart, so that Get reads hardly any text but what it
// looks for.
func tagOf(name string) uint8 {
	if name == "" {
		return 0
	}
	return name[0] + 31*name[len(name)-1] + 7*uint8(len(name)&0xff)
}

// span is a part of the texts of a document, or a row of its cells.
type span struct{ at, n uint16 }

const (
	cellSize = unsafe.Sizeof(Value{})
	maxText  = 1<<16 - 1 // bytes of all names and texts of one document
	tagRow   = 8         // tags are read so many at a time
)

// noCopy lets go vet find values that are copied.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// newDocument lays out a document and returns its outermost value.
func newDocument(root cell, cells []cell, text []byte) *Value {
	count := 1 + len(cells)
	size := documentBytes(count, len(text))
	doc := make([]Value, (size+int(cellSize)-1)/int(cellSize))
	root.name = span{at: uint16(count)}
	doc[0].cell = root
	rest := unsafe.Slice((*byte)(unsafe.Pointer(&doc[count])), size-count*int(cellSize)) //nolint:gosec // what doc has beside cells
	for i := range cells {
		doc[1+i].cell = cells[i]
		doc[1+i].index = uint16(1 + i)
		rest[1+i] = cells[i].tag
	}
	copy(rest[count:], text)
	return &doc[0]
}

// documentBytes returns what the document of n cells and that much text takes. The
// tags of the last cell are followed by so many bytes that a row can be read there.
func documentBytes(cells, text int) int { return cells*(int(cellSize)+1) + text + tagRow - 1 }

// root returns the outermost value of the document.
func (v *Value) root() *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(v), -int(v.index)*int(cellSize))) //nolint:gosec // within one document
}

// textOf returns a part of the texts.
func (v *Value) textOf(s span) string { return v.root().textAt(s) }

// textAt is textOf for the outermost value.
func (v *Value) textAt(s span) string {
	if s.n == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(v), int(v.name.at)*(int(cellSize)+1)+int(s.at))), int(s.n)) //nolint:gosec // within one document
}

// kid returns a child of a List or Object.
func (v *Value) kid(i int) *Value { return v.root().cellAt(int(v.text.at) + i) }

// cellAt returns a value of the document of the outermost one.
func (v *Value) cellAt(index int) *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(v), index*int(cellSize))) //nolint:gosec // within one document
}

// tagsAt returns the tags, a byte each, of that value of the document of the
// outermost one and of those after it. What follows the last one is anything.
func (v *Value) tagsAt(index int) uint64 {
	at := unsafe.Add(unsafe.Pointer(v), int(v.name.at)*int(cellSize)+index) //nolint:gosec // within one document
	return binary.LittleEndian.Uint64((*[tagRow]byte)(at)[:])
}

// kids returns the children of a List or Object.
func (v *Value) kids() []Value {
	if v.text.n == 0 {
		return nil
	}
	return unsafe.Slice(v.kid(0), int(v.text.n)) //nolint:gosec // within one document
}
