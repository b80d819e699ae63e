package main

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"indeks/web"
)

// Limits is what one client, and all of them together, may take of a server. 0
// switches a limit off; what the file leaves out is as in defaultLimits. Nobody
// is exempt, this machine neither.
//
// What one credential may be (2 MiB, 50 000 members, 64 levels, 4 signatures, 10
// certificates, 8 status entries) is no setting: two verifiers must not differ
// in their verdict because of how they are run.
type Limits struct {
	// Connections open at once, in all and from one address. Where all are taken,
	// the one that has kept the server waiting longest makes room.
	Connections           int `yaml:"connections"`
	ConnectionsPerAddress int `yaml:"connections_per_address"`

	// HTTP2Streams are requests at once on one connection of HTTP/2, which is spoken
	// with TLS; 0: as many as the library permits.
	HTTP2Streams int `yaml:"http2_streams"`

	// ReverseProxies are the addresses, or blocks of them, of the proxies in front.
	// They may open any number of connections, and their X-Forwarded-For tells who
	// the client is.
	ReverseProxies []string `yaml:"reverse_proxies"`

	// Seconds until the header of a request is there, until its body is, that a
	// handler has, until the answer is read, and that a connection may idle.
	HeaderSeconds  float64 `yaml:"header_seconds"`
	ReadSeconds    float64 `yaml:"read_seconds"`
	RequestSeconds float64 `yaml:"request_seconds"`
	WriteSeconds   float64 `yaml:"write_seconds"`
	IdleSeconds    float64 `yaml:"idle_seconds"`

	// DrainWaitSeconds is for how long a server that is told to end answers as before,
	// while /readyz says that it is draining: longer than a load balancer takes to
	// notice.
	DrainWaitSeconds float64 `yaml:"drain_wait_seconds"`

	// Sizes in KiB: request line and header; the body of a request; that of a
	// verification; that of a verification of several credentials; that of many files
	// or a ZIP; that of a class list or of many drafts.
	Header     kib `yaml:"header_kib"`
	Body       kib `yaml:"body_kib"`
	VerifyBody kib `yaml:"verify_body_kib"`
	StackBody  kib `yaml:"stack_body_kib"`
	BulkBody   kib `yaml:"bulk_body_kib"`
	ListBody   kib `yaml:"list_body_kib"`

	// DraftsAtOnce of another system are issued while it waits; more become a batch.
	DraftsAtOnce int `yaml:"drafts_at_once"`

	// BodyMemory in MiB is what is held of the bodies of all requests together,
	// beyond the first 64 KiB of each.
	BodyMemory int `yaml:"body_memory_mib"`

	// Verifications at once for each processor, and how many more may wait.
	WorkersPerCore int `yaml:"workers_per_core"`
	Queue          int `yaml:"queue"`

	// Verifications of one address (of IPv6: one /64), and requests to the issuer's
	// API with one key: so many a second, and a burst that saves up in quiet times.
	VerifyPerSecond float64 `yaml:"verify_per_second"`
	VerifyBurst     int     `yaml:"verify_burst"`
	IssuePerSecond  float64 `yaml:"issue_per_second"`
	IssueBurst      int     `yaml:"issue_burst"`

	// WrongKeysPerMinute are requests with a wrong API key from one address.
	WrongKeysPerMinute float64 `yaml:"wrong_keys_per_minute"`

	// MemoryPercent of this machine's memory is where the garbage collector starts
	// to work harder. The environment variable GOMEMLIMIT goes before it.
	MemoryPercent int `yaml:"memory_percent"`
}

var defaultLimits = Limits{
	Connections: 2000, ConnectionsPerAddress: 50, HTTP2Streams: 100, ReverseProxies: []string{},
	HeaderSeconds: 5, ReadSeconds: 30, RequestSeconds: 55, WriteSeconds: 60, IdleSeconds: 60,
	Header: 16, Body: 1 << 10, VerifyBody: 3 << 10, StackBody: 8 << 10, BulkBody: 32 << 10, ListBody: 32 << 10, DraftsAtOnce: 500, BodyMemory: 64,
	WorkersPerCore: 2, Queue: 64,
	VerifyPerSecond: 5, VerifyBurst: 60, IssuePerSecond: 50, IssueBurst: 200, WrongKeysPerMinute: 20,
	MemoryPercent: 75,
}

// kib is a size in KiB.
type kib int

// orNone is the size in bytes; 0 is one that nothing reaches.
func (k kib) orNone() int64 {
	if k == 0 {
		return math.MaxInt64
	}
	return int64(k) << 10
}

