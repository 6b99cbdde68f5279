// client_go is client-go's informer, measured as informerload.c measures ours: it syncs `objects` ConfigMaps, then follows
// `events` changes of them, and says what that took. Its server is another process.
//
//	client_go [--form=json|protobuf] [--objects=N] [--events=N] [--kubeconfig=FILE] [URL]
//
// It prints "synced" and waits for a line on its input before it follows, so that whoever drives it can let the changes
// begin then. CPU is that of this process, all threads, garbage collection included; memory is what is resident, and what the
// heap holds after a collection, both less what there was before.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	objects    = flag.Int64("objects", 100000, "that the server holds")
	events     = flag.Int64("events", 300000, "that follow")
	form       = flag.String("form", "json", "json or protobuf")
	kubeconfig = flag.String("kubeconfig", "", "of the server, if its URL does not do")
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "client_go:", err)
		os.Exit(1)
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func residentKiB() (kib int64) {
	text, err := os.ReadFile("/proc/self/status")
	must(err)
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") {
			_, err = fmt.Sscan(strings.TrimPrefix(line, "VmRSS:"), &kib)
			must(err)
		}
	}
	return kib
}

func heap() int64 {
	var m runtime.MemStats
	debug.FreeOSMemory() // collects, too
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func config(url string) *rest.Config {
	c := &rest.Config{Host: url}
	if *kubeconfig != "" {
		var err error
		c, err = clientcmd.BuildConfigFromFlags("", *kubeconfig)
		must(err)
	}
	c.APIPath, c.QPS, c.GroupVersion, c.NegotiatedSerializer = "/api", -1, &corev1.SchemeGroupVersion, scheme.Codecs.WithoutConversion()
	c.ContentType, c.AcceptContentTypes = "application/json", "application/json"
	if *form == "protobuf" {
		c.ContentType, c.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf"
	}
	return c
}

func main() {
	flag.Parse()
	client, err := rest.RESTClientFor(config(flag.Arg(0)))
	must(err)
	informer := cache.NewSharedIndexInformer(cache.NewListWatchFromClient(client, "configmaps", metav1.NamespaceAll, fields.Everything()),
		&corev1.ConfigMap{}, 0, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	must(informer.SetTransform(func(o any) (any, error) {
		if m, ok := o.(metav1.Object); ok {
			m.SetManagedFields(nil)
		}
		return o, nil
	}))
	var followed atomic.Int64
	done := make(chan struct{})
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		UpdateFunc: func(_, _ any) {
			if followed.Add(1) == *events {
				close(done)
			}
		},
	})
	must(err)

	heap0, rss0 := heap(), residentKiB()
	began, beganCPU := time.Now(), cpu()
	stop := make(chan struct{})
	go informer.Run(stop)
	if !cache.WaitForCacheSync(stop, informer.HasSynced) {
		must(context.Canceled)
	}
	syncS, syncCPU := time.Since(began).Seconds(), (cpu() - beganCPU).Seconds()
	rss := residentKiB()
	held, kept := heap()-heap0, residentKiB()-rss0
	items := informer.GetStore().List()
	if int64(len(items)) < *objects {
		must(fmt.Errorf("%d objects in the store, of %d", len(items), *objects))
	}
	if _, ok := items[0].(*corev1.ConfigMap); !ok {
		must(fmt.Errorf("a %T in the store", items[0]))
	}
	items = nil

	fmt.Println("synced")
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	must(err)
	began, beganCPU = time.Now(), cpu()
	if *events > 0 {
		select {
		case <-done:
		case <-time.After(10 * time.Minute):
			must(fmt.Errorf("%d events came, not %d", followed.Load(), *events))
		}
	}
	followS, followCPU := time.Since(began).Seconds(), (cpu() - beganCPU).Seconds()
	text, err := json.Marshal(map[string]float64{
		"sync_ms": syncS * 1000, "sync_cpu_ms": syncCPU * 1000, "rss_kib_at_sync": float64(rss - rss0),
		"bytes_per_object": float64(held) / float64(*objects), "rss_bytes_per_object": float64(kept*1024) / float64(*objects),
		"events_per_s": float64(*events) / followS, "event_cpu_us": followCPU * 1e6 / float64(*events),
	})
	must(err)
	fmt.Println(string(text))
	close(stop)
}
