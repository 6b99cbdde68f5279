// go_client is Kubernetes' own client, in protobuf: it writes, gets, lists and follows ConfigMaps and their metadata by
// client-go, and says what differs from what the same client is told in JSON.
//
// Then every manifest of a kind that is served is created, and got, listed and watched in both forms.
//
//	go_client URL [MANIFEST ...]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	builtin "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	space    = "default"
	protobuf = "application/vnd.kubernetes.protobuf"
	patience = 60 * time.Second
)

var scheme = runtime.NewScheme()

func must(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

func equal(what string, got, want any) {
	if !equality.Semantic.DeepEqual(got, want) {
		fmt.Printf("FAIL %s:\n%#v\nis not\n%#v\n", what, got, want)
		os.Exit(1)
	}
}

// seen checks that answers come in the form that was asked for.
type seen struct {
	next http.RoundTripper
	form string
}

func (s seen) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(request)
	if err == nil && !strings.HasPrefix(answer.Header.Get("Content-Type"), s.form) {
		err = fmt.Errorf("%s %s came as %s", request.Method, request.URL, answer.Header.Get("Content-Type"))
	}
	return answer, err
}

func config(url, form string) *rest.Config {
	return &rest.Config{Host: url, APIPath: "/api", QPS: -1, ContentConfig: rest.ContentConfig{
		GroupVersion: &corev1.SchemeGroupVersion, NegotiatedSerializer: serializer.NewCodecFactory(scheme).WithoutConversion(),
		ContentType: form, AcceptContentTypes: form},
		WrapTransport: func(next http.RoundTripper) http.RoundTripper { return seen{next, form} }}
}

func client(url, form string) *rest.RESTClient {
	made, err := rest.RESTClientFor(config(url, form))
	must(err)
	return made
}

func configMap(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"l": "x"}},
		Data: map[string]string{"v": value}, BinaryData: map[string][]byte{"b": {0, 1, 255}}}
}

func on(request *rest.Request) *rest.Request { return request.Namespace(space).Resource("configmaps") }

func writesAndReads(ctx context.Context, pb, js *rest.RESTClient) {
	var made, got, same corev1.ConfigMap
	must(on(pb.Post()).Body(configMap("a", "1")).Do(ctx).Into(&made))
	must(on(pb.Get()).Name("a").Do(ctx).Into(&got))
	must(on(js.Get()).Name("a").Do(ctx).Into(&same))
	equal("what was created", got, made)
	equal("what is got", got, same)
	made.Data["v"] = "2"
	must(on(pb.Put()).Name("a").Body(&made).Do(ctx).Into(&got))
	equal("what was updated", got.Data, map[string]string{"v": "2"})
	err := on(pb.Get()).Name("none").Do(ctx).Error()
	equal("what is missing", errors.IsNotFound(err), true)
	equal("how that is said", err.Error(), `configmaps "none" not found`)

	var list, sameList corev1.ConfigMapList
	must(on(pb.Get()).Do(ctx).Into(&list))
	must(on(js.Get()).Do(ctx).Into(&sameList))
	for i := range sameList.Items { // ours has them in JSON
		sameList.Items[i].TypeMeta = metav1.TypeMeta{}
	}
	equal("the list", list, sameList)
}

// follow runs a reflector of client-go until the store holds `last`, which is deleted at the end.
func follow(ctx context.Context, pb *rest.RESTClient) {
	var told sync.Map
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(pb, "configmaps", space, fields.Everything()), ObjectType: &corev1.ConfigMap{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { told.Store("add "+o.(*corev1.ConfigMap).Name, true) },
			UpdateFunc: func(_, o any) { told.Store("update "+o.(*corev1.ConfigMap).Name+o.(*corev1.ConfigMap).Data["v"], true) },
			DeleteFunc: func(o any) { told.Store("delete "+o.(*corev1.ConfigMap).Name, true) }}})
	stop := make(chan struct{})
	defer close(stop)
	go informer.Run(stop)
	wait := func(what string) {
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			if _, there := told.Load(what); there {
				return
			}
			equal("in time: "+what, time.Now().Before(end), true)
		}
	}
	wait("add a")
	var b corev1.ConfigMap
	must(on(pb.Post()).Body(configMap("b", "1")).Do(ctx).Into(&b))
	wait("add b")
	b.Data["v"] = "2"
	must(on(pb.Put()).Name("b").Body(&b).Do(ctx).Error())
	wait("update b2")
	must(on(pb.Delete()).Name("b").Body(&metav1.DeleteOptions{}).Do(ctx).Error())
	wait("delete b")
	equal("what is stored", store.ListKeys(), []string{space + "/a"})
}

// events compares a watch with bookmarks in both forms.
func events(ctx context.Context, pb, js *rest.RESTClient) {
	take := func(c *rest.RESTClient) (told []watch.Event) {
		options := metav1.ListOptions{AllowWatchBookmarks: true, ResourceVersion: "1", Watch: true, TimeoutSeconds: new(int64)}
		*options.TimeoutSeconds = 1
		w, err := on(c.Get()).VersionedParams(&options, metav1.ParameterCodec).Timeout(patience).Watch(ctx)
		must(err)
		for event := range w.ResultChan() {
			told = append(told, event)
		}
		return told
	}
	told, same := take(pb), take(js)
	equal("number of events", len(told) > 3, true)
	equal("the events", told, same)
	equal("the last of them", told[len(told)-1].Type, watch.Bookmark)
}

