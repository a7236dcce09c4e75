package analytic

import "math"

// Class is the wait of one class of a queue with priorities.
type Class struct {
	Wait
	Stable bool
	// Growth is by how many emails the backlog of the class grows in a unit of
	// time. Unless Stable, Mean and Length are infinite.
	Growth float64

	arrival, higher, upTo, capacity float64 // λ; that of higher classes; both; cμ
}

// Priorities is the queue M/M/c with classes, the highest first, where whatever
// is in hand is finished, and all classes take equally long. With σ(k) the load
// of the classes 1 to k, the mean of class k is P(wait) / (cμ(1-σ(k-1))(1-σ(k)))
// (Cobham 1954, Priority assignment in waiting line problems; Davis 1966,
// Waiting-time distribution of a multi-server, priority queuing system; Kella
// and Yechiali 1985, Waiting times in the non-preemptive priority M/M/c queue).
// A class may be unstable while higher ones are not; there, all servers are
// always busy.
func Priorities(arrivals []float64, service float64, servers int) ([]Class, error) {
	if len(arrivals) == 0 {
		return nil, &ParameterError{Name: "number of classes", Value: 0, Want: "at least 1"}
	}
	if err := checkQueue(arrivals[0], service, servers); err != nil {
		return nil, err
	}
	all := 0.0
	for _, arrival := range arrivals {
		if err := checkRate("arrival rate", arrival); err != nil {
			return nil, err
		}
		all += arrival
	}
	capacity := float64(servers) * service
	probability := erlangC(all, service, servers)
	occupancy := min(1, all/capacity)
	classes := make([]Class, len(arrivals))
	higher := 0.0
	for k, arrival := range arrivals {
		upTo := higher + arrival
		c := Class{arrival: arrival, higher: higher, upTo: upTo, capacity: capacity, Stable: upTo < capacity}
		c.Probability, c.Occupancy = probability, occupancy
		if c.Stable {
			c.Mean = probability / (capacity - higher) * (capacity / (capacity - upTo))
			c.Decay = c.slowest()
		} else {
			c.Mean = math.Inf(1)
			c.Growth = arrival - max(0, capacity-higher)
		}
		c.Length = arrival * c.Mean
		classes[k] = c
		higher = upTo
	}
	return classes, nil
}

// slowest is the rate at which the tail falls in the end.
func (c Class) slowest() float64 {
	if c.pole() {
		return (c.capacity - c.upTo) * (c.arrival / c.upTo)
	}
	root := math.Sqrt(c.capacity) - math.Sqrt(c.higher)
	return root * root
}

// pole says whether the transform of the wait has one: σ(k)² > σ(k-1).
func (c Class) pole() bool { return c.upTo*c.upTo > c.higher*c.capacity }

// Beyond is the probability that an email of the class waits longer than t.
//
// Who waits, waits for N+1 busy periods of an M/M/1 with the higher classes and
// rate cμ, N geometric with σ(k) (Kella and Yechiali 1985). The density of such
// a time is a Bessel function, and its integral representation summed over N is
//
//	P(wait > t | wait) = A e^(-st) + 2(1-σ)m/π ∫ sin²φ e^(-ηt) / (η(1-2σr cos φ+σ²r²)) dφ, 0 to π,
//
// where m = cμ, λ = rate of higher classes, r = √(m/λ), η = λ+m-2√(λm) cos φ,
// s = (1-σ)(m-λ/σ), and A = (mσ²-λ)/(σ(mσ-λ)) if that is positive, else 0.
func (c Class) Beyond(t float64) float64 {
	switch {
	case t < 0:
		return 1
	case !c.Stable:
		return c.Probability
	case t == 0:
		return c.Probability
	case c.higher == 0:
		return c.Probability * exp(-c.Decay*t)
	}
	// In units of 1/m: λ is h, η is 1+h-2√h cos φ.
	h, sigma, t := c.higher/c.capacity, c.upTo/c.capacity, t*c.capacity
	idle := (c.capacity - c.upTo) / c.capacity
	tail := 0.0
	if c.pole() {
		a := (sigma*sigma - h) / sigma * c.capacity / c.arrival
		tail = a * exp(-idle*c.arrival/c.upTo*t)
	}
	root := math.Sqrt(h)
	gap := (1 - h) / (1 + root) // 1-√h
	sr := sigma / root
	near := (sigma*sigma - h) / (root * (sigma + root)) // σr-1
	integral := integrate(func(phi float64) float64 {
		half, sin := math.Sin(phi/2), math.Sin(phi)
		eta := gap*gap + 4*root*half*half
		d := near*near + 4*sr*half*half
		if d == 0 || eta == 0 {
			return 0
		}
		return sin * sin / eta / d * exp(-eta*t)
	}, math.Pi)
	tail += 2 * idle / math.Pi * integral
	return c.Probability * min(1, tail)
}

// Within is the service level: the probability of waiting at most t.
func (c Class) Within(t float64) float64 {
	if t < 0 {
		return 0
	}
	return 1 - c.Beyond(t)
}

// Percentile is the time within which a share of the class is taken; infinite
// where the class is unstable and so many do wait.
func (c Class) Percentile(share float64) float64 {
	switch {
	case !(share > 1-c.Probability):
		return 0
	case share >= 1 || !c.Stable:
		return math.Inf(1)
	}
	return whereTail(c.Beyond, 1-share, c.Mean)
}
