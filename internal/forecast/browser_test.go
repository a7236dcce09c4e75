package forecast_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/foresort/foresort/internal/forecast"
)

// chromium finds a browser. Where there is none the test is skipped, and on CI
// it fails.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium, and CI has one")
	}
	t.Skip("no Chromium to open the page with: install chromium to run this test")
	return ""
}

// heard is what the browser said while a page was open.
type heard struct {
	sync.Mutex
	asked, errors []string
}

func (h *heard) listen(event any) {
	h.Lock()
	defer h.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		h.asked = append(h.asked, e.Request.URL)
	case *runtime.EventConsoleAPICalled:
		h.errors = append(h.errors, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		h.errors = append(h.errors, text)
	case *log.EventEntryAdded:
		h.errors = append(h.errors, e.Entry.Text)
	}
}

// TestThePageDrawsItsPlots opens pages in a browser: every plot is drawn, a rule
// is shown and hidden by its legend, nothing is asked for but the file, nothing
// is wider than the screen, and nothing is complained of.
func TestThePageDrawsItsPlots(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options,
		chromedp.ExecPath(browser), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil { // one browser for all pages
		t.Fatal(err)
	}
	many := make([]string, 12)
	for i := range many {
		many[i] = strings.Repeat("a rule with a long name ", i/2) + fmt.Sprint(i)
	}
	compared := page()
	compared.Other = "fast lane"
	pages := map[string]struct {
		write func(f *os.File) error
		width int64
		plots int
	}{
		"day":        {func(f *os.File) error { return forecast.HTML(f, page(), day()) }, 1200, 2},
		"narrow":     {func(f *os.File) error { return forecast.HTML(f, page(), day()) }, 400, 2},
		"comparison": {func(f *os.File) error { return forecast.HTMLComparison(f, compared, comparison()) }, 1200, 3},
		"one":        {func(f *os.File) error { return forecast.HTML(f, page(), alone(day())) }, 1200, 2},
		"nobody":     {func(f *os.File) error { return forecast.HTML(f, page(), nobody()) }, 1200, 2},
		"large":      {func(f *os.File) error { return forecast.HTML(f, page(), result(500, 200, many...)) }, 400, 2},
		"hostile":    {func(f *os.File) error { return forecast.HTML(f, page(), result(3, 5, hostile...)) }, 400, 2},
	}
	for name, tt := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := os.Create(filepath.Join(t.TempDir(), name+".html"))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.write(f); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			open(ctx, t, f.Name(), tt.width, tt.plots)
		})
	}
}

func open(ctx context.Context, t *testing.T, file string, width int64, plots int) {
	t.Helper()
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	h := &heard{}
	if err := chromedp.Listen(ctx, h.listen); err != nil {
		t.Fatal(err)
	}
	at := (&url.URL{Scheme: "file", Path: file}).String()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(at)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			keep(ctx, t)
		}
	})
	expect(ctx, t, "canvases with something on them", plots, `[...document.querySelectorAll("canvas")].filter(c => {
		const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		return pixels.some((x, i) => i % 4 === 3 && x > 0);
	}).length`)
	expect(ctx, t, "pixels wider than the screen", 0, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
	expect(ctx, t, "labels that a name became part of", 0, `document.querySelectorAll("b:not(.columns b)").length`)
	// The legend's first line is hidden and shown by keyboard, its band with it.
	expect(ctx, t, "hidden lines before", "true", `document.querySelectorAll(".u-series th")[1].getAttribute("aria-pressed")`)
	expect(ctx, t, "shown after a key", "false", `(() => {
		const label = document.querySelectorAll(".u-series th")[1];
		label.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", cancelable: true}));
		return label.getAttribute("aria-pressed");
	})()`)
	h.Lock()
	defer h.Unlock()
	if len(h.errors) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(h.errors, "\n"))
	}
	for _, asked := range h.asked {
		if asked != at && !strings.HasPrefix(asked, "data:") {
			t.Errorf("the page asks for %s", asked)
		}
	}
	if len(h.asked) == 0 {
		t.Error("the test did not hear what was asked for")
	}
}

func expect[T comparable](ctx context.Context, t *testing.T, what string, want T, script string) {
	t.Helper()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// keep saves how the page looked where a test failed.
func keep(ctx context.Context, t *testing.T) {
	t.Helper()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Log("no picture of the page: ", err)
		return
	}
	f, err := os.CreateTemp("", "foresort-page-*.png")
	if err != nil {
		t.Log(err)
		return
	}
	defer f.Close()
	if _, err := f.Write(picture); err == nil {
		t.Log("how it looked: ", f.Name())
	}
}
