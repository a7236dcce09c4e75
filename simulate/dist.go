package simulate

import "time"

// Shape is the form of a distribution of times.
type Shape uint8

// The shapes. The zero Shape draws nothing but 0.
const (
	None        Shape = iota
	Constant          // always Mean
	Exponential       // Mean; coefficient of variation 1
	LogNormal         // Mean and CV
	Gamma             // Mean and CV
	Empirical         // one of Values, each as likely as the other
)

// Dist is a distribution of times. The zero Dist is always 0.
type Dist struct {
	Shape  Shape
	Mean   time.Duration // of all shapes but Empirical
	CV     float64       // coefficient of variation, of LogNormal and Gamma; above 0
	Values []time.Duration
}
