// The Go rival: net/http and go-redis, one Redis GET a request, the same paths and the same bytes as the service's.
package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	pool, err := strconv.Atoi(os.Getenv("POOL"))
	if err != nil {
		panic(err)
	}
	options, err := redis.ParseURL(os.Getenv("REDIS"))
	if err != nil {
		panic(err)
	}
	options.PoolSize, options.MinIdleConns = pool, pool
	options.PoolTimeout, options.ReadTimeout = 30*time.Second, 30*time.Second
	options.DisableIdentity = true
	store := redis.NewClient(options)
	routes := http.NewServeMux()
	answer := func(writer http.ResponseWriter, request *http.Request) {
		body, err := store.Get(request.Context(), request.PathValue("id")).Bytes()
		if errors.Is(err, redis.Nil) {
			http.NotFound(writer, request)
			return
		}
		if err != nil {
			http.Error(writer, err.Error(), http.StatusServiceUnavailable)
			return
		}
		header := writer.Header()
		header["Content-Type"] = []string{"application/json"}
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		_, _ = writer.Write(body)
	}
	routes.HandleFunc("GET /support/cases/{id}/timeline", answer)
	routes.HandleFunc("GET /support/cases/{id}", answer)

	listener, err := net.Listen("tcp", os.Getenv("ADDRESS"))
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: routes}
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() { _ = server.Serve(listener) }()
	<-stopped.Done()
	_ = server.Close()
}