// check names the first limit that makes no sense.
func (l *Limits) check() error {
	for name, v := range map[string]float64{
		"connections": float64(l.Connections), "connections_per_address": float64(l.ConnectionsPerAddress), "http2_streams": float64(l.HTTP2Streams),
		"header_seconds": l.HeaderSeconds, "read_seconds": l.ReadSeconds, "request_seconds": l.RequestSeconds, "write_seconds": l.WriteSeconds, "idle_seconds": l.IdleSeconds, "drain_wait_seconds": l.DrainWaitSeconds,
		"header_kib": float64(l.Header), "body_kib": float64(l.Body), "verify_body_kib": float64(l.VerifyBody), "stack_body_kib": float64(l.StackBody), "bulk_body_kib": float64(l.BulkBody), "list_body_kib": float64(l.ListBody), "drafts_at_once": float64(l.DraftsAtOnce), "body_memory_mib": float64(l.BodyMemory),
		"workers_per_core": float64(l.WorkersPerCore), "queue": float64(l.Queue),
		"verify_per_second": l.VerifyPerSecond, "verify_burst": float64(l.VerifyBurst), "issue_per_second": l.IssuePerSecond, "issue_burst": float64(l.IssueBurst),
		"wrong_keys_per_minute": l.WrongKeysPerMinute, "memory_percent": float64(l.MemoryPercent),
	} {
		if !(v >= 0 && v <= 1<<30) {
			return fmt.Errorf("%s: %v is no limit", name, v)
		}
	}
	_, err := l.proxies()
	return err
}

func (l *Limits) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range l.ReverseProxies {
		p, err := netip.ParsePrefix(text)
		if a, plain := netip.ParseAddr(text); plain == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("reverse_proxies: %q is neither an address nor a block of them", text)
		}
		list = append(list, p)
	}
	return list, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// connections is what the HTTP server is held to.
func (l *Limits) connections() web.Limits {
	proxies, _ := l.proxies() // checked when it was read
	return web.Limits{
		ReadHeader: seconds(l.HeaderSeconds), Read: seconds(l.ReadSeconds), Write: seconds(l.WriteSeconds), Idle: seconds(l.IdleSeconds),
		Header: int(l.Header) << 10, Connections: l.Connections, ConnectionsPerAddress: l.ConnectionsPerAddress, Proxies: proxies, Streams: l.HTTP2Streams,
		DrainWait: seconds(l.DrainWaitSeconds),
	}
}

// kit is what handlers are held to.
func (l *Limits) kit(r web.Rate) web.Config {
	proxies, _ := l.proxies()
	return web.Config{BodyLimit: l.Body.orNone(), BodyMemory: cmp.Or(int64(l.BodyMemory)<<20, math.MaxInt64), Timeout: cmp.Or(seconds(l.RequestSeconds), math.MaxInt64), Rate: r, Proxies: proxies}
}

func (l *Limits) verifyRate() web.Rate {
	return web.Rate{PerSecond: l.VerifyPerSecond, Burst: l.VerifyBurst}
}
func (l *Limits) issueRate() web.Rate {
	return web.Rate{PerSecond: l.IssuePerSecond, Burst: l.IssueBurst}
}

func (l *Limits) wrongKeys() web.Rate {
	return web.Rate{PerSecond: l.WrongKeysPerMinute / 60, Burst: int(math.Ceil(l.WrongKeysPerMinute))}
}

// manyWorkers is more than ever run.
const manyWorkers = 1 << 20

func (l *Limits) workers() int { return cmp.Or(l.WorkersPerCore*runtime.GOMAXPROCS(0), manyWorkers) }
func (l *Limits) queue() int   { return cmp.Or(l.Queue, manyWorkers) }

// limitMemory tells the garbage collector how much memory there is.
func (l *Limits) limitMemory() {
	if total := memory(); os.Getenv("GOMEMLIMIT") == "" && l.MemoryPercent > 0 && total > 0 {
		debug.SetMemoryLimit(total / 100 * int64(l.MemoryPercent))
	}
}

// headroom is memory that is never touched, so that the system gives none for
// it; what it does is count as living. A verification leaves nothing behind but
// garbage, as does a credential that was issued, and with a heap of a few megabytes
// that would be collected every hundred of them, which cost a third of their time. The
// heap of a busy verifier grows to about 120 MB instead, that of an issuer to 90. What
// does live, when there is much of it, counts once and not twice more as with the
// target of 200 that main sets: then it is the rest of the machine's memory that is
// short.
func headroom(bytes int) []byte {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(100)
	// What opening the key file took would be counted as living until the next
	// collection, and so put it off.
	debug.FreeOSMemory()
	room := make([]byte, bytes)
	untouch(room) // where part of it was used before, the runtime has cleared it
	return room
}

// What verifier and issuer get of it, and a command, which is soon over and leaves the
// machine to others. An issuer has its store mapped besides.
const (
	verifierRoom = 96 << 20
	issuerRoom   = 64 << 20
	commandRoom  = 16 << 20
)

// memory is how many bytes this machine has, or the container it runs in; 0
// where the system does not say.
func memory() int64 {
	var total int64
	if raw, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, rest, ok := strings.Cut(string(raw), "MemTotal:"); ok {
			fmt.Sscanf(rest, "%d kB", &total)
			total <<= 10
		}
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if raw, err := os.ReadFile(path); err == nil {
			if most, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil && most < total {
				total = most
			}
		}
	}
	return total
}
