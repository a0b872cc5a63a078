package main

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
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
	paths  []string
	freshS float64
	stale  bool
	tails  []tails
	alike  []tails // beginnings that say the same as the expected one, in other bytes

	lock  sync.Mutex
	wrong *Wrong // the first body that was not as expected
}

// Wrong is a body with something else in it than expected.
type Wrong struct {
	Path string `json:"path"`
	Body string `json:"body"`
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
	oldest time.Time // as_of of the sources that are ok
	said   string
}

func newChecker(plan *Plan) *Checker {
	heads := make([][]byte, len(plan.Expected))
	for i, body := range plan.Expected {
		heads[i] = []byte(body.Head)
	}
	return &Checker{
		heads: heads, bodies: plan.Expected, paths: plan.Paths, freshS: plan.FreshS, stale: plan.Stale,
		tails: make([]tails, len(heads)), alike: make([]tails, len(heads)),
	}
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

// look gives what a body's sources said, and what is wrong with it: nothing when it is as expected.
func (c *Checker) look(path int, body []byte, asked time.Time) (string, string) {
	if len(c.heads) == 0 {
		return "", ""
	}
	rest, ok := c.after(path, body)
	if !ok {
		c.keepWrong(path, body)
		return "", "another body than expected"
	}
	if c.bodies[path].Whole {
		if len(rest) != 0 {
			return "", "a longer body than expected"
		}
		return "", ""
	}
	known, ok := c.tails[path].find(rest)
	if !ok {
		var fault string
		known, fault = c.read(rest)
		if fault != "" {
			return known.said, fault
		}
		c.tails[path].keep(known)
	}
	if c.freshS > 0 && asked.Sub(known.oldest).Seconds() > c.freshS {
		return known.said, "an older body than promised"
	}
	return known.said, ""
}

// after gives what follows the facts of a body, false when these are others than expected.
func (c *Checker) after(path int, body []byte) ([]byte, bool) {
	if rest, ok := bytes.CutPrefix(body, c.heads[path]); ok {
		return rest, true
	}
	end := bytes.LastIndex(body, []byte(","+tailMark))
	if !c.stale || c.bodies[path].Whole || end < 0 {
		return nil, false
	}
	// What is stored has its keys in another order than what the sources say: it is read then, once for the same bytes.
	if _, ok := c.alike[path].find(body[:end]); !ok {
		if !sameFacts(c.heads[path], body[:end]) {
			return nil, false
		}
		c.alike[path].keep(tail{text: bytes.Clone(body[:end])})
	}
	return body[end:], true
}

// sameFacts compares two beginnings of bodies, up to the states of their sources, as JSON.
func sameFacts(one, other []byte) bool {
	first, second := opened(one), opened(other)
	return first != nil && reflect.DeepEqual(first, second)
}

// opened reads JSON that lacks its end: that of a timeline, or of a case with one inside.
func opened(text []byte) any {
	for _, end := range []string{"}", "}}"} {
		var found any
		decoder := json.NewDecoder(io.MultiReader(bytes.NewReader(text), strings.NewReader(end)))
		decoder.UseNumber()
		if decoder.Decode(&found) == nil {
			return found
		}
	}
	return nil
}

func (c *Checker) keepWrong(path int, body []byte) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.wrong == nil {
		c.wrong = &Wrong{c.paths[path], string(body)}
	}
}

// read looks at the states of the sources: all must be ok, or stale where that is allowed.
func (c *Checker) read(rest []byte) (tail, string) {
	var found struct {
		Sources []struct {
			Source     string    `json:"source"`
			Status     string    `json:"status"`
			ServedFrom string    `json:"served_from"`
			AsOf       time.Time `json:"as_of"`
		} `json:"sources"`
	}
	text := append([]byte("{"), bytes.TrimSuffix(bytes.TrimPrefix(rest, []byte(",")), []byte("}"))...)
	decoder := json.NewDecoder(bytes.NewReader(append(text, '}')))
	if err := decoder.Decode(&found); err != nil || len(found.Sources) == 0 || !bytes.Contains(rest, []byte(tailMark)) {
		return tail{}, "a body whose sources cannot be read"
	}
	known := tail{text: bytes.Clone(rest), oldest: time.Now().Add(time.Hour)}
	fault := ""
	for i, source := range found.Sources {
		standing := source.Status + "/" + source.ServedFrom
		if i > 0 {
			known.said += ", "
		}
		known.said += source.Source + " " + standing
		switch {
		case source.Status == "ok":
			if source.AsOf.Before(known.oldest) {
				known.oldest = source.AsOf
			}
		case source.Status != "stale" || !c.stale:
			fault = "a source that is not ok: " + source.Status + " from " + source.ServedFrom
		}
	}
	return known, fault
}
