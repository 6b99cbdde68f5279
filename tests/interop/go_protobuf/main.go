// go_protobuf holds the transcoder against the Go types of Kubernetes, which are the definition of both forms.
//
//	go_protobuf TRANSCODE [MANIFEST ...]
//
// Of every kind an object with every field set, and one with none, goes
//
//	Go -> protobuf -> transcode -> JSON     which must be the JSON of Go
//	Go -> JSON -> transcode -> protobuf -> Go     which must be the object again
//
// and of every manifest, what Go reads from its JSON must be what Go reads from its transcoded protobuf.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var groups = []struct {
	add   func(*runtime.Scheme) error
	group schema.GroupVersion
	kinds string
}{
	{corev1.AddToScheme, corev1.SchemeGroupVersion, "ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume " +
		"PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount Binding- " +
		"Status- DeleteOptions- CreateOptions- UpdateOptions- PatchOptions- ListOptions- GetOptions- APIResourceList- " +
		"APIGroup- APIGroupList- APIVersions- PartialObjectMetadata PartialObjectMetadataList-"},
	{appsv1.AddToScheme, appsv1.SchemeGroupVersion, "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet"},
	{authenticationv1.AddToScheme, authenticationv1.SchemeGroupVersion, "SelfSubjectReview-"},
	{authorizationv1.AddToScheme, authorizationv1.SchemeGroupVersion,
		"LocalSubjectAccessReview- SelfSubjectAccessReview- SelfSubjectRulesReview- SubjectAccessReview-"},
	{autoscalingv1.AddToScheme, autoscalingv1.SchemeGroupVersion, "Scale-"},
	{batchv1.AddToScheme, batchv1.SchemeGroupVersion, "CronJob Job"},
	{coordinationv1.AddToScheme, coordinationv1.SchemeGroupVersion, "Lease"},
	{discoveryv1.AddToScheme, discoveryv1.SchemeGroupVersion, "EndpointSlice"},
	{eventsv1.AddToScheme, eventsv1.SchemeGroupVersion, "Event"},
	{networkingv1.AddToScheme, networkingv1.SchemeGroupVersion, "Ingress IngressClass NetworkPolicy"},
	{policyv1.AddToScheme, policyv1.SchemeGroupVersion, "PodDisruptionBudget Eviction-"},
	{rbacv1.AddToScheme, rbacv1.SchemeGroupVersion, "ClusterRole ClusterRoleBinding Role RoleBinding"},
	{schedulingv1.AddToScheme, schedulingv1.SchemeGroupVersion, "PriorityClass"},
	{storagev1.AddToScheme, storagev1.SchemeGroupVersion, "StorageClass"},
	{apiextensionsv1.AddToScheme, apiextensionsv1.SchemeGroupVersion, "CustomResourceDefinition"},
}

