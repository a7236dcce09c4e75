package forecast_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/internal/sheet/sheettest"
)

// TestThePageDrawsItsPlots opens pages in a browser: every plot is drawn, a rule
// is shown and hidden by its legend, nothing is asked for but the file, nothing
// is wider than the screen, and nothing is complained of.
func TestThePageDrawsItsPlots(t *testing.T) {
	t.Parallel()
	browser := sheettest.Browser(t)
	many := make([]string, 12)
	for i := range many {
		many[i] = strings.Repeat("a rule with a long name ", i/2) + fmt.Sprint(i)
	}
	compared := page()
	compared.Other = "fast lane"
	pages := map[string]struct {
		write func(w io.Writer) error
		width int64
		plots int
	}{
		"day":        {func(w io.Writer) error { return forecast.HTML(w, page(), day()) }, 1200, 2},
		"narrow":     {func(w io.Writer) error { return forecast.HTML(w, page(), day()) }, 400, 2},
		"comparison": {func(w io.Writer) error { return forecast.HTMLComparison(w, compared, comparison()) }, 1200, 3},
		"one":        {func(w io.Writer) error { return forecast.HTML(w, page(), alone(day())) }, 1200, 2},
		"nobody":     {func(w io.Writer) error { return forecast.HTML(w, page(), nobody()) }, 1200, 2},
		"large":      {func(w io.Writer) error { return forecast.HTML(w, page(), result(500, 200, many...)) }, 400, 2},
		"course":     {func(w io.Writer) error { return forecast.HTMLCourse(w, course()) }, 400, 2},
		"hostile":    {func(w io.Writer) error { return forecast.HTML(w, page(), result(3, 5, hostile...)) }, 400, 2},
	}
	for name, tt := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drawn(sheettest.Open(browser, t, tt.width, tt.write), t, tt.plots)
		})
	}
}

// drawn says what must be drawn on a page.
func drawn(page context.Context, t *testing.T, plots int) {
	t.Helper()
	sheettest.Expect(page, t, "canvases with something on them", plots, `[...document.querySelectorAll("canvas")].filter(c => {
		const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		return pixels.some((x, i) => i % 4 === 3 && x > 0);
	}).length`)
	sheettest.Expect(page, t, "labels that a name became part of", 0, `document.querySelectorAll("b:not(.columns b)").length`)
	// The legend's first line is hidden and shown by keyboard, its band with it.
	sheettest.Expect(page, t, "hidden lines before", "true", `document.querySelectorAll(".u-series th")[1].getAttribute("aria-pressed")`)
	sheettest.Expect(page, t, "shown after a key", "false", `(() => {
		const label = document.querySelectorAll(".u-series th")[1];
		label.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", cancelable: true}));
		return label.getAttribute("aria-pressed");
	})()`)
}