func metadataOnly(ctx context.Context, url string) {
	settings := metadata.ConfigFor(config(url, ""))
	settings.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return seen{next, protobuf} }
	c, err := metadata.NewForConfig(settings)
	must(err)
	resource := c.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(space)
	list, err := resource.List(ctx, metav1.ListOptions{})
	must(err)
	equal("metadata of a list", []any{len(list.Items), list.Items[0].Name, list.Items[0].Labels["l"]}, []any{1, "a", "x"})
	one, err := resource.Get(ctx, "a", metav1.GetOptions{})
	must(err)
	equal("metadata of one", one.UID, list.Items[0].UID)
	w, err := resource.Watch(ctx, metav1.ListOptions{})
	must(err)
	event := <-w.ResultChan()
	equal("metadata of an event", event.Object.(*metav1.PartialObjectMetadata).ObjectMeta, one.ObjectMeta)
	w.Stop()
}

// ---- every kind ----

func ask(url, method, form string, body []byte) (int, []byte) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	must(err)
	request.Header.Set("Accept", form)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(err)
	if answer.StatusCode < 300 && !strings.HasPrefix(answer.Header.Get("Content-Type"), form) {
		must(fmt.Errorf("%s came as %s", url, answer.Header.Get("Content-Type")))
	}
	return answer.StatusCode, text
}

func decode(data []byte) runtime.Object {
	object, _, err := serializer.NewCodecFactory(scheme).UniversalDeserializer().Decode(data, nil, nil)
	must(err)
	return object
}

// resourceOf finds what a kind is called in a URL; nothing if it is not stored there.
func resourceOf(url, root string, kind string) *metav1.APIResource {
	var list metav1.APIResourceList
	_, text := ask(url+root, "GET", "application/json", nil)
	if json.Unmarshal(text, &list) != nil {
		return nil
	}
	for _, resource := range list.APIResources {
		if resource.Kind == kind && !strings.Contains(resource.Name, "/") && len(resource.Verbs) > 1 {
			return &resource
		}
	}
	return nil
}

// withoutKind takes away what only JSON says of a list's items.
func withoutKind(list runtime.Object) runtime.Object {
	must(meta.EachListItem(list, func(item runtime.Object) error {
		item.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		return nil
	}))
	return list
}

func manifest(ctx context.Context, url, path string) bool {
	text, err := os.ReadFile(path)
	must(err)
	var tree map[string]any
	must(json.Unmarshal(text, &tree))
	version, kind := fmt.Sprint(tree["apiVersion"]), fmt.Sprint(tree["kind"])
	root := "/apis/" + version
	if version == "v1" {
		root = "/api/v1"
	}
	resource := resourceOf(url, root, kind)
	if resource == nil {
		return false
	}
	metadata := tree["metadata"].(map[string]any)
	for _, name := range []string{"resourceVersion", "uid", "namespace", "deletionTimestamp", "deletionGracePeriodSeconds"} {
		delete(metadata, name)
	}
	all := url + root + "/" + resource.Name
	if resource.Namespaced {
		all = url + root + "/namespaces/" + space + "/" + resource.Name
	}
	text, err = json.Marshal(tree)
	must(err)
	code, answer := ask(all, "POST", "application/json", text)
	if code == http.StatusUnprocessableEntity {
		fmt.Println("refused:", path)
		return false
	}
	equal(path+": "+string(answer), code, http.StatusCreated)

	one := all + "/" + metadata["name"].(string)
	get := func(url string) func(form string) runtime.Object {
		return func(form string) runtime.Object {
			_, text := ask(url, "GET", form, nil)
			return decode(text)
		}
	}
	pb, js := atOneRevision(get(one))
	equal(path, pb, js)
	pb, js = atOneRevision(get(all))
	equal("list of "+path, pb, withoutKind(js))
	pb, js = atOneRevision(func(form string) runtime.Object {
		event := first(ctx, url, one, form)
		equal("type of an event of "+path, event.Type, watch.Added)
		return event.Object
	})
	equal("watch of "+path, pb, js)
	return true
}

// atOneRevision reads the same in both forms; again, if the server has filled an aggregated role in between.
func atOneRevision(read func(form string) runtime.Object) (runtime.Object, runtime.Object) {
	for deadline := time.Now().Add(patience); ; {
		pb, js := read(protobuf), read("application/json")
		first, err := meta.CommonAccessor(pb)
		must(err)
		second, err := meta.CommonAccessor(js)
		must(err)
		if first.GetResourceVersion() == second.GetResourceVersion() || time.Now().After(deadline) {
			return pb, js
		}
	}
}

// first is what a watch of one object begins with.
func first(ctx context.Context, url, one, form string) watch.Event {
	settings := config(url, form)
	settings.GroupVersion = &schema.GroupVersion{}
	made, err := rest.RESTClientFor(settings)
	must(err)
	at := strings.LastIndex(one, "/")
	w, err := made.Get().AbsPath(strings.TrimPrefix(one[:at], url)).Param("watch", "1").Param("fieldSelector", "metadata.name="+one[at+1:]).Watch(ctx)
	must(err)
	defer w.Stop()
	return <-w.ResultChan()
}

func main() {
	ctx := context.Background()
	must(builtin.AddToScheme(scheme))
	must(apiextensionsv1.AddToScheme(scheme))
	pb, js := client(os.Args[1], protobuf), client(os.Args[1], "application/json")
	writesAndReads(ctx, pb, js)
	follow(ctx, pb)
	events(ctx, pb, js)
	metadataOnly(ctx, os.Args[1])
	kinds := 0
	for _, path := range os.Args[2:] {
		if manifest(ctx, os.Args[1], path) {
			kinds++
		}
	}
	fmt.Printf("ok, with %d kinds\n", kinds)
}
