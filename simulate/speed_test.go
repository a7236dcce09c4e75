package simulate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/foresort/foresort/routing"
)

// always is a shift that never ends.
func always(horizon time.Duration) []Span { return []Span{{0, horizon + time.Hour}} }

// mmc is a queue with Poisson arrivals and agents of exponential pace.
func mmc(agents int, perHour float64, handle, horizon time.Duration) Model {
	m := Model{
		Horizon: horizon, Queues: []Queue{{Name: "q"}},
		Rules:   []Rule{{Name: "r", Handle: Dist{Shape: Exponential, Mean: handle}}},
		Sources: []Source{{Mix: []Share{{0, 1}}, Rates: []Rate{{Span: Span{0, horizon}, PerHour: perHour}}}},
	}
	for i := range agents {
		m.Agents = append(m.Agents, Agent{Name: "a" + string(rune('0'+i%10)) + time.Duration(i).String(), Capacity: 1, Members: []Membership{{0, 1}}, Shifts: always(horizon)})
	}
	return m
}

// bareHeap is the floor: the same queue as nothing but a heap of departures, a
// ring of arrivals and a sum.
func bareHeap(servers int, perHour, handle float64, n int, arrivals, services *rand.Rand) float64 {
	var heap []float64
	var line []float64
	first := 0
	now, sum := 0.0, 0.0
	push := func(x float64) {
		heap = append(heap, x)
		i := len(heap) - 1
		for i > 0 && heap[(i-1)/2] > x {
			heap[i] = heap[(i-1)/2]
			i = (i - 1) / 2
		}
		heap[i] = x
	}
	pop := func() {
		last := len(heap) - 1
		x := heap[last]
		heap = heap[:last]
		i := 0
		for {
			c := 2*i + 1
			if c >= last {
				break
			}
			if c+1 < last && heap[c+1] < heap[c] {
				c++
			}
			if heap[c] >= x {
				break
			}
			heap[i] = heap[c]
			i = c
		}
		if last > 0 {
			heap[i] = x
		}
	}
	for range n {
		now += arrivals.ExpFloat64() / perHour
		for len(heap) > 0 && heap[0] <= now {
			at := heap[0]
			pop()
			if first < len(line) {
				sum += at - line[first]
				first++
				push(at + services.ExpFloat64()*handle)
				if first == len(line) {
					line, first = line[:0], 0
				}
			}
		}
		if len(heap) < servers {
			push(now + services.ExpFloat64()*handle)
		} else {
			line = append(line, now)
		}
	}
	return sum
}

const speedEmails = 1_000_000

func BenchmarkFloorMM100(b *testing.B) {
	for b.Loop() {
		bareHeap(100, 95, 1, speedEmails, rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(1, 2)))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/speedEmails, "ns/email")
}

func BenchmarkEngineMM100(b *testing.B) {
	benchmarkModel(b, mmc(100, 95, time.Hour, time.Duration(speedEmails/95.0*float64(time.Hour))))
}

// many is a queue with skills, three priorities and five slots an agent.
func many(agents int, perHour float64, handle, horizon time.Duration) Model {
	m := mmc(agents, perHour, handle, horizon)
	m.Rules = nil
	m.Sources[0].Mix = nil
	for i, skills := range [][]string{{"A"}, {"B"}, {"A", "B"}, {"C"}, {"A", "C"}, {"B", "C"}} {
		m.Rules = append(m.Rules, Rule{Name: string(rune('a' + i)), Priority: i % 3 * 60, Skills: skills, Handle: Dist{Shape: Exponential, Mean: handle}})
		m.Sources[0].Mix = append(m.Sources[0].Mix, Share{i, 1})
	}
	for i := range m.Agents {
		a := &m.Agents[i]
		a.Capacity = 5
		a.Skills = map[string]float64{}
		for k, s := range []string{"A", "B", "C"} {
			if i%4 != k {
				a.Skills[s] = float64(i % 5)
			}
		}
	}
	return m
}

func benchmarkModel(b *testing.B, m Model) {
	r := newReplicator(&m)
	row := make([]float64, r.layout.size())
	emails := int64(0)
	for b.Loop() {
		if err := r.once(b.Context(), 1, 0, row); err != nil {
			b.Fatal(err)
		}
		emails += r.emails
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(emails), "ns/email")
}

func BenchmarkEngineSkillsPrioritiesSlots(b *testing.B) {
	benchmarkModel(b, many(20, 95, time.Hour, time.Duration(speedEmails/95.0*float64(time.Hour))))
}

func BenchmarkEngineAgents(b *testing.B) {
	for _, n := range []int{100, 5000} {
		b.Run(time.Duration(n).String(), func(b *testing.B) {
			benchmarkModel(b, many(n, 4.75*float64(n), time.Hour, time.Duration(speedEmails/4.75/float64(n)*float64(time.Hour))))
		})
	}
}

// centre is a contact centre of every day: 20 days of about 2,000 emails, three
// rules, skills, rings, shifts with breaks, and after-call work.
func centre() Model {
	const days = 20
	hour := routing.Duration(time.Hour)
	rings := routing.Rings{{Wait: &hour, Drop: []routing.Ref{{Name: "B"}}}, {}}
	best := routing.BestSkill
	m := Model{Horizon: days * 24 * time.Hour, Queues: []Queue{{Name: "q", Settings: routing.QueueSettings{
		Agents: &best, Rings: &rings, ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: 4 * hour},
	}}}, Busyness: 0.15}
	handle := Dist{Shape: LogNormal, Mean: 6 * time.Minute, CV: 0.8}
	m.Rules = []Rule{
		{Name: "vip", Priority: 240, Skills: []string{"A"}, Handle: handle, WrapUp: Dist{Shape: Exponential, Mean: time.Minute}, Deadline: time.Hour},
		{Name: "standard", Skills: []string{"A"}, Handle: handle, WrapUp: Dist{Shape: Exponential, Mean: time.Minute}},
		{Name: "billing", Skills: []string{"A", "B"}, Handle: handle, WrapUp: Dist{Shape: Exponential, Mean: time.Minute}},
	}
	source := Source{Mix: []Share{{0, 1}, {1, 6}, {2, 3}}}
	for d := range days {
		day := time.Duration(d) * 24 * time.Hour
		m.Days = append(m.Days, day)
		source.Rates = append(source.Rates, Rate{Span{day + 7*time.Hour, day + 12*time.Hour}, 220, d}, Rate{Span{day + 12*time.Hour, day + 21*time.Hour}, 100, d})
	}
	m.Sources = []Source{source}
	for i := range 40 {
		a := Agent{Name: time.Duration(i).String(), Capacity: 1 + i%3, Skills: map[string]float64{"A": float64(i % 5)}, Members: []Membership{{0, 1}}}
		if i%2 == 0 {
			a.Skills["B"] = 3
		}
		for d := range days {
			at := time.Duration(d)*24*time.Hour + time.Duration(7+i%4)*time.Hour
			a.Shifts = append(a.Shifts, Span{at, at + 4*time.Hour}, Span{at + 270*time.Minute, at + 510*time.Minute})
		}
		m.Agents = append(m.Agents, a)
	}
	return m
}

// fortyMillion is how many replications have 40 million emails.
const fortyMillion = 1000

func BenchmarkFortyMillionEmails(b *testing.B) {
	m := centre()
	emails := int64(0)
	for b.Loop() {
		r, err := Run(b.Context(), m, Options{Replications: fortyMillion, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		emails += r.Emails
	}
	b.ReportMetric(float64(emails)/float64(b.N), "emails/op")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(emails), "ns/email")
}
