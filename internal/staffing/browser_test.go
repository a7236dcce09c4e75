package staffing_test

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

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/staffing"
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
		h.errors = append(h.errors, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		h.errors = append(h.errors, e.Entry.Text)
	}
}

// TestThePageShowsItsMaps opens pages in a browser: every cell is there and has
// a size and a ground of its own level, nothing is asked for but the file,
// nothing is wider than the screen, and nothing is complained of.
func TestThePageShowsItsMaps(t *testing.T) {
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
			f, err := os.Create(filepath.Join(t.TempDir(), name+".html"))
			if err != nil {
				t.Fatal(err)
			}
			if err := staffing.HTML(f, tt.report, "support.yaml"); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			ctx := open(ctx, t, f.Name(), tt.width)
			expect(ctx, t, "maps", tt.maps, `document.querySelectorAll(".map").length`)
			expect(ctx, t, "cells with their figures, a size and a ground", tt.cells, `[...document.querySelectorAll(".cells i[title]")].filter(c => {
				const look = getComputedStyle(c);
				return c.offsetWidth >= 2 && c.offsetHeight >= 10 && (look.backgroundColor !== "rgba(0, 0, 0, 0)" || look.backgroundImage !== "none");
			}).length`)
			expect(ctx, t, "cells in a day that has not 96", 0, `[...document.querySelectorAll(".cells")].filter(d => d.children.length !== 96).length`)
			expect(ctx, t, "findings", tt.told, `document.querySelectorAll(".findings li").length`)
			expect(ctx, t, "pixels wider than the screen", 0, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
			expect(ctx, t, "labels that a name became part of", 0, `document.querySelectorAll("b:not(.cells b):not(.findings b):not(figcaption b), img, script").length`)
		})
	}
}

// open opens a page; when the test ends it must have asked for nothing else and
// complained of nothing.
func open(ctx context.Context, t *testing.T, file string, width int64) context.Context {
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
		h.Lock()
		asked, complaints := h.asked, h.errors
		h.Unlock() // a picture makes events
		if len(complaints) > 0 {
			t.Errorf("the browser complains: %s", strings.Join(complaints, "\n"))
		}
		for _, what := range asked {
			if what != at && !strings.HasPrefix(what, "data:") {
				t.Errorf("the page asks for %s", what)
			}
		}
		if len(asked) == 0 {
			t.Error("the test did not hear what was asked for")
		}
		if t.Failed() {
			keep(ctx, t)
		}
	})
	return ctx
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
