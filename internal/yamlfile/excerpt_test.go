package yamlfile

import (
	"strings"
	"testing"
)

func TestALongLineIsShownAroundThePlace(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("a", 1000) + "X" + strings.Repeat("b", 1000)
	part, at := excerpt(line, 1001)
	if runes := []rune(part); len(runes) != widest+2 || runes[at-1] != 'X' {
		t.Errorf("%d characters, column %d shows %q", len(runes), at, string(runes[at-1]))
	}
	if part, at := excerpt("short\x1b[31m", 3); part != "short\uFFFD[31m" || at != 3 {
		t.Errorf("%q, %d", part, at)
	}
}
