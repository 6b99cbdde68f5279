#include "objects.h"

#define META(kind, api)                                                                            \
    "{\"apiVersion\":\"" api "\",\"kind\":\"" kind "\",\"metadata\":{\"name\":\"x\","              \
    "\"namespace\":\"ns\",\"creationTimestamp\":\"<ago 259200>\"}"
#define POD(more) META("Pod", "v1") more "}"

static void check(const char *group, const char *plural, const char *json, const char *expected)
{
    check_row(builtin_kind(group, plural), json, expected);
}

TEST(cells, small_core_kinds_count_what_they_hold)
{
    check(
        "", "configmaps",
        META("ConfigMap", "v1") ",\"data\":{\"a\":\"1\",\"b\":\"2\"},\"binaryData\":{\"c\":\"\"}}",
        "x | 3 | 3d");
    check("", "configmaps", META("ConfigMap", "v1") "}", "x | 0 | 3d");
    check("", "secrets", META("Secret", "v1") ",\"type\":\"Opaque\",\"data\":{\"a\":\"\"}}",
          "x | Opaque | 1 | 3d");
    check("", "serviceaccounts", META("ServiceAccount", "v1") ",\"secrets\":[{\"name\":\"t\"}]}",
          "x | 1 | 3d");
    check("", "namespaces", META("Namespace", "v1") ",\"status\":{\"phase\":\"Active\"}}",
          "x | Active | 3d");
    check("", "resourcequotas",
          META("ResourceQuota", "v1") ",\"status\":{\"hard\":{\"pods\":\"4\",\"limits.cpu\":\"2\","
                                      "\"cpu\":1},\"used\":{\"pods\":\"1\"}}}",
          "x | cpu: 0/1, pods: 1/4 | limits.cpu: 0/2 | 3d");
    check("", "podtemplates",
          META("PodTemplate", "v1") ",\"template\":{\"metadata\":{\"labels\":{\"b\":\"2\","
                                    "\"a\":\"1\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
                                    "\"image\":\"i\"},{\"name\":\"d\",\"image\":\"j\"}]}}}",
          "x | c,d | i,j | a=1,b=2");
}

