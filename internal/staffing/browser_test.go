package staffing_test

import (
	"io"
	"testing"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/sheet/sheettest"
	"github.com/foresort/foresort/internal/staffing"
)

// TestThePageShowsItsMaps opens pages in a browser: every cell is there and has
// a size and a ground of its own level, nothing is asked for but the file,
// nothing is wider than the screen, and nothing is complained of.
func TestThePageShowsItsMaps(t *testing.T) {
	t.Parallel()
	browser := sheettest.Browser(t)
	pages := map[string]struct {
		report            coverage.Report
		width             int64
		cells, maps, told int
	}{
		"week":    {week(), 1200, 2 * coverage.Cells, 2, 6},
		"narrow":  {week(), 400, 2 * coverage.Cells, 2, 6},
		"unsure":  {unsure(), 1200, coverage.Cells, 1, 1},
		"autumn":  {turned(date(2026, 10, 19, 0, 0)), 1200, coverage.Cells - 4, 1, 0}, // an hour is there twice
		"nobody":  {nobody(), 1200, 0, 0, 1},
		"hostile": {hostile(), 400, coverage.Cells, 1, 1},
	}
	for name, tt := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := sheettest.Open(browser, t, tt.width, func(w io.Writer) error { return staffing.HTML(w, tt.report, "support.yaml") })
			sheettest.Expect(page, t, "maps", tt.maps, `document.querySelectorAll(".map").length`)
			sheettest.Expect(page, t, "cells with their figures, a size and a ground", tt.cells, `[...document.querySelectorAll(".cells i[title]")].filter(c => {
				const look = getComputedStyle(c);
				return c.offsetWidth >= 2 && c.offsetHeight >= 10 && (look.backgroundColor !== "rgba(0, 0, 0, 0)" || look.backgroundImage !== "none");
			}).length`)
			sheettest.Expect(page, t, "cells in a day that has not 96", 0, `[...document.querySelectorAll(".cells")].filter(d => d.children.length !== 96).length`)
			sheettest.Expect(page, t, "findings", tt.told, `document.querySelectorAll(".findings li").length`)
			sheettest.Expect(page, t, "labels that a name became part of", 0, `document.querySelectorAll("b:not(.cells b):not(.findings b):not(figcaption b), img, script").length`)
		})
	}
}
