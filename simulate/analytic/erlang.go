package analytic

// ErlangC is the queue M/M/c: servers who work at the rate service each, and
// nobody who gives up. P(wait) = B / (1 - ρ(1-B)) with B of Erlang B, and the
// mean is P(wait) / (cμ-λ) (Erlang 1917; Gross and Harris, Fundamentals of
// Queueing Theory, section 2.3). Too much to serve is an *UnstableError.
func ErlangC(arrival, service float64, servers int) (Wait, error) {
	if err := checkQueue(arrival, service, servers); err != nil {
		return Wait{}, err
	}
	capacity := float64(servers) * service
	if err := checkGrowth(arrival, capacity); err != nil {
		return Wait{}, err
	}
	return wait(erlangC(arrival, service, servers), arrival, capacity), nil
}

func checkQueue(arrival, service float64, servers int) error {
	if err := checkRate("arrival rate", arrival); err != nil {
		return err
	}
	if err := checkRate("service rate", service); err != nil {
		return err
	}
	return checkCount("number of servers", servers)
}

// erlangC is the probability of waiting: 1 when more arrives than is served.
func erlangC(arrival, service float64, servers int) float64 {
	capacity := float64(servers) * service
	if arrival >= capacity {
		return 1
	}
	b := erlangB(servers, arrival/service)
	return b / ((capacity-arrival)/capacity + arrival/capacity*b)
}

func wait(probability, arrival, capacity float64) Wait {
	mean := probability / (capacity - arrival)
	return Wait{
		Probability: probability,
		Mean:        mean,
		Length:      arrival * mean,
		Occupancy:   arrival / capacity,
		Decay:       capacity - arrival,
	}
}
