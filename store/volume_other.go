//go:build !(linux || darwin || freebsd)

package store

import (
	"errors"
	"os"
	"time"
)

// mapSize is 0: where a mapping makes the file as large as itself, it grows with the file.
const mapSize = 0

// volumeShare is not known here.
func volumeShare(string) int { return 0 }

// diskSpace is not known here.
func diskSpace(string) (free, total int64, err error) { return 0, 0, errors.ErrUnsupported }

// lockFile leaves the lock to bbolt.
func lockFile(*os.File, bool, time.Duration) error { return nil }

// mapFile reads the file.
func mapFile(f *os.File, size int64) (file []byte, unmap func(), err error) {
	file = make([]byte, size)
	_, err = f.ReadAt(file, 0)
	return file, func() {}, err
}

// forget does nothing: the file was read.
func forget(uintptr, int) {}

// willNeed does nothing: the file was read.
func willNeed(uintptr, int) {}

// mapped is not known here.
func mapped() int64 { return 0 }
