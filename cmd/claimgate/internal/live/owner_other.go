//go:build !unix

package live

import "os"

// ownedByUs reports whether the file belongs to the user of this process, which
// cannot be told here: access lists guard the directory.
func ownedByUs(os.FileInfo) bool { return true }
