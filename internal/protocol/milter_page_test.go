package protocol

import (
	"os"
	"strings"
	"testing"
)

// What the pages tell to put into an MTA's configuration is what the tests of interop run.
func TestMilterPages(t *testing.T) {
	for page, file := range map[string]string{"milter.md": "milter/main.cf", "sendmail.md": "sendmail/helogate.mc"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		settings, err := os.ReadFile("../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var block strings.Builder
		for line := range strings.Lines(string(settings)) {
			block.WriteString("       " + line)
		}
		if !strings.Contains(string(text), "\n\n"+block.String()+"\n") {
			t.Errorf("docs/%s does not show docs/%s, indented by 7:\n%s", page, file, block.String())
		}
	}
}
