// Package sheettest opens pages in a browser for tests: what writes a page goes
// in; it is open, and when the test ends it must have asked for nothing and
// complained of nothing.
package sheettest

import (
	"context"
	"fmt"
	"io"
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

// Browser starts one browser for all pages of a test.
func Browser(t *testing.T) context.Context {
	t.Helper()
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
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
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

// Open opens a page as wide as said, in pixels. When the test ends the page must
// have asked for nothing but itself and complained of nothing; where the test
// failed, a picture of it is kept. Nothing may be wider than the screen.
func Open(browser context.Context, t *testing.T, width int64, write func(io.Writer) error) context.Context {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "page.html"))
	if err != nil {
		t.Fatal(err)
	}
	if err := write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewContext(browser)
	t.Cleanup(stop)
	h := &heard{}
	if err := chromedp.Listen(ctx, h.listen); err != nil {
		t.Fatal(err)
	}
	at := (&url.URL{Scheme: "file", Path: f.Name()}).String()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(at)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.judge(t, at)
		if t.Failed() {
			keep(ctx, t)
		}
	})
	Expect(ctx, t, "pixels wider than the screen", 0, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
	return ctx
}

func (h *heard) judge(t *testing.T, at string) {
	h.Lock()
	defer h.Unlock()
	if len(h.errors) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(h.errors, "\n"))
	}
	for _, what := range h.asked {
		if what != at && !strings.HasPrefix(what, "data:") {
			t.Errorf("the page asks for %s", what)
		}
	}
	if len(h.asked) == 0 {
		t.Error("the test did not hear what was asked for")
	}
}

// Expect holds what a script finds in a page against what is wanted.
func Expect[T comparable](page context.Context, t *testing.T, what string, want T, script string) {
	t.Helper()
	got, err := chromedp.Run(page, chromedp.Evaluate[T](script))
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
