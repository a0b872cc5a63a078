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
	scheme     string
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
		checker: checker, buffer: make([]byte, firstBuffer), patience: patienceOf(plan), scheme: schemeOf(plan),
		faults: map[string]int{}, looks: map[[3]int64]bool{}, perhaps: map[[3]int64]bool{}, refused: map[[3]int64]bool{},
	}
}

func patienceOf(plan *Plan) time.Duration {
	if plan.PatienceS > 0 {
		return time.Duration(plan.PatienceS * float64(time.Second))
	}
	return patience
}

func schemeOf(plan *Plan) string {
	if plan.Scheme != "" {
		return plan.Scheme
	}
	return "Bearer"
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
	verb, success := c.plan.verb()
	c.request = append(append(c.request[:0], verb...), ' ')
	c.request = append(c.request, c.plan.Paths[path]...)
	c.request = append(c.request, " HTTP/1.1\r\nHost: "...)
	c.request = append(c.request, c.plan.Address...)
	c.request = append(c.request, "\r\nAuthorization: "...)
	c.request = append(append(c.request, c.scheme...), ' ')
	c.request = append(c.request, c.plan.Tokens[token]...)
	c.request = append(c.request, "\r\nAccept: application/json\r\n"...)
	if c.plan.Post == nil {
		c.request = append(c.request, "\r\n"...)
	} else {
		c.request = c.plan.Post.append(c.request)
	}
	sent := time.Now()
	seen := Seen{due: due, cold: cold}
	_ = c.connection.SetDeadline(sent.Add(c.patience))
	if _, err := c.connection.Write(c.request); err != nil {
		c.fail("connection: "+kind(err), seen)
		return false
	}
	head, body, err := c.answer()
	got := time.Now()
	if err != nil {
		c.fail("connection: "+kind(err), seen)
		return false
	}
	seen.status, seen.ms = head.status, float64(got.Sub(due))/float64(time.Millisecond)
	c.latencies = append(c.latencies, seen.ms)
	c.bytes += int64(len(body))
	if c.plan.Once {
		c.body = string(body)
	}
	if head.closes && !c.reconnect() {
		c.fail("connection: refused the next time", seen)
		return false
	}
	if head.status != success {
		c.fail("status "+strconv.Itoa(head.status), seen)
		c.note(c.refused, c.refused, token, path, sent, got)
		return true
	}
	c.note(c.looks, c.perhaps, token, path, sent, got)
	if c.series != nil {
		seen.cache = cacheStatus(head.text)
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

func (c *Client) reconnect() bool {
	_ = c.connection.Close()
	connection, err := net.DialTimeout("tcp", c.plan.Address, c.patience)
	if err == nil {
		c.connection = connection
	}
	return err == nil
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

// answer reads one whole answer with a Content-Length: its head and body, which are valid until the next one.
func (c *Client) answer() (Head, []byte, error) {
	filled, end := 0, -1
	for end < 0 {
		n, err := c.connection.Read(c.buffer[filled:])
		if err != nil {
			return Head{}, nil, err
		}
		filled += n
		end = bytes.Index(c.buffer[:filled], []byte("\r\n\r\n"))
		if end < 0 && filled == len(c.buffer) {
			return Head{}, nil, fmt.Errorf("headers without end")
		}
	}
	head, err := parse(c.buffer[:end])
	if err != nil {
		return Head{}, nil, err
	}
	whole := end + 4 + head.length
	if whole > len(c.buffer) {
		c.buffer = append(c.buffer, make([]byte, whole-len(c.buffer))...)
	}
	for filled < whole {
		n, err := c.connection.Read(c.buffer[filled:])
		if err != nil {
			return Head{}, nil, err
		}
		filled += n
	}
	if filled > whole {
		return Head{}, nil, fmt.Errorf("more than was asked for")
	}
	head.text = c.buffer[:end]
	return head, c.buffer[end+4 : whole], nil
}

// kind names an error without the ports, which differ from connection to connection.
func kind(err error) string {
	if inner, ok := err.(*net.OpError); ok {
		return inner.Op + ": " + inner.Err.Error()
	}
	return err.Error()
}
