// The load generator of the benchmarks: keep-alive HTTP/1.1 connections to one address on loopback, each asking again as
// soon as it has its answer, or all together at a given rate; every answer is compared with what is expected, byte for byte.
// A server that closes a connection after its answer is connected to again, on its own time.
//
//	load PLAN RESULT     connects, says "ready", waits for a line on standard input, runs, says "done"
//
// It runs for a bounded time, or until a second line comes, lets every request that is under way be answered, and leaves a JSON result: how many, how
// fast, every fault, and which (token, path) pairs were asked in which minute, so that access rows can be counted.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// Plan says what to ask of whom, and what to expect.
type Plan struct {
	Address     string   `json:"address"`     // 127.0.0.1:port
	Connections int      `json:"connections"` // opened before the clock starts
	Seconds     float64  `json:"seconds"`     // requests are begun for so long
	Exponent    float64  `json:"exponent"`    // of Zipf's law over the paths, in their order; 0 draws them evenly
	Seed        uint64   `json:"seed"`
	Paths       []string `json:"paths"`
	Tokens      []string `json:"tokens"` // drawn evenly
	Expected    []Body   `json:"expected"`
	FreshS      float64  `json:"fresh_s"`    // how old the as_of of a source that is ok may be, in seconds; 0 does not look
	Stale       bool     `json:"stale"`      // a source may also be stale: what is stored then answers for it
	Once        bool     `json:"once"`       // connection i asks for path i once, and keeps the body
	Rate        float64  `json:"rate"`       // requests a second, whatever the answers do; 0: each connection asks again
	Hot         int      `json:"hot"`        // so many paths, the first ones, are drawn; 0: all
	ColdShare   float64  `json:"cold_share"` // of the requests ask for the next of `cold` instead
	Cold        []int    `json:"cold"`       // indices of paths, each asked for in its turn and then no more
	Series      bool     `json:"series"`     // tell second by second what was seen
	PatienceS   float64  `json:"patience_s"` // for one answer; 0: 20 s
	Scheme      string   `json:"scheme"`     // of the tokens; "": Bearer
	Post        *Post    `json:"post"`       // what is sent; nothing is: the paths are read
}

// Result is what came of a plan.
type Result struct {
	Requests  int            `json:"requests"`
	Seconds   float64        `json:"seconds"`
	Faults    map[string]int `json:"faults"`
	P50       float64        `json:"p50_ms"`
	P99       float64        `json:"p99_ms"`
	Longest   float64        `json:"max_ms"`
	Bytes     int64          `json:"bytes"`
	Looks     [][3]int64     `json:"looks"`   // token, path, Unix minute
	Perhaps   [][3]int64     `json:"perhaps"` // the same, where the answer came in the minute after
	Refused   [][3]int64     `json:"refused"` // of requests without success, which may have been noted before they failed
	Bodies    []string       `json:"bodies"`
	Latencies []float64      `json:"latencies_ms"`
	Begun     float64        `json:"begun"` // Unix time of the first second's beginning
	Series    []*Second      `json:"series"`
	Wrong     *Wrong         `json:"wrong"` // the first body that was not as expected
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: load PLAN RESULT"))
	}
	plan := readPlan(os.Args[1])
	checker := newChecker(plan)
	clients := connect(plan, checker)
	fmt.Println("ready")
	lines := bufio.NewReader(os.Stdin)
	if _, err := lines.ReadString('\n'); err != nil {
		fail(err)
	}
	begun := time.Now()
	pace, cold := newPace(plan, begun), &Cold{share: plan.ColdShare, order: plan.Cold}
	var series *Series
	if plan.Series {
		series = &Series{begun: begun}
	}
	go func() {
		_, err := lines.ReadString('\n')
		pace.ended.Store(err == nil)
	}()
	var running sync.WaitGroup
	for _, client := range clients {
		running.Add(1)
		go func() {
			defer running.Done()
			client.run(pace, cold, series)
		}()
	}
	running.Wait()
	seconds := time.Since(begun).Seconds()
	fmt.Println("done")
	result := summed(clients, plan, seconds)
	result.Begun, result.Series = float64(begun.UnixMilli())/1000, series.summed()
	result.Wrong = checker.wrong
	writeResult(os.Args[2], result)
}

func readPlan(file string) *Plan {
	text, err := os.ReadFile(file)
	if err != nil {
		fail(err)
	}
	plan := &Plan{}
	if err := json.Unmarshal(text, plan); err != nil {
		fail(err)
	}
	return plan
}

func connect(plan *Plan, checker *Checker) []*Client {
	hot := len(plan.Paths)
	if plan.Hot > 0 {
		hot = plan.Hot
	}
	cumulative := zipf(hot, plan.Exponent)
	clients := make([]*Client, plan.Connections)
	for i := range clients {
		connection, err := net.DialTimeout("tcp", plan.Address, 10*time.Second)
		if err != nil {
			fail(err)
		}
		clients[i] = newClient(plan, checker, connection, cumulative, rand.New(rand.NewPCG(plan.Seed, uint64(i))))
		clients[i].index = i
	}
	return clients
}

// zipf gives the cumulative shares of ranks 1 to n, each drawn in proportion to 1/rank^exponent.
func zipf(n int, exponent float64) []float64 {
	shares := make([]float64, n)
	total := 0.0
	for i := range shares {
		total += math.Pow(float64(i+1), -exponent)
		shares[i] = total
	}
	for i := range shares {
		shares[i] /= total
	}
	return shares
}

func summed(clients []*Client, plan *Plan, seconds float64) *Result {
	result := &Result{Seconds: seconds, Faults: map[string]int{}}
	var latencies []float64
	looks, perhaps, refused := map[[3]int64]bool{}, map[[3]int64]bool{}, map[[3]int64]bool{}
	for _, client := range clients {
		result.Requests += len(client.latencies)
		result.Bytes += client.bytes
		latencies = append(latencies, client.latencies...)
		for fault, times := range client.faults {
			result.Faults[fault] += times
		}
		maps.Copy(looks, client.looks)
		maps.Copy(perhaps, client.perhaps)
		maps.Copy(refused, client.refused)
		if plan.Once {
			result.Bodies = append(result.Bodies, client.body)
			result.Latencies = append(result.Latencies, client.latencies...)
		}
	}
	result.P50, result.P99, result.Longest = quantiles(latencies)
	result.Looks, result.Perhaps = listed(looks), listed(perhaps)
	result.Refused = listed(refused)
	return result
}

func listed(set map[[3]int64]bool) [][3]int64 {
	list := make([][3]int64, 0, len(set))
	for look := range set {
		list = append(list, look)
	}
	slices.SortFunc(list, func(a, b [3]int64) int { return slices.Compare(a[:], b[:]) })
	return list
}

func writeResult(file string, result *Result) {
	text, err := json.Marshal(result)
	if err != nil {
		fail(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "load:", err)
	os.Exit(1)
}
