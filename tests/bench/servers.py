"""The servers that are measured: ours, the bare one, and the peers that are installed.

Each is a context manager with the port, the processes whose CPU and memory count, and the flags by
which the load tools speak to it. A peer that is not installed is left out, and said to be.
"""
import os
import shutil
import socket
import subprocess
import tempfile
import time

import kube
from tidewatch import BUILD, Server

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def program(name):
    """Its path, or None. Debian has some of them where only root looks."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Process:
    """A program of a peer, with a folder of its own; ready when its port answers."""
    name = target = None
    asks = {}

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-bench-")
        self.port = free_port()

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        command = self.command()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{' '.join(command)} did not start") from None
                time.sleep(0.01)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pids(self):
        """It and its children: nginx works in those."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                todo += [int(child) for child in f.read().split()]
        return found


class Tidewatch(Server):
    """Without a bound on writes in flight: a row has 1,000 writers, and so have the peers."""
    name, target, asks = "tidewatch", "kube", {}

    def __init__(self, flags=(), threads=2):
        super().__init__(threads=threads, flags=[
            *flags, "--max-mutating-requests-inflight=0", "--max-requests-inflight=0"])

    @property
    def pids(self):
        return [self.process.pid]


def certificate(folder):
    """Makes a key and a certificate of its own; returns their files."""
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return key, cert


class TidewatchTls(Tidewatch):
    """With a second listener, which is the one that is measured."""

    def __init__(self, flags=()):
        self.certs = tempfile.mkdtemp(prefix="tidewatch-bench-")
        key, cert = certificate(self.certs)
        tls_port = free_port()
        self.asks = {"port": tls_port, "tls": 1}
        super().__init__(flags=[*flags, f"--listen=https://127.0.0.1:{tls_port}",
                                f"--tls-cert-file={cert}", f"--tls-private-key-file={key}"])

    def close(self):
        super().close()
        shutil.rmtree(self.certs, ignore_errors=True)


class Bare(Process):
    """bareserver.c: what the kernel alone costs."""
    name, target, asks = "bare", "raw", {"size": 1000}

    def command(self):
        return [os.path.join(BUILD, "tests", "bareserver"), str(self.port)]


class Nginx(Process):
    """A static file, and nchan where its module is there."""
    name, target = "nginx", "raw"
    asks = {"kind": "chunked", "size": 1000}
    tls = ""
    module = "/usr/lib/nginx/modules/ngx_nchan_module.so"

    def command(self):
        with open(os.path.join(self.folder, "object"), "w") as f:
            f.write('{"k":"' + "x" * 1008 + '"}\n')
        nchan = os.path.exists(self.module)
        with open(os.path.join(self.folder, "conf"), "w") as f:
            f.write(f"{'load_module ' + self.module + ';' if nchan else ''}"
                    f"daemon off; worker_processes 1; pid {self.folder}/pid; user {user()};"
                    f"worker_rlimit_nofile 100000; error_log {self.folder}/error crit;"
                    "events { worker_connections 60000; }"
                    "http { access_log off; open_file_cache max=10; keepalive_requests 100000000;"
                    f"client_body_temp_path {self.folder}/a; proxy_temp_path {self.folder}/b;"
                    f"fastcgi_temp_path {self.folder}/c; uwsgi_temp_path {self.folder}/d;"
                    f"scgi_temp_path {self.folder}/e; default_type application/json;"
                    f"server {{ listen 127.0.0.1:{self.port} {'ssl' if self.tls else ''} backlog=16384;"
                    f"{self.tls} root {self.folder};"
                    + ("location = /sub { nchan_subscriber; nchan_channel_id bench;"
                       " nchan_subscriber_first_message newest; }"
                       "location = /pub { nchan_publisher; nchan_channel_id bench;"
                       " nchan_message_buffer_length 1; }" if nchan else "") + "} }")
        return [program("nginx"), "-c", os.path.join(self.folder, "conf")]

    def __enter__(self):
        super().__enter__()
        while len(self.pids) < 2:  # it listens before its worker is there
            time.sleep(0.01)
        return self


class NginxTls(Nginx):
    asks = {**Nginx.asks, "tls": 1}

    def command(self):
        key, cert = certificate(self.folder)
        self.tls = f"ssl_certificate {cert}; ssl_certificate_key {key};"
        return super().command()


class Nats(Process):
    name, target, asks = "nats", "nats", {"size": 1000}

    def command(self):
        return [program("nats-server"), "-a", "127.0.0.1", "-p", str(self.port)]


class Etcd(Process):
    name, target, asks = "etcd", "etcd", {"size": 1000}

    def command(self):
        client, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}"
        return [program("etcd"), "--data-dir", self.folder + "/data", "--log-level", "error",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"default={peer}"]


class KubeApiserver(kube.KubeApiserver):
    """With its etcd, which waits for the disk. Everybody may do everything, and nobody is told to wait: what is
    measured is the work, not who may ask for it. A watch says who it is, though: over HTTP/2 an anonymous request is
    answered with a GOAWAY (UnauthenticatedHTTP2DOSMitigation), and the streams behind it are closed."""
    name, target = "kube-apiserver", "kube"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "bench"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}]}

    def __init__(self):
        super().__init__(*kube.find(), durable=True, flags=[
            "--enable-priority-and-fairness=false", "--max-requests-inflight=0", "--max-mutating-requests-inflight=0"])
        self.asks = {"tls": 1, "token": kube.TOKEN}
        client = self.client()
        if client.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", self.role).code != 201:
            raise SystemExit("kube-apiserver lets nobody in")
        client.close()

    def rss_kib(self):
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/status") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        return total


def user():
    return "root" if os.getuid() == 0 else os.environ.get("USER", "nobody")


def missing():
    """Names of the peers that cannot be measured here, and how to get each."""
    lacks = [(name, how) for name, how in (("nginx", "Debian: nginx-light"), ("etcd", "Debian: etcd-server"),
                                               ("nats-server", "Debian: nats-server"))
             if program(name) is None]
    if program("nginx") and not os.path.exists(Nginx.module):
        lacks.append(("nchan", "Debian: libnginx-mod-nchan"))
    if kube.find() is None:
        lacks.append(("kube-apiserver", "./dev kube builds it"))
    return lacks


def installed(*peers):
    """Those of the classes that can be measured here."""
    needs = {Nginx: "nginx", NginxTls: "nginx", Nats: "nats-server", Etcd: "etcd"}
    return [p for p in peers if (program(needs[p]) if p in needs else p is not KubeApiserver or kube.find())]
