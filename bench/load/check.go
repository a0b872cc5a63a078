package main

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

const tailMark = `"sources":[`

// Body is an expected body: what stands before the sources' states, which tell times and so differ from fill to fill;
// with Whole everything.
type Body struct {
	Head  string `json:"head"`
	Whole bool   `json:"whole"`
}

// Checker compares answers with what is expected, for all connections.
type Checker struct {
	heads  [][]byte
	bodies []Body
	freshS float64
	tails  []tails
}

// tails are the last good ends of one path's bodies: the same bytes need not be read again. Every server process has
// its own, so there are a few.
type tails struct {
	lock sync.RWMutex
	kept [4]tail
	next int
}

type tail struct {
	text   []byte
	oldest time.Time
}

func newChecker(plan *Plan) *Checker {
	heads := make([][]byte, len(plan.Expected))
	for i, body := range plan.Expected {
		heads[i] = []byte(body.Head)
	}
	return &Checker{heads: heads, bodies: plan.Expected, freshS: plan.FreshS, tails: make([]tails, len(heads))}
}

func (t *tails) find(text []byte) (tail, bool) {
	t.lock.RLock()
	defer t.lock.RUnlock()
	for _, known := range t.kept {
		if known.text != nil && bytes.Equal(known.text, text) {
			return known, true
		}
	}
	return tail{}, false
}

func (t *tails) keep(known tail) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.kept[t.next] = known
	t.next = (t.next + 1) % len(t.kept)
}

// fault says what is wrong with a body, nothing when it is as expected.
func (c *Checker) fault(path int, body []byte, asked time.Time) string {
	if len(c.heads) == 0 {
		return ""
	}
	head := c.heads[path]
	if !bytes.HasPrefix(body, head) {
		return "another body than expected"
	}
	rest := body[len(head):]
	if c.bodies[path].Whole {
		if len(rest) != 0 {
			return "a longer body than expected"
		}
		return ""
	}
	known, ok := c.tails[path].find(rest)
	if !ok {
		oldest, fault := read(rest)
		if fault != "" {
			return fault
		}
		known = tail{bytes.Clone(rest), oldest}
		c.tails[path].keep(known)
	}
	if c.freshS > 0 && asked.Sub(known.oldest).Seconds() > c.freshS {
		return "an older body than promised"
	}
	return ""
}

// read looks at the states of the sources: all must be ok; gives the oldest as_of.
func read(rest []byte) (time.Time, string) {
	var said struct {
		Sources []struct {
			Status     string    `json:"status"`
			ServedFrom string    `json:"served_from"`
			AsOf       time.Time `json:"as_of"`
		} `json:"sources"`
	}
	text := append([]byte("{"), bytes.TrimSuffix(bytes.TrimPrefix(rest, []byte(",")), []byte("}"))...)
	decoder := json.NewDecoder(bytes.NewReader(append(text, '}')))
	if err := decoder.Decode(&said); err != nil || len(said.Sources) == 0 || !bytes.Contains(rest, []byte(tailMark)) {
		return time.Time{}, "a body whose sources cannot be read"
	}
	oldest := said.Sources[0].AsOf
	for _, source := range said.Sources {
		if source.Status != "ok" {
			return time.Time{}, "a source that is not ok: " + source.Status + " from " + source.ServedFrom
		}
		if source.AsOf.Before(oldest) {
			oldest = source.AsOf
		}
	}
	return oldest, ""
}