var (
	scheme    = runtime.NewScheme()
	transcode string
	failures  int
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func fail(what, detail string) {
	failures++
	fmt.Printf("FAIL %s: %s\n", what, detail)
}

// ---- objects with all fields set ----

type filler struct{ n int64 }

func (f *filler) next() int64 { f.n++; return f.n }

func (f *filler) special(v reflect.Value, depth int) bool {
	switch p := v.Addr().Interface().(type) {
	case *metav1.TypeMeta:
	case *metav1.Time:
		*p = metav1.Time{Time: time.Unix(1700000000+f.next(), 0).UTC()}
	case *metav1.MicroTime:
		*p = metav1.MicroTime{Time: time.Unix(1700000000+f.next(), f.next()*1000).UTC()}
	case *metav1.Duration:
		p.Duration = time.Duration(f.next()) * time.Millisecond
	case *metav1.FieldsV1:
		p.Raw = []byte(fmt.Sprintf(`{"f:a%d":{".":{}}}`, f.next()))
	case *resource.Quantity:
		*p = resource.MustParse(fmt.Sprintf("%dm", 1000*f.next()+1))
		_ = p.String()
	case *intstr.IntOrString:
		if f.next()%2 == 0 {
			*p = intstr.FromInt32(int32(f.next()))
		} else {
			*p = intstr.FromString(fmt.Sprintf("%d%%", f.next()))
		}
	case *runtime.RawExtension:
		p.Raw = []byte(fmt.Sprintf(`{"raw":[%d,null,"x"]}`, f.next()))
	case *apiextensionsv1.JSON:
		p.Raw = []byte(fmt.Sprintf(`{"json":%d}`, f.next()))
	case *apiextensionsv1.JSONSchemaPropsOrBool:
		p.Allows = true
		if f.next()%2 == 0 && depth < 12 {
			p.Schema = &apiextensionsv1.JSONSchemaProps{}
			f.fill(reflect.ValueOf(p.Schema).Elem(), depth+4)
		}
	case *apiextensionsv1.JSONSchemaPropsOrArray:
		if f.next()%2 == 0 && depth < 12 {
			p.JSONSchemas = make([]apiextensionsv1.JSONSchemaProps, 2)
			f.fill(reflect.ValueOf(&p.JSONSchemas[0]).Elem(), depth+4)
		} else {
			p.Schema = &apiextensionsv1.JSONSchemaProps{Type: "string"}
		}
	case *apiextensionsv1.JSONSchemaPropsOrStringArray:
		if f.next()%2 == 0 {
			p.Property = []string{"a", "b"}
		} else {
			p.Schema = &apiextensionsv1.JSONSchemaProps{Type: "string"}
		}
	default:
		return false
	}
	return true
}

func (f *filler) fill(v reflect.Value, depth int) {
	if f.special(v, depth) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d \"\u00fc\"", f.next()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64, reflect.Int:
		n := f.next()
		if v.Kind() == reflect.Int64 && n%3 == 0 {
			n += 1 << 53
		}
		if n%2 == 0 {
			n = -n
		}
		v.SetInt(n)
	case reflect.Float64:
		v.SetFloat(float64(f.next()) + 0.1)
	case reflect.Ptr:
		if _, deep := v.Interface().(*apiextensionsv1.JSONSchemaProps); deep && depth > 12 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth+1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(fmt.Sprintf("bytes\xff%d", f.next())))
			return
		}
		if _, deep := v.Interface().([]apiextensionsv1.JSONSchemaProps); deep && depth > 8 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0), depth+1)
		f.fill(v.Index(1), depth+1)
	case reflect.Map:
		if v.Type().Elem() == reflect.TypeOf(apiextensionsv1.JSONSchemaProps{}) && depth > 8 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for i := 0; i < 2; i++ {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key, depth+1)
			f.fill(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i), depth+1)
			}
		}
	default:
		check(fmt.Errorf("cannot fill %s", v.Type()))
	}
}

// ---- the two sides ----

func run(in []byte, args ...string) ([]byte, error) {
	cmd := exec.Command(transcode, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	err := cmd.Run()
	if err == nil && errs.Len() != 0 {
		err = fmt.Errorf("transcode said: %s", errs.String())
	} else if err != nil {
		err = fmt.Errorf("%v: %s", err, errs.String())
	}
	return out.Bytes(), err
}

func goProtobuf(obj runtime.Object) []byte {
	var out bytes.Buffer
	check(protobuf.NewSerializer(scheme, scheme).Encode(obj, &out))
	return out.Bytes()
}

func goJSON(obj runtime.Object) []byte {
	out, err := json.Marshal(obj)
	check(err)
	return out
}

// tree reads JSON; loose drops null and empty lists and maps, which protobuf cannot tell apart.
func tree(text []byte, loose bool) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	check(d.Decode(&v))
	if loose {
		v = prune(v)
	}
	return v
}

