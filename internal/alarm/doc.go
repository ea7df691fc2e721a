// Package alarm turns diagnoses into alarms: a state machine for each condition of a
// sensor's rule in each of its running states, with delays before it is raised and
// cleared, hysteresis, a latch, acknowledgement and shelving. docs/alarms.md draws it.
//
// The machine is a fold over windows in the order of their start and knows no clock
// and no storage, so that a rule can be run over stored history before it is switched
// on. Silence is the one alarm that needs a clock; its caller has it.
package alarm
