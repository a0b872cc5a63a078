// Listeners of the stream: each holds one connection open and notes what it is told.
//
//	listeners PLAN RESULT     says "ready" when all are connected, listens until one line on standard input, says "done"
//
// What is told bears a number that grows by one; a listener is to get each once and in order. It ends by itself when it is
// told nothing for too long.
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
			faults.Add(int64(listen(answer.Body, []byte(plan.Mark), &result.Numbers[i])))
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
func listen(body io.Reader, mark []byte, last *int) (faults int) {
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		_, rest, found := bytes.Cut(lines.Bytes(), mark)
		if !found {
			continue
		}
		digits, _, _ := bytes.Cut(rest, []byte(`"`))
		number, err := strconv.Atoi(string(digits))
		if err != nil || number != *last+1 {
			faults++
		}
		*last = number
	}
	return faults
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "listeners:", err)
	os.Exit(1)
}
