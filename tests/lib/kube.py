"""A real kube-apiserver with its etcd, where tests/interop/kube_apiserver.sh has made them or KUBE_APISERVER and ETCD name
them: what our server is held against, and our clients too.

    paths = kube.find()          # None: there is none here
    with kube.KubeApiserver(*paths) as real: real.url, real.kubeconfig, real.client()
"""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from tidewatch import PATIENCE_S, Client

TOKEN, READER = "parity", "parity-reader"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ABSENT = "no kube-apiserver here (tests/interop/kube_apiserver.sh builds one, or set KUBE_APISERVER and ETCD)"


def find():
    """(kube-apiserver, etcd), or None. Builds nothing."""
    found = subprocess.run([os.path.join(ROOT, "tests", "interop", "kube_apiserver.sh"), "--find"], text=True, cwd=ROOT,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [line.split("=", 1)[1] for line in found.stdout.splitlines()] if found.returncode == 0 else None


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def write_tokens(path):
    """A token file with an administrator, and a reader who may do nothing yet. Returns its path."""
    with open(path, "w") as f:
        f.write(f'{TOKEN},admin,1,"system:masters"\n{READER},reader,2,readers\n')
    return path


class KubeApiserver:
    def __init__(self, apiserver, etcd, durable=False, flags=()):
        """`durable`: etcd waits for the disk, as it does unless tests are in a hurry."""
        self.folder = tempfile.mkdtemp(prefix="tidewatch-kube-")
        self.programs, self.processes, self.durable = (apiserver, etcd), [], durable
        self.flags = list(flags)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def certificates(self):
        """A CA, a certificate of the server, and one of an administrator."""
        new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self.openssl(*new, "-x509", "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt")
        with open(self.path("san"), "w") as f:
            f.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        for name, subject in (("server", "/CN=localhost"), ("admin", "/O=system:masters/CN=admin")):
            self.openssl(*new, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
            self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                         "-days", "2", "-extfile", "san", "-out", f"{name}.crt")
        self.openssl("genrsa", "-out", "sa.key", "2048")

    def spawn(self, *command):
        log = open(self.path(os.path.basename(command[0]) + ".log"), "wb")
        self.processes.append(subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log))
        log.close()

    def start(self):
        self.certificates()
        write_tokens(self.path("tokens"))
        self.port, etcd, peer = free_ports(3)
        began = time.monotonic()
        self.spawn(self.programs[1], f"--data-dir={self.path('etcd')}", f"--listen-client-urls=http://127.0.0.1:{etcd}",
                   f"--advertise-client-urls=http://127.0.0.1:{etcd}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
                   f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                   f"--initial-cluster=default=http://127.0.0.1:{peer}", "--log-level=error",
                   *([] if self.durable else ["--unsafe-no-fsync"]))
        self.spawn(self.programs[0], f"--etcd-servers=http://127.0.0.1:{etcd}", "--bind-address=127.0.0.1",
                   "--advertise-address=127.0.0.1", f"--secure-port={self.port}", "--service-cluster-ip-range=10.0.0.0/24",
                   "--endpoint-reconciler-type=none", "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount",
                   "--service-account-issuer=https://localhost", f"--service-account-key-file={self.path('sa.key')}",
                   f"--service-account-signing-key-file={self.path('sa.key')}", f"--client-ca-file={self.path('ca.crt')}",
                   f"--token-auth-file={self.path('tokens')}", f"--tls-cert-file={self.path('server.crt')}",
                   f"--tls-private-key-file={self.path('server.key')}", *self.flags)
        self.url = f"https://127.0.0.1:{self.port}"
        self.context = ssl.create_default_context(cafile=self.path("ca.crt"))
        self.kubeconfig = self.write_kubeconfig("kubeconfig", f"token: {TOKEN}")
        self.wait_until_ready()
        self.ready_s = time.monotonic() - began

    def write_kubeconfig(self, name, user):
        with open(self.path(name), "w") as f:
            f.write(f"""apiVersion: v1
kind: Config
clusters: [{{name: real, cluster: {{server: "{self.url}", certificate-authority: {self.path('ca.crt')}}}}}]
users: [{{name: admin, user: {{{user}}}}}]
contexts: [{{name: real, context: {{cluster: real, user: admin}}}}]
current-context: real
""")
        return self.path(name)

    def certificate_kubeconfig(self):
        """As the same administrator, by certificate in place of a token."""
        return self.write_kubeconfig("by-certificate",
                                     f"client-certificate: {self.path('admin.crt')}, client-key: {self.path('admin.key')}")

    def wait_until_ready(self):
        client, deadline = self.client(), time.monotonic() + 3 * PATIENCE_S
        while True:
            for process in self.processes:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"{process.args[0]} did not start:\n{self.read_log()}")
            try:
                if client.get("/readyz").code == 200 and client.get("/api/v1/namespaces/default").code == 200:
                    return client.close()
            except OSError:
                pass
            time.sleep(0.02)    # no event says that a process of others listens

    def read_log(self):
        text = ""
        for process in self.processes:
            with open(self.path(os.path.basename(process.args[0]) + ".log"), errors="replace") as f:
                text += f.read()[-3000:]
        return text

    def client(self, token=TOKEN):
        return Client(self.port, self.context, {"Authorization": f"Bearer {token}"} if token else {})

    @property
    def pids(self):
        return [process.pid for process in self.processes]

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()
