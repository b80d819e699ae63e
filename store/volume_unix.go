//go:build linux || darwin || freebsd

package store

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// mapSize is what is mapped from the start: 8 GiB of address space where there
// is plenty of it.
const mapSize = (strconv.IntSize / 64) << 33

// volumeShare is 90 % of the volume that path lies on, in bytes, or 0 if that
// is not known: the store stops with a clear error before the disk is full.
func volumeShare(path string) int {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &fs); err != nil {
		return 0
	}
	return int(min(uint64(fs.Blocks)/10*9*uint64(fs.Bsize), math.MaxInt))
}

// diskSpace is the room on the disk of a folder, in bytes, and all that is not kept
// back for others: as df counts.
func diskSpace(dir string) (free, total int64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, 0, err
	}
	size := func(blocks uint64) int64 {
		return int64(min(blocks, math.MaxInt64/uint64(fs.Bsize)) * uint64(fs.Bsize))
	}
	return size(uint64(fs.Bavail)), size(fs.Blocks - fs.Bfree + uint64(fs.Bavail)), nil
}

// lockFile takes the lock that bbolt would take on the same descriptor a moment
// later, for itself alone or with others that read, waiting for at most timeout:
// ErrLocked.
func lockFile(f *os.File, alone bool, timeout time.Duration) error {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	const retry = 50 * time.Millisecond
	for start := time.Now(); ; time.Sleep(retry) {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err != syscall.EWOULDBLOCK {
			return err
		}
		if time.Since(start)+retry > timeout {
			return ErrLocked
		}
	}
}

// mapFile gives the bytes of a file without reading it all. A part of the disk
// that cannot be read shows as a fault: see guard.
func mapFile(f *os.File, size int64) (file []byte, unmap func(), err error) {
	if size > math.MaxInt {
		return nil, nil, syscall.EFBIG
	}
	file, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	return file, func() { syscall.Munmap(file) }, err
}

// forget takes what was read of a mapped file, n bytes at an address, out of the memory
// of the process; it is read again where it is used.
func forget(address uintptr, n int) {
	syscall.Syscall(syscall.SYS_MADVISE, address, uintptr(n), syscall.MADV_DONTNEED)
}

// willNeed has the system read a part of a mapped file, which is used soon.
func willNeed(address uintptr, n int) {
	syscall.Syscall(syscall.SYS_MADVISE, address, uintptr(n), syscall.MADV_WILLNEED)
}

// mapped is how much of files is in the memory of the process, in bytes; 0 where the
// system does not say (proc_pid_statm(5)).
func mapped() int64 {
	var total, resident, shared int64
	raw, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		fmt.Sscan(string(raw), &total, &resident, &shared)
	}
	return shared * int64(os.Getpagesize())
}
