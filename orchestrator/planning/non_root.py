"""`runAsNonRoot`: what would run as root is not made, for the kubelet's reasons (verifyRunAsNonRoot)."""

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.security import SecurityContext
from orchestrator.planning.errors import ConfigError


def check_non_root(pod: Pod, container: Container, image_user: str) -> None:
    """ConfigError for a container that must not be root's and is, or of which that cannot be known.

    `image_user` is what the image names ("", "app", "1000:1000"); it counts where the spec has no runAsUser.  A name
    says nothing: which number it has is written in the image's own /etc/passwd.
    """
    whole, own = pod.spec.security_context, container.security_context or SecurityContext()
    if not (own.run_as_non_root if own.run_as_non_root is not None else whole.run_as_non_root):
        return
    meta = pod.metadata
    where = f'(pod: "{meta.name}_{meta.namespace}({meta.uid})", container: {container.name})'
    user = own.run_as_user if own.run_as_user is not None else whole.run_as_user
    if user == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    if user is not None:
        return
    name = image_user.partition(":")[0]
    if name.isdecimal() and int(name) > 0:
        return
    if name and not name.isdecimal():
        text = f"image has non-numeric user ({name}), cannot verify user is non-root"
        raise ConfigError(f"container has runAsNonRoot and {text} {where}")
    raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