TEST(cells, kinds_without_columns_of_their_own_show_when_they_were_created)
{
    static const char created[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"LimitRange\",\"metadata\":"
        "{\"name\":\"x\",\"creationTimestamp\":\"2024-01-02T03:04:05Z\"}}";

    check("", "limitranges", created, "x | 2024-01-02T03:04:05Z");
    check("rbac.authorization.k8s.io", "roles", created, "x | 2024-01-02T03:04:05Z");
    check("rbac.authorization.k8s.io", "clusterroles", created, "x | 2024-01-02T03:04:05Z");
    check("apiextensions.k8s.io", "customresourcedefinitions", created, "x | 2024-01-02T03:04:05Z");
}

TEST(cells, a_running_pod_shows_its_restarts_and_where_it_runs)
{
    check("", "pods",
          POD(",\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]},"
              "\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.0.0.7\"}],"
              "\"containerStatuses\":[{\"name\":\"a\",\"ready\":true,\"restartCount\":2,"
              "\"state\":{\"running\":{}},\"lastState\":{\"terminated\":{\"finishedAt\":"
              "\"<ago 18000>\"}}},{\"name\":\"b\",\"ready\":false,\"restartCount\":0,"
              "\"state\":{\"running\":{}}}]}"),
          "x | 1/2 | Running | 2 (5h ago) | 3d | 10.0.0.7 | n1 | <none> | <none>");
}

TEST(cells, a_pod_in_trouble_says_why)
{
    check("", "pods",
          POD(",\"spec\":{\"containers\":[{\"name\":\"a\"}]},\"status\":{\"phase\":\"Running\","
              "\"containerStatuses\":[{\"restartCount\":3,\"state\":{\"waiting\":{\"reason\":"
              "\"CrashLoopBackOff\"}}}]}"),
          "x | 0/1 | CrashLoopBackOff | 3 | 3d | <none> | <none> | <none> | <none>");
    check("", "pods",
          POD(",\"spec\":{\"containers\":[{},{}]},\"status\":{\"phase\":\"Failed\","
              "\"containerStatuses\":[{\"state\":{\"terminated\":{\"signal\":9}}},"
              "{\"state\":{\"terminated\":{\"exitCode\":1,\"reason\":\"Error\"}}}]}"),
          "x | 0/2 | Signal:9 | 0 | 3d | <none> | <none> | <none> | <none>");
    check("", "pods",
          POD(",\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Failed\","
              "\"containerStatuses\":[{\"state\":{\"terminated\":{\"exitCode\":3}}}]}"),
          "x | 0/1 | ExitCode:3 | 0 | 3d | <none> | <none> | <none> | <none>");
    check("", "pods",
          POD(",\"spec\":{\"containers\":[{}],\"readinessGates\":[{\"conditionType\":\"g\"},"
              "{\"conditionType\":\"h\"}]},\"status\":{\"phase\":\"Pending\",\"conditions\":["
              "{\"type\":\"PodScheduled\",\"reason\":\"SchedulingGated\",\"status\":\"False\"},"
              "{\"type\":\"h\",\"status\":\"True\"}]}"),
          "x | 0/1 | SchedulingGated | 0 | 3d | <none> | <none> | <none> | 1/2");
    check("", "pods",
          POD(",\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Failed\",\"reason\":"
              "\"Evicted\"}"),
          "x | 0/1 | Evicted | 0 | 3d | <none> | <none> | <none> | <none>");
}

TEST(cells, of_several_containers_in_trouble_the_first_one_speaks)
{
    check("", "pods",
          POD(",\"spec\":{\"containers\":[{},{}]},\"status\":{\"phase\":\"Pending\","
              "\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":\"ErrImagePull\"}}},"
              "{\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}]}"),
          "x | 0/2 | ErrImagePull | 0 | 3d | <none> | <none> | <none> | <none>");
}

TEST(cells, a_pod_that_initializes_shows_how_far_it_is)
{
    check("", "pods",
          POD(",\"spec\":{\"initContainers\":[{\"name\":\"i\"},{\"name\":\"j\"}],"
              "\"containers\":[{}]},\"status\":{\"phase\":\"Pending\",\"initContainerStatuses\":["
              "{\"name\":\"i\",\"state\":{\"terminated\":{\"exitCode\":0}}},{\"name\":\"j\","
              "\"state\":{\"running\":{}}}],\"containerStatuses\":[{\"state\":{\"waiting\":"
              "{\"reason\":\"PodInitializing\"}}}]}"),
          "x | 0/1 | Init:1/2 | 0 | 3d | <none> | <none> | <none> | <none>");
    check("", "pods",
          POD(",\"spec\":{\"initContainers\":[{\"name\":\"i\"}],\"containers\":[{}]},\"status\":"
              "{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\","
              "\"restartCount\":4,\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}]}"),
          "x | 0/1 | Init:CrashLoopBackOff | 4 | 3d | <none> | <none> | <none> | <none>");
    check("", "pods",
          POD(",\"spec\":{\"initContainers\":[{\"name\":\"i\"}],\"containers\":[{}]},\"status\":"
              "{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\","
              "\"state\":{\"terminated\":{\"exitCode\":2}}}]}"),
          "x | 0/1 | Init:ExitCode:2 | 0 | 3d | <none> | <none> | <none> | <none>");
}

TEST(cells, a_sidecar_counts_as_a_container)
{
    check("", "pods",
          POD(",\"spec\":{\"initContainers\":[{\"name\":\"s\",\"restartPolicy\":\"Always\"}],"
              "\"containers\":[{\"name\":\"a\"}]},\"status\":{\"phase\":\"Running\","
              "\"initContainerStatuses\":[{\"name\":\"s\",\"started\":true,\"ready\":true,"
              "\"restartCount\":1,\"state\":{\"running\":{}}}],\"containerStatuses\":[{"
              "\"ready\":true,\"state\":{\"running\":{}}}]}"),
          "x | 2/2 | Running | 1 | 3d | <none> | <none> | <none> | <none>");
}

TEST(cells, a_pod_that_is_being_deleted_terminates_unless_it_has_ended)
{
#define DELETED                                                                                    \
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\",\"deletionTimestamp\":"  \
    "\"<ago 1>\"},\"spec\":{\"containers\":[{}]},"
    check("", "pods", DELETED "\"status\":{\"phase\":\"Running\"}}",
          "x | 0/1 | Terminating | 0 | <unknown> | <none> | <none> | <none> | <none>");
    check("", "pods", DELETED "\"status\":{\"phase\":\"Running\",\"reason\":\"NodeLost\"}}",
          "x | 0/1 | Unknown | 0 | <unknown> | <none> | <none> | <none> | <none>");
    check("", "pods", DELETED "\"status\":{\"phase\":\"Succeeded\"}}",
          "x | 0/1 | Succeeded | 0 | <unknown> | <none> | <none> | <none> | <none>");
}

TEST(cells, a_pod_with_a_completed_and_a_running_container_runs)
{
    check("", "pods",
          POD(",\"spec\":{\"containers\":[{},{}]},\"status\":{\"phase\":\"Running\",\"conditions\":"
              "[{\"type\":\"Ready\",\"status\":\"False\"}],\"containerStatuses\":[{\"state\":"
              "{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\"}}},{\"ready\":true,"
              "\"state\":{\"running\":{}}}]}"),
          "x | 1/2 | NotReady | 0 | 3d | <none> | <none> | <none> | <none>");
}

TEST(cells, services_show_how_they_are_reached)
{
    check("", "services",
          META("Service", "v1") ",\"spec\":{\"type\":\"ClusterIP\",\"clusterIPs\":[\"10.0.0.1\"],"
                                "\"ports\":[{\"port\":443,\"protocol\":\"TCP\"}]}}",
          "x | ClusterIP | 10.0.0.1 | <none> | 443/TCP | 3d | <none>");
    check("", "services",
          META("Service",
               "v1") ",\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.0.0.2\","
                     "\"selector\":{\"b\":\"2\",\"a\":\"1\"},\"externalIPs\":[\"1.1.1.1\"],"
                     "\"ports\":[{\"port\":80,\"nodePort\":30080,\"protocol\":\"TCP\"},"
                     "{\"port\":53,\"protocol\":\"UDP\"}]}}",
          "x | NodePort | 10.0.0.2 | 1.1.1.1 | 80:30080/TCP,53/UDP | 3d | a=1,b=2");
    check("", "services",
          META("Service", "v1") ",\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"None\"}}",
          "x | LoadBalancer | None | <pending> | <none> | 3d | <none>");
    check(
        "", "services",
        META("Service", "v1") ",\"spec\":{\"type\":\"LoadBalancer\",\"externalIPs\":[\"9.9.9.9\"]},"
                              "\"status\":{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"lb\"},"
                              "{\"ip\":\"2.2.2.2\"},{\"ip\":\"2.2.2.2\"}]}}}",
        "x | LoadBalancer | <none> | 2.2.2.2,lb,9.9.9.9 | <none> | 3d | <none>");
    check("", "services",
          META("Service", "v1") ",\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"a.b\"}}",
          "x | ExternalName | <none> | a.b | <none> | 3d | <none>");
}

TEST(cells, endpoints_show_three_addresses_and_how_many_more)
{
    check("", "endpoints", META("Endpoints", "v1") "}", "x | <none> | 3d");
    check("", "endpoints",
          META("Endpoints", "v1") ",\"subsets\":[{\"addresses\":[{\"ip\":\"1.1.1.1\"},{\"ip\":"
                                  "\"fd00::1\"}],\"ports\":[{\"port\":80},{\"port\":443}]}]}",
          "x | 1.1.1.1:80,[fd00::1]:80,1.1.1.1:443 + 1 more... | 3d");
    check("", "endpoints",
          META("Endpoints", "v1") ",\"subsets\":[{\"addresses\":[{\"ip\":\"1.1.1.1\"}]}]}",
          "x | 1.1.1.1 | 3d");
    check(
        "discovery.k8s.io", "endpointslices",
        META("EndpointSlice", "discovery.k8s.io/v1") ",\"addressType\":\"IPv4\",\"ports\":["
                                                     "{\"port\":80},{\"name\":\"n\"},{}],"
                                                     "\"endpoints\":[{\"addresses\":[\"1\",\"2\"]},"
                                                     "{\"addresses\":[\"3\",\"4\",\"5\"]}]}",
        "x | IPv4 | 80,n,* | 1,2,3 + 2 more... | 3d");
    check("discovery.k8s.io", "endpointslices", META("EndpointSlice", "discovery.k8s.io/v1") "}",
          "x |  | <unset> | <unset> | 3d");
}

TEST(cells, nodes_show_roles_and_state)
{
    check(
        "", "nodes",
        "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\",\"labels\":{"
        "\"node-role.kubernetes.io/worker\":\"\",\"node-role.kubernetes.io/control-plane\":\"\","
        "\"kubernetes.io/role\":\"worker\"},\"creationTimestamp\":\"<ago 259200>\"},\"spec\":"
        "{\"unschedulable\":true},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"
        "\"True\"}],\"addresses\":[{\"type\":\"Hostname\",\"address\":\"h\"},{\"type\":"
        "\"InternalIP\",\"address\":\"10.1.1.1\"}],\"nodeInfo\":{\"kubeletVersion\":\"v1.32.0\","
        "\"osImage\":\"Debian\",\"kernelVersion\":\"6.1\"}}}",
        "n | Ready,SchedulingDisabled | control-plane,worker | 3d | v1.32.0 | 10.1.1.1 | <none> | "
        "Debian | 6.1 | <unknown>");
    check("", "nodes", META("Node", "v1") "}",
          "x | Unknown | <none> | 3d |  | <none> | <none> | <unknown> | <unknown> | <unknown>");
}

TEST(cells, volumes_and_claims_show_what_binds_them)
{
    check("", "persistentvolumes",
          META("PersistentVolume", "v1") ",\"spec\":{\"capacity\":{\"storage\":\"5Gi\"},"
                                         "\"accessModes\":[\"ReadWriteMany\",\"ReadWriteOnce\"],"
                                         "\"persistentVolumeReclaimPolicy\":\"Retain\","
                                         "\"claimRef\":{\"namespace\":\"d\",\"name\":\"c\"},"
                                         "\"storageClassName\":\"fast\",\"volumeMode\":"
                                         "\"Filesystem\"},\"status\":{\"phase\":\"Bound\"}}",
          "x | 5Gi | RWO,RWX | Retain | Bound | d/c | fast | <unset> |  | 3d | Filesystem");
    check(
        "", "persistentvolumeclaims",
        META("PersistentVolumeClaim", "v1") ",\"spec\":{\"volumeName\":\"pv\","
                                            "\"storageClassName\":\"fast\"},\"status\":{\"phase\":"
                                            "\"Bound\",\"capacity\":{\"storage\":\"5Gi\"},"
                                            "\"accessModes\":[\"ReadWriteOnce\"]}}",
        "x | Bound | pv | 5Gi | RWO | fast | <unset> | 3d | <unset>");
    check("", "persistentvolumeclaims",
          META("PersistentVolumeClaim", "v1") ",\"status\":{\"phase\":\"Pending\"}}",
          "x | Pending |  |  |  |  | <unset> | 3d | <unset>");
    check("storage.k8s.io", "storageclasses",
          "{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\",\"metadata\":{\"name\":"
          "\"s\",\"annotations\":{\"storageclass.kubernetes.io/is-default-class\":\"true\"},"
          "\"creationTimestamp\":\"<ago 259200>\"},\"provisioner\":\"p\"}",
          "s (default) | p | Delete | Immediate | false | 3d");
}

#define TEMPLATE                                                                                   \
    "\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"},"                \
    "{\"name\":\"d\",\"image\":\"busybox\"}]}}"
#define SELECTOR "\"selector\":{\"matchLabels\":{\"app\":\"web\"}}"

TEST(cells, workloads_count_their_pods)
{
    check("apps", "deployments",
          META("Deployment", "apps/v1") ",\"spec\":{\"replicas\":3," SELECTOR "," TEMPLATE "},"
                                        "\"status\":{\"readyReplicas\":2,\"updatedReplicas\":3,"
                                        "\"availableReplicas\":1}}",
          "x | 2/3 | 3 | 1 | 3d | c,d | nginx,busybox | app=web");
    check("apps", "replicasets",
          META("ReplicaSet", "apps/v1") ",\"spec\":{\"replicas\":3," SELECTOR "," TEMPLATE "},"
                                        "\"status\":{\"replicas\":3,\"readyReplicas\":2}}",
          "x | 3 | 3 | 2 | 3d | c,d | nginx,busybox | app=web");
    check("apps", "statefulsets",
          META("StatefulSet", "apps/v1") ",\"spec\":{\"replicas\":2," TEMPLATE "},\"status\":"
                                         "{\"readyReplicas\":1}}",
          "x | 1/2 | 3d | c,d | nginx,busybox");
    check("apps", "daemonsets",
          META("DaemonSet", "apps/v1") ",\"spec\":{" SELECTOR "," TEMPLATE "},\"status\":"
                                       "{\"desiredNumberScheduled\":5,\"currentNumberScheduled\":4,"
                                       "\"numberReady\":3,\"updatedNumberScheduled\":2,"
                                       "\"numberAvailable\":1}}",
          "x | 5 | 4 | 3 | 2 | 1 | <none> | 3d | c,d | nginx,busybox | app=web");
    check("", "replicationcontrollers",
          META("ReplicationController",
               "v1") ",\"spec\":{\"replicas\":1,\"selector\":{\"a\":\"b\"}," TEMPLATE "}}",
          "x | 1 | 0 | 0 | 3d | c,d | nginx,busybox | a=b");
    check(
        "apps", "controllerrevisions",
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"ControllerRevision\",\"metadata\":{\"name\":\"r\","
        "\"creationTimestamp\":\"<ago 259200>\",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
        "\"kind\":\"DaemonSet\",\"name\":\"ds\",\"uid\":\"u\",\"controller\":true}]},"
        "\"revision\":4}",
        "r | daemonset.apps/ds | 4 | 3d");
}

TEST(cells, jobs_show_how_far_they_are)
{
    check("batch", "jobs",
          META("Job", "batch/v1") ",\"spec\":{\"completions\":4," SELECTOR "," TEMPLATE "},"
                                  "\"status\":{\"succeeded\":4,\"startTime\":"
                                  "\"2024-01-01T00:00:00Z\",\"completionTime\":"
                                  "\"2024-01-01T00:03:10Z\",\"conditions\":[{\"type\":\"Complete\","
                                  "\"status\":\"True\"}]}}",
          "x | Complete | 4/4 | 3m10s | 3d | c,d | nginx,busybox | app=web");
    check("batch", "jobs", META("Job", "batch/v1") ",\"spec\":{\"parallelism\":3}}",
          "x | Running | 0/1 of 3 |  | 3d |  |  | <none>");
    check("batch", "cronjobs",
          META("CronJob", "batch/v1") ",\"spec\":{\"schedule\":\"* * * * *\",\"suspend\":true,"
                                      "\"jobTemplate\":{\"spec\":{" TEMPLATE "}}},\"status\":"
                                      "{\"active\":[{}],\"lastScheduleTime\":\"<ago 18000>\"}}",
          "x | * * * * * | <none> | True | 1 | 5h | 3d | c,d | nginx,busybox | <none>");
    check("batch", "cronjobs", META("CronJob", "batch/v1") ",\"spec\":{\"timeZone\":\"UTC\"}}",
          "x |  | UTC | False | 0 | <none> | 3d |  |  | <none>");
}

TEST(cells, selectors_are_worded_as_queries)
{
    check("networking.k8s.io", "networkpolicies",
          META("NetworkPolicy",
               "networking.k8s.io/v1") ",\"spec\":{\"podSelector\":"
                                       "{\"matchLabels\":{\"b\":\"2\"},\"matchExpressions\":[{"
                                       "\"key\":\"a\",\"operator\":"
                                       "\"In\",\"values\":[\"y\",\"x\"]},{\"key\":\"d\","
                                       "\"operator\":\"DoesNotExist\"},"
                                       "{\"key\":\"c\",\"operator\":\"NotIn\",\"values\":[\"z\"]},{"
                                       "\"key\":\"e\","
                                       "\"operator\":\"Exists\"}]}}}",
          "x | a in (x,y),b=2,c notin (z),!d,e | 3d");
    check("networking.k8s.io", "networkpolicies",
          META("NetworkPolicy", "networking.k8s.io/v1") ",\"spec\":{\"podSelector\":{}}}",
          "x | <none> | 3d");
}

TEST(cells, ingresses_show_hosts_and_address)
{
    check("networking.k8s.io", "ingresses",
          META("Ingress", "networking.k8s.io/v1") ",\"spec\":{\"ingressClassName\":\"nginx\","
                                                  "\"tls\":[{}],\"rules\":[{\"host\":\"a\"},{"
                                                  "\"host\":\"b\"},{\"host\":\"c\"},"
                                                  "{\"host\":\"d\"}]},\"status\":{\"loadBalancer\":"
                                                  "{\"ingress\":[{\"ip\":\"1.2.3.4\"}]}}}",
          "x | nginx | a,b,c + 1 more... | 1.2.3.4 | 80, 443 | 3d");
    check("networking.k8s.io", "ingresses", META("Ingress", "networking.k8s.io/v1") "}",
          "x | <none> | * |  | 80 | 3d");
    check("networking.k8s.io", "ingressclasses",
          META("IngressClass", "networking.k8s.io/v1") ",\"spec\":{\"controller\":\"k/c\","
                                                       "\"parameters\":{\"apiGroup\":\"k8s."
                                                       "example\",\"kind\":\"P\",\"name\":\"n\"}}}",
          "x | k/c | P.k8s.example/n | 3d");
}

TEST(cells, events_of_both_groups_show_the_same)
{
    check("", "events",
          META("Event", "v1") ",\"type\":\"Warning\",\"reason\":\"Failed\",\"message\":\" no \","
                              "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\",\"fieldPath\":"
                              "\"spec.x\"},\"source\":{\"component\":\"kubelet\",\"host\":\"n\"},"
                              "\"count\":3,\"firstTimestamp\":\"<ago 259200>\",\"lastTimestamp\":"
                              "\"<ago 18000>\"}",
          "5h | Warning | Failed | pod/p | spec.x | kubelet, n | no | 3d | 3 | x");
    check(
        "events.k8s.io", "events",
        META("Event", "events.k8s.io/v1") ",\"type\":\"Normal\",\"reason\":\"Ok\",\"note\":\"yes\","
                                          "\"regarding\":{\"kind\":\"Node\",\"name\":\"n\"},"
                                          "\"reportingController\":\"c\",\"reportingInstance\":"
                                          "\"i\",\"eventTime\":\"<ago 18000>\"}",
        "5h | Normal | Ok | node/n |  | c, i | yes | 5h | 1 | x");
}

TEST(cells, the_rest_shows_its_main_fields)
{
    check("coordination.k8s.io", "leases",
          META("Lease", "coordination.k8s.io/v1") ",\"spec\":{\"holderIdentity\":\"me\"}}",
          "x | me | 3d");
    check("coordination.k8s.io", "leases", META("Lease", "coordination.k8s.io/v1") "}",
          "x |  | 3d");
    check(
        "policy", "poddisruptionbudgets",
        META("PodDisruptionBudget", "policy/v1") ",\"spec\":{\"minAvailable\":\"50%\"},\"status\":"
                                                 "{\"disruptionsAllowed\":2}}",
        "x | 50% | N/A | 2 | 3d");
    check("policy", "poddisruptionbudgets",
          META("PodDisruptionBudget", "policy/v1") ",\"spec\":{\"maxUnavailable\":1}}",
          "x | N/A | 1 | 0 | 3d");
    check("rbac.authorization.k8s.io", "rolebindings",
          META("RoleBinding",
               "rbac.authorization.k8s.io/v1") ",\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},"
                                               "\"subjects\":[{\"kind\":\"User\","
                                               "\"name\":\"a\"},{\"kind\":\"User\",\"name\":\"b\"},"
                                               "{\"kind\":\"Group\",\"name\":\"g\"},"
                                               "{\"kind\":\"ServiceAccount\",\"namespace\":\"n\","
                                               "\"name\":\"s\"}]}",
          "x | Role/r | 3d | a, b | g | n/s");
    check("scheduling.k8s.io", "priorityclasses",
          META("PriorityClass", "scheduling.k8s.io/v1") ",\"value\":1000,\"globalDefault\":true}",
          "x | 1000 | true | 3d");
}

TEST(cells, every_kind_survives_an_object_that_says_nothing_or_nonsense)
{
    static const char *const objects[] = {
        "{\"apiVersion\":\"v\",\"kind\":\"k\",\"metadata\":{\"name\":\"x\"}}",
        "{\"apiVersion\":\"v\",\"kind\":\"k\",\"metadata\":{\"name\":\"x\"},\"spec\":[1],"
        "\"status\":\"s\",\"data\":7,\"subsets\":{\"a\":1},\"subjects\":[null,2],\"template\":"
        "true}",
        "{\"apiVersion\":\"v\",\"kind\":\"k\",\"metadata\":{\"name\":\"x\"},\"spec\":{\"selector\":"
        "[3],\"ports\":[1],\"containers\":[null],\"replicas\":\"y\",\"rules\":[0]},\"status\":"
        "{\"conditions\":[1,null,\"x\"],\"containerStatuses\":[4],\"hard\":[1]}}",
    };
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);
    struct view view = {.shape = VIEW_TABLE};

    for (size_t i = 0; i < count * ARRAY_LEN(objects); i++) {
        const struct kind *kind = kinds[i / ARRAY_LEN(objects)];
        struct object *object = object_from(kind, objects[i % ARRAY_LEN(objects)]);
        struct buf table = {0}, cells = {0};

        view_write_object(&table, kind, view, object, 0);
        append_cells(&cells, buf_bytes(&table));
        buf_release(&cells);
        buf_release(&table);
        object_unref(object);
    }
}
