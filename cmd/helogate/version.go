package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"
)

type versionCmd struct{}

// Run prints what this program was built from.
func (versionCmd) Run(env *env) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	_, err := io.WriteString(env.stdout, versionText(info))
	return err
}

// versionText words a build: version, commit, commit date, Go and platform, a line each. The commit is known only if
// the program was built in a checkout of its repository, by go build or go install.
func versionText(info *debug.BuildInfo) string {
	const noVCS = "unknown (built without version control information)"
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	commit, date := noVCS, noVCS
	if set["vcs.revision"] != "" {
		commit = set["vcs.revision"]
		if set["vcs.modified"] == "true" {
			commit += ", with uncommitted changes"
		}
	}
	if t, err := time.Parse(time.RFC3339, set["vcs.time"]); err == nil {
		date = t.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return fmt.Sprintf("helogate %s\ncommit   %s\ndate     %s\ngo       %s\nplatform %s/%s\n",
		versionOf(info), commit, date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// version returns the version of this program, "(devel)" where the build has none.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	if info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
