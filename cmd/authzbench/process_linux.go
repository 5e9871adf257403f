package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const clockOfProcess = 2 // CPUCLOCK_SCHED of the kernel's encoding of clock ids

var errStatus = errors.New("the status of the process lacks VmRSS")

// cpuTime returns the processor time of a process and its threads, user and
// system: what getrusage tells a process of itself, in nanoseconds.
func cpuTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|clockOfProcess), &t); err != nil {
		return 0, fmt.Errorf("read the processor clock of %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// threadTime returns the processor time of the calling thread.
func threadTime() (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano()), err
}

// residentBytes returns the resident memory of a process.
func residentBytes(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, errStatus
}

// pause waits in the kernel: the runtime's own timers are a millisecond coarse
// while the process waits for the network.
func pause(d time.Duration) {
	t := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&t, nil) // cut short by a signal: who calls looks at the clock
}

// busy returns the load average of the last minute.
func busy() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}
