"""Names of images (I01): the table is distribution/reference's own, and Kubernetes'."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.objects.image_reference import check_image, parse_reference

SHA = "sha256:" + "0123456789abcdef" * 4
HUB = "docker.io"


@pytest.mark.parametrize(
    ("text", "host", "path", "tag", "digest"),
    [
        ("nginx", HUB, "library/nginx", "", ""),
        ("nginx:1.27", HUB, "library/nginx", "1.27", ""),
        ("docker.io/nginx", HUB, "library/nginx", "", ""),
        ("index.docker.io/library/nginx:1", HUB, "library/nginx", "1", ""),
        ("team/app", HUB, "team/app", "", ""),
        ("team/sub/app:v1", HUB, "team/sub/app", "v1", ""),
        ("localhost/app", "localhost", "app", "", ""),
        ("localhost:5000/app", "localhost:5000", "app", "", ""),
        ("127.0.0.1:5000/a/b/c/d:v1", "127.0.0.1:5000", "a/b/c/d", "v1", ""),
        ("[::1]:5000/app:v1", "[::1]:5000", "app", "v1", ""),
        ("registry.example/app", "registry.example", "app", "", ""),
        ("Registry/app", "Registry", "app", "", ""),
        (f"registry.example/app@{SHA}", "registry.example", "app", "", SHA),
        (f"registry.example:443/a_b/c__d/e--f:v1.2@{SHA}", "registry.example:443", "a_b/c__d/e--f", "v1.2", SHA),
        ("a:5000", HUB, "library/a", "5000", ""),
        ("app:" + "t" * 128, HUB, "library/app", "t" * 128, ""),
        ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", ""),
    ],
)
def test_I01_a_name_has_host_path_tag_and_digest(text: str, host: str, path: str, tag: str, digest: str) -> None:
    found = parse_reference(text)
    assert (found.host, found.path, found.tag, found.digest) == (host, path, tag, digest)
    assert parse_reference(str(found)) == parse_reference(str(parse_reference(str(found))))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid reference format"),
        (":latest", "invalid reference format"),
        ("nginx::1", "invalid reference format"),
        ("nginx:", "invalid reference format"),
        ("nginx@sha256:short", "invalid reference format"),
        ("host//app", "invalid reference format"),
        ("host.example/", "invalid reference format"),
        ("-host.example/app", "invalid reference format"),
        ("app_", "invalid reference format"),
        ("a..b", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("app:" + "t" * 129, "invalid reference format"),
        ("app:-tag", "invalid reference format"),
        ("ngin x", "invalid reference format"),
        ("nginx\n", "invalid reference format"),
        ("https://registry.example/app", "invalid reference format"),
        ("[fe80::1%eth0]:5000/app", "invalid reference format"),
        ("Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase"),
        ("registry.example/Team/App:1", "invalid reference format: repository name (Team/App) must be lowercase"),
        (f"app@sha256:{'a' * 63}", "invalid checksum digest length"),
        (f"app@sha512:{'a' * 64}", "invalid checksum digest length"),
        (f"app@md5:{'a' * 32}", "unsupported digest algorithm"),
        ("h.example/" + "a/" * 128 + "a", "repository name must not be more than 255 characters"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_I01_what_is_no_name_is_told_in_the_engines_words(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as told:
        parse_reference(text)
    assert str(told.value) == why
    assert check_image(text) != []


@pytest.mark.parametrize(
    ("text", "latest"),
    [("app", True), ("h:1/app", True), ("app:latest", True), ("app:1", False), (f"app:latest@{SHA}", False)],
)
def test_I01_latest_is_what_has_no_other_tag_and_no_digest(text: str, latest: bool) -> None:
    assert parse_reference(text).is_latest is latest


@given(st.text(alphabet="abAZ01._-/:@[]% \n", max_size=40))
def test_I01_whatever_is_read_is_read_the_same_again_in_full(text: str) -> None:
    try:
        found = parse_reference(text)
    except ValueError:
        return
    again = parse_reference(str(found))
    assert (again.repository, again.digest) == (found.repository, found.digest)
    assert again.tag == (found.tag or ("" if found.digest else "latest"))
