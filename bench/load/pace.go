package main

import (
	"sync/atomic"
	"time"
)

// Pace says when requests are due: as soon as a connection is free (closed loop), or at a rate whatever the answers do
// (open loop). There a request that finds no connection free begins late, and its latency counts from when it was due.
type Pace struct {
	end   time.Time
	begun time.Time
	every time.Duration // 0: closed loop
	taken atomic.Int64
	ended atomic.Bool // before its time
}

func newPace(plan *Plan, begun time.Time) *Pace {
	pace := &Pace{begun: begun, end: begun.Add(time.Duration(plan.Seconds * float64(time.Second)))}
	if plan.Rate > 0 {
		pace.every = time.Duration(float64(time.Second) / plan.Rate)
	}
	return pace
}

// next waits for the next request that is due; false when there is none any more.
func (p *Pace) next() (time.Time, bool) {
	if p.every == 0 {
		now := time.Now()
		return now, now.Before(p.end) && !p.ended.Load()
	}
	due := p.begun.Add(time.Duration(p.taken.Add(1)-1) * p.every)
	if !due.Before(p.end) {
		return due, false
	}
	time.Sleep(time.Until(due))
	return due, !p.ended.Load()
}

// Cold gives out the cold paths, each in its turn and once, to all connections.
type Cold struct {
	share float64
	order []int
	taken atomic.Int64
}

func (c *Cold) next() (int, bool) {
	at := int(c.taken.Add(1)) - 1
	if at >= len(c.order) {
		return 0, false
	}
	return c.order[at], true
}
