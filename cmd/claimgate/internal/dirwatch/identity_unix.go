//go:build unix

package dirwatch

import (
	"os"
	"syscall"
)

// identity tells directories apart whatever their names.
type identity struct{ device, inode uint64 }

func identify(info os.FileInfo) (identity, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identity{uint64(stat.Dev), stat.Ino}, true //nolint:unconvert // another type on some systems
}
