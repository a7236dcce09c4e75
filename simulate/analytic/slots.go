package analytic

import "math"

// IndependentSlots is n agents with s slots each, where every email is worked on
// as if it were the only one: the queue M/M/(ns). Its servers are slots, so
// Occupancy is of slots.
func IndependentSlots(arrival, service float64, agents, slots int) (Wait, error) {
	if err := checkCount("number of agents", agents); err != nil {
		return Wait{}, err
	}
	if err := checkCount("number of slots", slots); err != nil {
		return Wait{}, err
	}
	if agents > MaxServers/slots {
		return Wait{}, checkCount("number of slots of all agents", MaxServers+1)
	}
	return ErlangC(arrival, service, agents*slots)
}

// Shared is what one agent with slots that share the attention does. Wait is
// until an email is taken.
type Shared struct {
	Wait
	Held    float64 // mean number in hand
	Holding float64 // mean time in hand
	Sojourn float64 // mean time from arrival to done
}

// SharedSlots is one agent who holds up to a number of emails at once and shares
// the attention between them: the pace of all together is service, so that two
// take twice as long. Whatever is held, the next one is done at the rate
// service, and the number present is that of M/M/1: P(n) = (1-ρ)ρⁿ. An email
// waits when it finds s or more, until n-s+1 are done. (Limited processor
// sharing with exponential work: Avi-Itzhak and Halfin 1988.) For several agents
// the number present depends on who holds how many; no such formula is known.
func SharedSlots(arrival, service float64, slots int) (Shared, error) {
	if err := checkQueue(arrival, service, 1); err != nil {
		return Shared{}, err
	}
	if err := checkCount("number of slots", slots); err != nil {
		return Shared{}, err
	}
	if err := checkGrowth(arrival, service); err != nil {
		return Shared{}, err
	}
	load := arrival / service
	w := wait(math.Pow(load, float64(slots)), arrival, service)
	// ρ(1-ρˢ)/(1-ρ) without the difference of two numbers near 1.
	held := load * -math.Expm1(float64(slots)*logLoad(arrival, service)) * service / (service - arrival)
	return Shared{Wait: w, Held: held, Holding: held / arrival, Sojourn: 1 / (service - arrival)}, nil
}

// logLoad is ln(arrival/capacity), exact when they are close.
func logLoad(arrival, capacity float64) float64 {
	return math.Log1p((arrival - capacity) / capacity)
}