func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			e = prune(e)
			if list, ok := e.([]any); e == nil || (ok && len(list) == 0) {
				delete(v, k)
			} else {
				v[k] = e
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

func differ(got, want any) string {
	if g, ok := got.(map[string]any); ok {
		if w, ok := want.(map[string]any); ok {
			for k := range w {
				if _, ok := g[k]; !ok {
					return "." + k + " is missing"
				}
				if d := differ(g[k], w[k]); d != "" {
					return "." + k + d
				}
			}
			for k := range g {
				if _, ok := w[k]; !ok {
					return "." + k + " is too much"
				}
			}
			return ""
		}
	}
	if g, ok := got.([]any); ok {
		if w, ok := want.([]any); ok && len(g) == len(w) {
			for i := range g {
				if d := differ(g[i], w[i]); d != "" {
					return fmt.Sprintf("[%d]%s", i, d)
				}
			}
			return ""
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf(" is %#v, not %#v", got, want)
	}
	return ""
}

func decode(data []byte) (runtime.Object, error) {
	obj, _, err := protobuf.NewSerializer(scheme, scheme).Decode(data, nil, nil)
	return obj, err
}

func compare(what string, obj runtime.Object, loose bool) {
	want := goJSON(obj)
	got, err := run(goProtobuf(obj), "to-json")
	if err != nil {
		fail(what, err.Error())
		return
	}
	if d := differ(tree(got, loose), tree(want, loose)); d != "" {
		fail(what+" protobuf to JSON", d)
	}
	compareJSON(what, want, obj)
}

// compareJSON transcodes text, of which obj is what Go reads.
func compareJSON(what string, text []byte, obj runtime.Object) {
	data, err := run(text, "to-protobuf")
	if err != nil {
		fail(what, err.Error())
		return
	}
	again, err := decode(data)
	if err != nil {
		fail(what+" read by Go", err.Error())
		return
	}
	if d := differ(tree(goJSON(again), true), tree(goJSON(obj), true)); d != "" {
		fail(what+" JSON to protobuf", d)
	}
	if !bytes.Equal(goProtobuf(again), goProtobuf(obj)) {
		fail(what, "Go encodes what it read to other bytes")
	}
}

func kinds() (all []schema.GroupVersionKind) {
	for _, g := range groups {
		for _, kind := range strings.Fields(g.kinds) {
			single, found := strings.CutSuffix(kind, "-")
			all = append(all, g.group.WithKind(single))
			if !found && kind != "PartialObjectMetadata" {
				all = append(all, g.group.WithKind(kind+"List"))
			}
		}
	}
	return all
}

func watchEvent() {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", ResourceVersion: "7"}}
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	event := metav1.WatchEvent{Type: "ADDED", Object: runtime.RawExtension{Raw: goProtobuf(pod)}}
	data, err := event.Marshal()
	check(err)
	got, err := run(data, "message-to-json", "k8s.io.apimachinery.pkg.apis.meta.v1.WatchEvent")
	if err != nil {
		fail("WatchEvent", err.Error())
		return
	}
	want := fmt.Sprintf(`{"type":"ADDED","object":%s}`, goJSON(pod))
	if d := differ(tree(got, true), tree([]byte(want), true)); d != "" {
		fail("WatchEvent", d)
	}
}

func main() {
	transcode = os.Args[1]
	for _, g := range groups {
		check(g.add(scheme))
	}
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &metav1.PartialObjectMetadata{}, &metav1.PartialObjectMetadataList{},
		&metav1.APIResourceList{}, &metav1.APIGroup{}, &metav1.APIGroupList{}, &metav1.APIVersions{})
	count := 0
	for _, gvk := range kinds() {
		for _, full := range []bool{true, false} {
			obj, err := scheme.New(gvk)
			check(err)
			if full {
				(&filler{}).fill(reflect.ValueOf(obj).Elem(), 0)
			}
			obj.GetObjectKind().SetGroupVersionKind(gvk)
			compare(fmt.Sprintf("%s (all fields: %v)", gvk, full), obj, !full)
			count++
		}
	}
	for _, path := range os.Args[2:] {
		file, err := os.ReadFile(path)
		check(err)
		var compact bytes.Buffer
		check(json.Compact(&compact, file)) // Go keeps the blanks of embedded JSON, transcode does not
		text := compact.Bytes()
		var meta metav1.TypeMeta
		check(json.Unmarshal(text, &meta))
		obj, err := scheme.New(meta.GroupVersionKind())
		check(err)
		check(json.Unmarshal(text, obj))
		compareJSON(path, text, obj)
		count++
	}
	watchEvent()
	fmt.Printf("%d objects, %d failures\n", count, failures)
	if failures != 0 {
		os.Exit(1)
	}
}
