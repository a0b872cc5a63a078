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
	patience    = 20 * time.Second // for one answer
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
		checker: checker, buffer: make([]byte, firstBuffer),
		faults: map[string]int{}, looks: map[[3]int64]bool{}, perhaps: map[[3]int64]bool{}, refused: map[[3]int64]bool{},
	}
}

func (c *Client) run(end time.Time) {
	if c.plan.Once {
		c.ask(c.index%len(c.plan.Tokens), c.index%len(c.plan.Paths))
		return
	}
	for time.Now().Before(end) {
		path := sort.SearchFloat64s(c.cumulative, c.random.Float64())
		if !c.ask(c.random.IntN(len(c.plan.Tokens)), min(path, len(c.plan.Paths)-1)) {
			return // what follows on this connection could not be told apart
		}
	}
}

// ask sends one request and reads its answer; false when the connection is of no more use.
func (c *Client) ask(token, path int) bool {
	c.request = append(c.request[:0], "GET "...)
	c.request = append(c.request, c.plan.Paths[path]...)
	c.request = append(c.request, " HTTP/1.1\r\nHost: "...)
	c.request = append(c.request, c.plan.Address...)
	c.request = append(c.request, "\r\nAuthorization: Bearer "...)
	c.request = append(c.request, c.plan.Tokens[token]...)
	c.request = append(c.request, "\r\nAccept: application/json\r\n\r\n"...)
	sent := time.Now()
	_ = c.connection.SetDeadline(sent.Add(patience))
	if _, err := c.connection.Write(c.request); err != nil {
		c.faults["connection: "+kind(err)]++
		return false
	}
	status, body, err := c.answer()
	got := time.Now()
	if err != nil {
		c.faults["connection: "+kind(err)]++
		return false
	}
	c.latencies = append(c.latencies, float64(got.Sub(sent))/float64(time.Millisecond))
	c.bytes += int64(len(body))
	if c.plan.Once {
		c.body = string(body)
	}
	if status != 200 {
		c.faults["status "+strconv.Itoa(status)]++
		c.note(c.refused, c.refused, token, path, sent, got)
		return true
	}
	c.note(c.looks, c.perhaps, token, path, sent, got)
	if fault := c.checker.fault(path, body, sent); fault != "" {
		c.faults[fault]++
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

// answer reads one whole answer with a Content-Length; the body is valid until the next one.
func (c *Client) answer() (int, []byte, error) {
	filled, head := 0, -1
	for head < 0 {
		n, err := c.connection.Read(c.buffer[filled:])
		if err != nil {
			return 0, nil, err
		}
		filled += n
		head = bytes.Index(c.buffer[:filled], []byte("\r\n\r\n"))
		if head < 0 && filled == len(c.buffer) {
			return 0, nil, fmt.Errorf("headers without end")
		}
	}
	status, length, err := parse(c.buffer[:head])
	if err != nil {
		return 0, nil, err
	}
	whole := head + 4 + length
	if whole > len(c.buffer) {
		c.buffer = append(c.buffer, make([]byte, whole-len(c.buffer))...)
	}
	for filled < whole {
		n, err := c.connection.Read(c.buffer[filled:])
		if err != nil {
			return 0, nil, err
		}
		filled += n
	}
	if filled > whole {
		return 0, nil, fmt.Errorf("more than was asked for")
	}
	return status, c.buffer[head+4 : whole], nil
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
