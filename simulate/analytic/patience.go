package analytic

import "math"

// Patience is the queue with senders who give up. Waits end in an answer or in
// giving up.
type Patience struct {
	Probability  float64 // of waiting at all
	Abandoned    float64 // share that gives up
	Mean         float64 // of all, however the wait ends
	MeanAnswered float64 // of those who are answered
	Length       float64 // mean number that waits
	Occupancy    float64 // share of time that a server is busy

	load, giveUp, capacity float64 // λ/(cμ), θ/(cμ), cμ
	mode                   float64 // where the density of the offered wait peaks, in units of 1/(cμ)
	all, answered          float64 // integrals of the density, of all and of those who stay
}

// ErlangA is the queue M/M/c+M: as Erlang C, but each sender's patience is
// exponential with the rate giveUp; 0: nobody gives up. It is stable whatever
// arrives, unless giveUp is 0.
//
// The wait that is offered, which a patient sender would have, has the density
// v(x) = P₀ λ exp(λH(x)-cμx) with H(x) = (1-e^(-θx))/θ (Baccelli and Hebuterne
// 1981, On queues with impatient customers; Zeltyn and Mandelbaum 2005, Call
// centers with impatient customers: many-server asymptotics of the M/M/n+G
// queue), and 1/P₀ = 1/B(c-1) + λ∫exp. It is integrated about its peak, which
// holds for any load and patience, where the series of Palm (1957) does not.
func ErlangA(arrival, service, giveUp float64, servers int) (Patience, error) {
	if err := checkQueue(arrival, service, servers); err != nil {
		return Patience{}, err
	}
	capacity := float64(servers) * service
	if giveUp == 0 {
		if err := checkGrowth(arrival, capacity); err != nil {
			return Patience{}, err
		}
	} else if err := checkRate("rate of giving up", giveUp); err != nil {
		return Patience{}, err
	}
	p := Patience{load: arrival / capacity, giveUp: giveUp / capacity, capacity: capacity}
	idle := 1 / erlangB(servers-1, arrival/service) / p.load // relative to the density at its peak
	if p.load > 1 {
		log := logLoad(arrival, capacity)
		p.mode = log / p.giveUp
		idle *= math.Exp(-slack(-log) / p.giveUp)
	}
	p.all = p.integral(0, func(float64) float64 { return 1 })
	p.answered = p.integral(0, p.stays)
	p.Probability = 1 / (1 + idle/p.all)
	given := p.Probability / p.all // integrals times this are probabilities
	mean := given * p.integral(0, func(x float64) float64 {
		if p.giveUp == 0 {
			return x
		}
		return -math.Expm1(-p.giveUp*x) / p.giveUp
	})
	answered := 1/(1+p.all/idle) + given*p.answered
	p.Abandoned = min(1, p.giveUp*mean)
	p.Mean = mean / capacity
	p.MeanAnswered = given * p.integral(0, func(x float64) float64 { return x * p.stays(x) }) / answered / capacity
	p.Length = arrival * p.Mean
	p.Occupancy = min(1, p.load*answered)
	return p, nil
}

// Beyond is the probability of waiting longer than t, answered or not.
func (p Patience) Beyond(t float64) float64 {
	switch {
	case t < 0:
		return 1
	case p.Probability == 0 || math.IsInf(t, 1):
		return 0
	}
	t *= p.capacity
	return min(1, p.stays(t)*p.Probability/p.all*p.integral(t, func(float64) float64 { return 1 }))
}

// AnsweredBeyond is the probability of being answered after more than t, of all
// who arrive.
func (p Patience) AnsweredBeyond(t float64) float64 {
	switch {
	case t < 0:
		return 1 - p.Abandoned
	case p.Probability == 0 || math.IsInf(t, 1):
		return 0
	}
	return min(1, p.Probability/p.all*p.integral(t*p.capacity, p.stays))
}

// Within is the service level: the share of all, answered and given up, that is
// answered within t.
func (p Patience) Within(t float64) float64 {
	if t < 0 {
		return 0
	}
	return max(0, p.answeredShare()-p.AnsweredBeyond(t))
}

// answeredShare is 1-Abandoned, exact when nearly all give up.
func (p Patience) answeredShare() float64 { return min(1, p.Occupancy/p.load) }

// Percentile is the time within which the waits of a share of all end.
func (p Patience) Percentile(share float64) float64 {
	switch {
	case !(share > 1-p.Probability):
		return 0
	case share >= 1:
		return math.Inf(1)
	}
	return whereTail(p.Beyond, 1-share, p.Mean)
}

// AnsweredPercentile is the time within which a share of those who are answered
// is answered.
func (p Patience) AnsweredPercentile(share float64) float64 {
	answered := p.answeredShare()
	switch {
	case !((1-share)*answered < p.AnsweredBeyond(0)):
		return 0
	case share >= 1:
		return math.Inf(1)
	}
	return whereTail(p.AnsweredBeyond, (1-share)*answered, p.MeanAnswered)
}

// stays is the probability that a sender is still there after x.
func (p Patience) stays(x float64) float64 { return math.Exp(-p.giveUp * x) }

// fall is minus the logarithm of the density at a distance from its peak: convex,
// and 0 at 0.
func (p Patience) fall(s float64) float64 {
	switch {
	case p.giveUp == 0:
		return (1 - p.load) * s
	case p.load > 1:
		return slack(p.giveUp*s) / p.giveUp
	}
	return p.load/p.giveUp*slack(p.giveUp*s) + (1-p.load)*s
}

// integral is that of weight times the density from a time on.
func (p Patience) integral(from float64, weight func(x float64) float64) float64 {
	f := func(s float64) float64 { return weight(p.mode+s) * math.Exp(-p.fall(s)) }
	start := from - p.mode
	if start >= 0 {
		return integrate(func(d float64) float64 { return f(start + d) }, p.reach(start, 1, math.Inf(1)))
	}
	return integrate(f, p.reach(0, 1, math.Inf(1))) +
		integrate(func(d float64) float64 { return f(-d) }, p.reach(0, -1, -start))
}

// reach is how far from a place, forwards or backwards, but at most most, the
// density is above e^-60 of its value there.
func (p Patience) reach(place, direction, most float64) float64 {
	base := p.fall(place)
	beyond := func(d float64) bool { return !(p.fall(place+direction*d)-base < 60) }
	if !math.IsInf(most, 1) && !beyond(most) {
		return most
	}
	low, high := 0.0, 1.0
	for !beyond(high) && high < 1e200 {
		low, high = high, 2*high
	}
	for low == 0 && high > 1e-200 && beyond(high/2) {
		high /= 2
	}
	return min(high, most)
}

// slack is e^(-v) - 1 + v, at least 0.
func slack(v float64) float64 {
	if math.Abs(v) > 0.5 {
		return math.Expm1(-v) + v
	}
	sum, term := 0.0, v*v/2
	for n := 3.0; math.Abs(term) > 1e-18*sum; n++ {
		sum += term
		term *= -v / n
	}
	return sum
}
