package rehearsal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/foresort/foresort/examples"
	"github.com/foresort/foresort/internal/rehearsal"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

func TestX(t *testing.T) {
	src, _ := examples.Files.ReadFile("support.yaml")
	st, problems := strategy.Parse("support.yaml", src)
	if problems.Err() != nil {
		t.Fatal(problems.Text())
	}
	src, _ = examples.Files.ReadFile("surge.yaml")
	sc, problems := scenario.Parse("surge.yaml", src, nil)
	if problems.Err() != nil {
		t.Fatal(problems.Text())
	}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	at := func(h int) time.Time { return time.Date(2026, 11, 30, h, 0, 0, 0, berlin) }
	start := time.Now()
	r, err := rehearsal.Run(t.Context(), rehearsal.Config{Strategy: st.Desired(), Traffic: sc, From: at(7), To: at(21), Surge: at(10), Lender: "Returns", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(time.Since(start))
	for _, d := range []rehearsal.Day{r.Off, r.Act} {
		l, _ := d.Surge.ServiceLevel()
		m, _ := d.Lender.ServiceLevel()
		fmt.Println(d.Mode, l, d.Surge.Counted, d.Surge.Offered, "lender", m, d.Lender.Counted, d.Writes)
		fmt.Println(d.Waiting)
		fmt.Println(d.Level)
		for _, s := range d.Said {
			fmt.Println(s.At.In(berlin).Format("15:04"), s.Rule, s.Reason, s.Words)
		}
		for _, s := range d.Leases {
			fmt.Println(s.Began.In(berlin).Format("15:04"), s.Ended.In(berlin).Format("15:04"), len(s.Runs), len(s.Open))
		}
	}
}
