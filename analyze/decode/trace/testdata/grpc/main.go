// Command grpc writes the traces of a gRPC server that the tests of the decoder read: 40 calls by 4 clients at a
// time, each of which sleeps a millisecond, to a server with a goroutine for each call and to one with 2 workers.
//
//	go run -trimpath . goroutines.trace workers.trace
package main

import (
	"context"
	"log"
	"net"
	"os"
	"runtime/trace"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

type health struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (health) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	time.Sleep(time.Millisecond)
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

func main() {
	capture(os.Args[1])
	capture(os.Args[2], grpc.NumStreamWorkers(2))
}

func capture(file string, options ...grpc.ServerOption) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := grpc.NewServer(options...)
	grpc_health_v1.RegisterHealthServer(s, health{})
	go s.Serve(l)
	f, err := os.Create(file)
	if err != nil {
		log.Fatal(err)
	}
	if err := trace.Start(f); err != nil {
		log.Fatal(err)
	}
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if _, err := grpc_health_v1.NewHealthClient(c).Check(context.Background(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
					log.Fatal(err)
				}
			}
		})
	}
	wg.Wait()
	time.Sleep(20 * time.Millisecond) // the server's goroutines end after the client has its reply
	trace.Stop()
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	c.Close()
	s.Stop()
}
