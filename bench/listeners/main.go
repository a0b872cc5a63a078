// Listeners of the stream: each holds one connection open and notes what it is told.
//
//	listeners PLAN RESULT     says "ready" when all are connected, listens until one line on standard input, says "done"
//
// What is told bears a number that grows by one, and when it happened, in milliseconds: MARK 12 @ 1700000000000. A listener
// is to get each once and in order. It ends by itself when nobody ends it for too long.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Plan says who listens where.
type Plan struct {
	Address  string   `json:"address"`
	Count    int      `json:"count"`
	Tokens   []string `json:"tokens"` // one a listener, from the beginning again when there are fewer
	Mark     string   `json:"mark"`   // what the number stands behind
	LongestS float64  `json:"longest_s"`
}

// Result says what came.
type Result struct {
	Numbers []int `json:"numbers"` // the last number of each listener, from 1 on; 0: none
	Faults  int   `json:"faults"`  // numbers that did not follow the one before, streams that ended or were refused
	P50MS   int   `json:"p50_ms"`  // from when it happened until it was heard
	P99MS   int   `json:"p99_ms"`
}

// Delays counts what was heard by the milliseconds that it took.
type Delays [10_000]atomic.Int64

func (delays *Delays) add(ms int64) {
	delays[min(max(ms, 0), int64(len(delays)-1))].Add(1)
}

func (delays *Delays) quantile(share float64) int {
	var all, seen int64
	for i := range delays {
		all += delays[i].Load()
	}
	for i := range delays {
		if seen += delays[i].Load(); float64(seen) >= share*float64(all) {
			return i
		}
	}
	return 0
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: listeners PLAN RESULT"))
	}
	var plan Plan
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = json.Unmarshal(text, &plan)
	}
	if err != nil {
		fail(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: plan.Count, DisableCompression: true}}
	result := Result{Numbers: make([]int, plan.Count)}
	var faults atomic.Int64
	var delays Delays
	var over atomic.Bool
	var connected sync.WaitGroup
	for i := range plan.Count {
		connected.Add(1)
		go func() {
			answer, err := open(client, plan, i)
			connected.Done()
			if err != nil {
				faults.Add(1)
				fmt.Fprintln(os.Stderr, err)
				return
			}
			defer answer.Body.Close()
			faults.Add(int64(listen(answer.Body, []byte(plan.Mark), &result.Numbers[i], &delays)))
			if !over.Load() {
				faults.Add(1)
			}
		}()
	}
	connected.Wait()
	time.AfterFunc(time.Duration(plan.LongestS*float64(time.Second)), func() { fail(fmt.Errorf("nobody ended it")) })
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	over.Store(true)
	result.Faults = int(faults.Load())
	result.P50MS, result.P99MS = delays.quantile(0.5), delays.quantile(0.99)
	told, err := json.Marshal(result)
	if err == nil {
		err = os.WriteFile(os.Args[2], told, 0o600)
	}
	if err != nil {
		fail(err)
	}
	fmt.Println("done")
}

func open(client *http.Client, plan Plan, i int) (*http.Response, error) {
	request, err := http.NewRequest("GET", "http://"+plan.Address+"/support/stream", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+plan.Tokens[i%len(plan.Tokens)])
	answer, err := client.Do(request)
	if err == nil && answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("a stream was answered %s", answer.Status)
	}
	return answer, err
}

// listen reads to the end; gives how many numbers did not follow the one before.
func listen(body io.Reader, mark []byte, last *int, delays *Delays) (faults int) {
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		_, rest, found := bytes.Cut(lines.Bytes(), mark)
		if !found {
			continue
		}
		told, _, _ := bytes.Cut(rest, []byte(`"`))
		digits, happened, _ := bytes.Cut(told, []byte("@"))
		number, err := strconv.Atoi(string(digits))
		at, errAt := strconv.ParseInt(string(happened), 10, 64)
		if err != nil || errAt != nil || number != *last+1 {
			faults++
		}
		*last = number
		delays.add(time.Now().UnixMilli() - at)
	}
	return faults
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "listeners:", err)
	os.Exit(1)
}
