"""Many realistic documents for figures about reading specs: the same ones on every machine and in every run."""

from pathlib import Path

_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web-{number}
  labels:
    app.kubernetes.io/name: web
    app.kubernetes.io/instance: "web-{number}"
spec:
  terminationGracePeriodSeconds: 20
  containers:
  - name: web  # the site itself
    image: registry.example/web:1.{number}.0
    args: ["--listen", ":8080", "--name", "web-{number}"]
    ports:
    - {{name: http, containerPort: 8080}}
    env:
    - name: LEVEL
      value: "info"
    - name: TITLE
      valueFrom:
        configMapKeyRef: {{name: settings-{number}, key: title}}
    resources:
      requests: {{cpu: 100m, memory: 64Mi}}
      limits: {{memory: 128Mi}}
    readinessProbe:
      httpGet: {{path: /ready, port: http}}
      periodSeconds: 5
    livenessProbe:
      httpGet:
        path: /alive
        port: 8080
        httpHeaders:
        - name: X-Probe
          value: alive
      failureThreshold: 5
    volumeMounts:
    - name: settings
      mountPath: /etc/web
  volumes:
  - name: settings
    configMap:
      name: settings-{number}
"""
_CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-{number}
  labels: {{app.kubernetes.io/name: web}}
data:
  title: "Site {number}"
  web.conf: |
    # how the site answers
    listen 8080
    root /srv/web-{number}
    workers 4
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web-{number}
spec:
  selector:
    app.kubernetes.io/instance: web-{number}
  ports:
  - name: http
    port: 80
    targetPort: http
"""
_KINDS = (_POD, _CONFIG_MAP, _POD, _SERVICE)
_IN_A_FILE = 10


def document(number: int) -> str:
    """Give one document: every other is a Pod with probes, the rest are ConfigMaps and Services."""
    return _KINDS[number % len(_KINDS)].format(number=number)


def write_documents(folder: Path, count: int) -> None:
    """Write so many documents, ten a file."""
    texts = [document(number) for number in range(count)]
    for start in range(0, count, _IN_A_FILE):
        text = "---\n".join(texts[start : start + _IN_A_FILE])
        folder.joinpath(f"{start:06}.yaml").write_text(text, encoding="utf-8")
