"""What `kubectl kustomize` prints, for what our overlays use of it; anything else is an error."""

import copy
import hashlib
import json
import re
from pathlib import Path

import yaml

KNOWN = {
    "apiVersion", "kind", "namespace", "resources", "configMapGenerator", "images", "replicas", "patches",
}  # fmt: skip
CLUSTER_WIDE = {"Namespace"}


def render(directory: Path) -> list[dict]:
    """Every object that an overlay makes."""
    told = yaml.safe_load((directory / "kustomization.yaml").read_text())
    assert told.keys() <= KNOWN, f"nobody knows here what {told.keys() - KNOWN} means"
    objects = []
    for resource in told["resources"]:
        place = (directory / resource).resolve()
        if place.is_dir():
            objects += render(place)
        else:
            objects += [found for found in yaml.safe_load_all(place.read_text()) if found]
    renamed = {}
    for generated in told.get("configMapGenerator", []):
        config_map = _config_map(directory, generated)
        renamed[generated["name"]] = config_map["metadata"]["name"]
        objects.append(config_map)
    for patch in told.get("patches", []):
        _patch(objects, patch)
    for found in objects:
        if found["kind"] not in CLUSTER_WIDE:
            found["metadata"]["namespace"] = told["namespace"]
        _count(found, told.get("replicas", []))
        for pod in _pods(found):
            _name(pod, told.get("images", []), renamed)
    return objects


def _config_map(directory: Path, generated: dict) -> dict:
    """A config map, whose name changes with what it holds."""
    assert generated.keys() == {"name", "files"}, generated
    data = {file: (directory / file).read_text() for file in generated["files"]}
    named = {"data": data, "kind": "ConfigMap", "name": ""}
    text = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    name = f"{generated['name']}-{digest.translate(str.maketrans('013ae', 'ghkmt'))}"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _patch(objects: list[dict], patch: dict) -> None:
    """Follows a list of operations on every object that is meant; there must be one."""
    assert patch.keys() == {"target", "patch"} and patch["target"].keys() == {"kind", "name"}, patch
    target = patch["target"]
    meant = [
        found
        for found in objects
        if re.fullmatch(target["kind"], found["kind"]) and re.fullmatch(target["name"], found["metadata"]["name"])
    ]
    assert meant, f"nothing is meant by {target}"
    for found in meant:
        for operation in yaml.safe_load(patch["patch"]):
            _operate(found, **operation)


def _operate(found, op: str, path: str, value) -> None:
    *way, last = path.strip("/").split("/")
    for step in way:
        found = found[int(step)] if isinstance(found, list) else found[step]
    value = copy.deepcopy(value)
    if isinstance(found, list) and op == "add" and last == "-":
        found.append(value)
    elif op == "replace":
        key = int(last) if isinstance(found, list) else last
        assert key in (range(len(found)) if isinstance(found, list) else found), f"{path} is not there"
        found[key] = value
    else:
        raise AssertionError(f"nobody knows here how to {op} {path}")


def _count(found: dict, replicas: list[dict]) -> None:
    for wanted in replicas:
        if found["kind"] in ("Deployment", "StatefulSet") and found["metadata"]["name"] == wanted["name"]:
            found["spec"]["replicas"] = wanted["count"]


def _pods(found: dict) -> list[dict]:
    return [found["spec"]["template"]["spec"]] if found["kind"] in ("Deployment", "StatefulSet") else []


def _name(pod: dict, images: list[dict], config_maps: dict[str, str]) -> None:
    """Has a pod use images and config maps by the names that they were given."""
    for container in pod["containers"]:
        for image in images:
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    for volume in pod.get("volumes", []):
        if "configMap" in volume:
            name = volume["configMap"]["name"]
            volume["configMap"]["name"] = config_maps.get(name, name)
