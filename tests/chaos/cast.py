"""Who plays in the story: documents of its pods, and of what is about them."""

from pathlib import Path

from orchestrator.objects.annotations import RESTART_ON_CHANGE
from tests.e2e.notes import sh
from tests.e2e.pods import FOR_EVER, Document, config_map, container, pod

WITNESS, SUBJECT, PATIENT, BRIEF = "witness", "subject", "patient", "brief"
ASIDE = "aside"
"""The namespace of `brief`, which is alone in it."""
WELL = "/srv/well"
"""The file that the patient's liveness probe asks for; each container makes its own."""


def note(word: str) -> str:
    """A script that writes a word in the diary."""
    return f"echo {word} >> /diary/words"


def witness() -> Document:
    """Nothing may ever touch it."""
    return pod(WITNESS, "exec sleep 100000")


def around() -> list[Document]:
    """What is about the subject, and goes with it."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SUBJECT},
        "spec": {"selector": {"app": SUBJECT}, "ports": [{"port": 80}]},
    }
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": SUBJECT},
        "spec": {"podSelector": {"matchLabels": {"app": SUBJECT}}, "ingress": [{"ports": [{"port": 80}]}]},
    }
    return [service, policy]


def config(level: str) -> list[Document]:
    """The subject's Secret, and the patient's ConfigMap."""
    meta = {"name": SUBJECT}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"key": "value"}}
    return [secret, config_map(PATIENT, level=level)]


def subject(diary: Path, version: str, alias: str) -> Document:
    """A pod with a bit of everything; `version` is its main container's own, `alias` the pod's."""
    mounts = [{"name": "diary", "mountPath": "/diary"}, {"name": "secret", "mountPath": "/secret"}]
    part = {"name": "scratch", "mountPath": "/part", "subPath": "made/here"}
    main = container(
        f"{note('start main $VERSION ' + alias)}; {FOR_EVER}",
        env=[{"name": "VERSION", "value": version}],
        lifecycle={"postStart": sh(note("postStart main")), "preStop": sh(note("preStop main"))},
        readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 1},
        volumeMounts=[*mounts, part],
    )
    init = container(note("start init"), "init", volumeMounts=mounts)
    sidecar = container(f"{note('start sidecar')}; {FOR_EVER}", "sidecar", restartPolicy="Always", volumeMounts=mounts)
    return pod(
        SUBJECT,
        main,
        labels={"app": SUBJECT},
        terminationGracePeriodSeconds=30,
        hostAliases=[{"ip": "127.0.0.9", "hostnames": [alias]}],
        initContainers=[init, sidecar],
        volumes=[
            _diary(diary),
            {"name": "secret", "secret": {"secretName": SUBJECT}},
            {"name": "scratch", "emptyDir": {}},
        ],
    )


def patient(diary: Path, image: str) -> Document:
    """A pod that things happen to: it asks for its image before each start, and restarts when its config changes."""
    level = {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": PATIENT, "key": "level"}}}
    mounts = [{"name": "diary", "mountPath": "/diary"}, {"name": "scratch", "mountPath": "/scratch"}]
    # No command: one that begins as the container is frozen hangs, and with it all that the engine does there.
    asks = {"httpGet": {"path": "/well", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 10}
    main = container(
        f"mkdir -p /srv; touch {WELL}; httpd -p 8080 -h /srv; {note('patient start $LEVEL')}; {FOR_EVER}",
        image=image,
        imagePullPolicy="Always" if image != "IMAGE" else "IfNotPresent",
        env=[level],
        startupProbe={**asks, "failureThreshold": 60},
        livenessProbe={**asks, "failureThreshold": 1},
        volumeMounts=mounts,
    )
    scratch = {"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}
    made = pod(PATIENT, main, terminationGracePeriodSeconds=30, volumes=[_diary(diary), scratch])
    made["metadata"]["annotations"] = {RESTART_ON_CHANGE: "config"}
    return made


def brief(diary: Path, **spec: object) -> Document:
    """A pod of another namespace, which passes its deadline when it is given one."""
    script = f"{note('brief start')}; trap '{note('brief term')}; exit 0' TERM; while :; do sleep 1000 & wait; done"
    main = container(script, volumeMounts=[{"name": "diary", "mountPath": "/diary"}])
    made = pod(BRIEF, main, **{"terminationGracePeriodSeconds": 30, "volumes": [_diary(diary)], **spec})
    made["metadata"]["namespace"] = ASIDE
    return made


def _diary(folder: Path) -> Document:
    return {"name": "diary", "hostPath": {"path": str(folder)}}
