//go:build race

package jwks

const raceDetector = true
