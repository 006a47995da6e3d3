//go:build race

package rule

func init() { raceDetector = true }
