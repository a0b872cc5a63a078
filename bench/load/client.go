package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"sort"
	"strconv"
	"time"
)

const (
	patience    = 20 * time.Second // for one answer, if the plan says nothing
	firstBuffer = 64 * 1024
)

// Client is one connection and what it has seen.
type Client struct {
	plan       *Plan
	connection net.Conn
	cumulative []float64
	random     *rand.Rand
	checker    *Checker
	request    []byte
	buffer     []byte
	index      int
	patience   time.Duration
	series     *Series

	latencies []float64 // milliseconds
	bytes     int64
	faults    map[string]int
	looks     map[[3]int64]bool
	perhaps   map[[3]int64]bool
	refused   map[[3]int64]bool
	body      string
}

func newClient(plan *Plan, checker *Checker, connection net.Conn, cumulative []float64, random *rand.Rand) *Client {
	return &Client{
		plan: plan, connection: connection, cumulative: cumulative, random: random,
		checker: checker, buffer: make([]byte, firstBuffer), patience: patienceOf(plan),
		faults: map[string]int{}, looks: map[[3]int64]bool{}, perhaps: map[[3]int64]bool{}, refused: map[[3]int64]bool{},
	}
}

func patienceOf(plan *Plan) time.Duration {
	if plan.PatienceS > 0 {
		return time.Duration(plan.PatienceS * float64(time.Second))
	}
	return patience
}

func (c *Client) run(pace *Pace, cold *Cold, series *Series) {
	c.series = series
	if c.plan.Once {
		c.ask(c.index%len(c.plan.Tokens), c.index%len(c.plan.Paths), time.Now(), false)
		return
	}
	for {
		due, more := pace.next()
		if !more {
			return
		}
		if time.Since(due) > c.patience {
			c.fail("not begun: no connection was free", Seen{due: due})
			continue
		}
		path, isCold := c.path(cold)
		if !c.ask(c.random.IntN(len(c.plan.Tokens)), path, due, isCold) {
			return // what follows on this connection could not be told apart
		}
	}
}

// path draws what to ask for, and whether it is one of the cold ones.
func (c *Client) path(cold *Cold) (int, bool) {
	if cold.share > 0 && c.random.Float64() < cold.share {
		if path, ok := cold.next(); ok {
			return path, true
		}
		c.faults["no cold path is left"]++
	}
	path := sort.SearchFloat64s(c.cumulative, c.random.Float64())
	return min(path, len(c.cumulative)-1), false
}

func (c *Client) fail(fault string, seen Seen) {
	c.faults[fault]++
	seen.fault = fault
	c.series.note(seen)
}

// ask sends one request and reads its answer; false when the connection is of no more use. Its latency counts from when
// it was due.
func (c *Client) ask(token, path int, due time.Time, cold bool) bool {
	c.request = append(c.request[:0], "GET "...)
	c.request = append(c.request, c.plan.Paths[path]...)
	c.request = append(c.request, " HTTP/1.1\r\nHost: "...)
	c.request = append(c.request, c.plan.Address...)
	c.request = append(c.request, "\r\nAuthorization: Bearer "...)
	c.request = append(c.request, c.plan.Tokens[token]...)
	c.request = append(c.request, "\r\nAccept: application/json\r\n\r\n"...)
	sent := time.Now()
	seen := Seen{due: due, cold: cold}
	_ = c.connection.SetDeadline(sent.Add(c.patience))
	if _, err := c.connection.Write(c.request); err != nil {
		c.fail("connection: "+kind(err), seen)
		return false
	}
	status, head, body, err := c.answer()
	got := time.Now()
	if err != nil {
		c.fail("connection: "+kind(err), seen)
		return false
	}
	seen.status, seen.ms = status, float64(got.Sub(due))/float64(time.Millisecond)
	c.latencies = append(c.latencies, seen.ms)
	c.bytes += int64(len(body))
	if c.plan.Once {
		c.body = string(body)
	}
	if status != 200 {
		c.fail("status "+strconv.Itoa(status), seen)
		c.note(c.refused, c.refused, token, path, sent, got)
		return true
	}
	c.note(c.looks, c.perhaps, token, path, sent, got)
	if c.series != nil {
		seen.cache = cacheStatus(head)
	}
	var fault string
	seen.said, fault = c.checker.look(path, body, sent)
	if fault != "" {
		c.fail(fault, seen)
	} else {
		c.series.note(seen)
	}
	return true
}

// note remembers a look; one that spans two minutes elsewhere: the server's clock chose one of them.
func (c *Client) note(within, across map[[3]int64]bool, token, path int, sent, got time.Time) {
	before, after := sent.Unix()/60, got.Unix()/60
	look := [3]int64{int64(token), int64(path), before}
	if before == after {
		within[look] = true
	} else {
		across[look] = true
	}
}

// answer reads one whole answer with a Content-Length: its status, head and body, which are valid until the next one.
func (c *Client) answer() (int, []byte, []byte, error) {
	filled, head := 0, -1
	for head < 0 {
		n, err := c.connection.Read(c.buffer[filled:])
		if err != nil {
			return 0, nil, nil, err
		}
		filled += n
		head = bytes.Index(c.buffer[:filled], []byte("\r\n\r\n"))
		if head < 0 && filled == len(c.buffer) {
			return 0, nil, nil, fmt.Errorf("headers without end")
		}
	}
	status, length, err := parse(c.buffer[:head])
	if err != nil {
		return 0, nil, nil, err
	}
	whole := head + 4 + length
	if whole > len(c.buffer) {
		c.buffer = append(c.buffer, make([]byte, whole-len(c.buffer))...)
	}
	for filled < whole {
		n, err := c.connection.Read(c.buffer[filled:])
		if err != nil {
			return 0, nil, nil, err
		}
		filled += n
	}
	if filled > whole {
		return 0, nil, nil, fmt.Errorf("more than was asked for")
	}
	return status, c.buffer[:head], c.buffer[head+4 : whole], nil
}

// parse reads the status and the Content-Length of an answer's head.
func parse(head []byte) (int, int, error) {
	lines := bytes.Split(head, []byte("\r\n"))
	if len(lines[0]) < 12 {
		return 0, 0, fmt.Errorf("no status line")
	}
	status, err := strconv.Atoi(string(lines[0][9:12]))
	if err != nil {
		return 0, 0, fmt.Errorf("no status")
	}
	for _, line := range lines[1:] {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("content-length")) {
			length, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			return status, length, err
		}
	}
	return 0, 0, fmt.Errorf("no Content-Length")
}

// kind names an error without the ports, which differ from connection to connection.
func kind(err error) string {
	if inner, ok := err.(*net.OpError); ok {
		return inner.Op + ": " + inner.Err.Error()
	}
	return err.Error()
}
