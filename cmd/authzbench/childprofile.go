package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
)

// profileEnv names the directory to which a child writes profiles.
const profileEnv = "AUTHZBENCH_PROFILE"

// profileOnSignals writes processor profiles where the environment says so:
// SIGUSR1 begins one, SIGUSR2 ends it. This file is also built into a claimgate
// that is profiled, so it stands for itself.
func profileOnSignals() {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go profileOn(signals, dir)
}

// profileOn serves the signals. A profile appears under its name once it is
// whole.
func profileOn(signals <-chan os.Signal, dir string) {
	var file *os.File
	for s := range signals {
		if file != nil {
			pprof.StopCPUProfile()
			_ = file.Close()
			_ = os.Rename(file.Name(), filepath.Join(dir, "cpu.pprof")) //nolint:gosec // named by who started this
			file = nil
		}
		if s != syscall.SIGUSR1 {
			continue
		}
		var err error
		if file, err = os.Create(filepath.Join(dir, "cpu.unfinished")); err != nil { //nolint:gosec // named by who started this
			fmt.Fprintln(os.Stderr, "no profile:", err)
			continue
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			fmt.Fprintln(os.Stderr, "no profile:", err)
		}
	}
}
