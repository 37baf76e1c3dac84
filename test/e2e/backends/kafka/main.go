// A Kafka broker for the e2e tests: franz-go's fake cluster, which speaks Kafka's protocol, consumer groups included, and keeps
// everything in memory. A process of its own; what it holds ends with it.
//
//	kafka <port> <port of its health> <topic>=<partitions>...
//
// Its health answers 200 once the broker listens.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("kafka <port> <port of its health> <topic>=<partitions>...")
	}
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port)}
	for _, topic := range args[2:] {
		name, count, _ := strings.Cut(topic, "=")
		partitions, err := strconv.ParseInt(count, 10, 32)
		if err != nil {
			return err
		}
		options = append(options, kfake.SeedTopics(int32(partitions), name))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	return http.ListenAndServe(net.JoinHostPort("127.0.0.1", args[1]), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}
