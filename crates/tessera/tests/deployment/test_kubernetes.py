"""Both overlays are valid by Kubernetes' own schemas, and mean what they should."""

import functools
import ipaddress
import json
import os
import re
import subprocess

import house
import kubernetes_validate
import kustomize
import pytest
import redis_script
import tomllib
from house import ROOT

OVERLAYS = ["demo", "production"]
ROLES = ["gateway", "generation", "quota"]
WORKLOADS = ("Deployment", "StatefulSet")
CERTIFICATE = ["ca.crt", "tls.crt", "tls.key"]

# The oldest Kubernetes that the README names, and the newest with a schema here.
VERSIONS = ["1.32", kubernetes_validate.latest_version()]


@functools.cache
def overlay(name: str) -> list[dict]:
    return kustomize.render(ROOT / "deploy/kubernetes/overlays" / name)


def of_kind(name: str, *kinds: str) -> list[dict]:
    return [found for found in overlay(name) if found["kind"] in kinds]


def one(name: str, kind: str, called: str) -> dict:
    [found] = [found for found in of_kind(name, kind) if found["metadata"]["name"] == called]
    return found


def workload(name: str, role: str) -> dict:
    [found] = [found for found in of_kind(name, *WORKLOADS) if found["metadata"]["name"] == role]
    return found


def pod(found: dict) -> dict:
    return found["spec"]["template"]["spec"]


def container(found: dict) -> dict:
    [only] = pod(found)["containers"]
    return only


def mounted(name: str, role: str, volume: str) -> str:
    [path] = [mount["mountPath"] for mount in container(workload(name, role))["volumeMounts"] if mount["name"] == volume]
    return path


def in_force(name: str, role: str, tmp_path) -> dict:
    """A role's configuration, from the config map that its pods mount."""
    found = workload(name, role)
    [volume] = [volume for volume in pod(found)["volumes"] if volume["name"] == "config"]
    file = tmp_path / "tessera.toml"
    file.write_text(one(name, "ConfigMap", volume["configMap"]["name"])["data"]["tessera.toml"])
    environment = {variable["name"]: variable["value"] for variable in container(found)["env"]}
    assert environment["TESSERA_CONFIG"] == f"{mounted(name, role, 'config')}/tessera.toml"
    return house.configuration(role, file, environment)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_the_schemas_are_met(name, version):
    for found in overlay(name):
        if found["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_refuse_what_they_do_not_know(version):
    found = workload("demo", "gateway")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**found, "spec": {**found["spec"], "replica": 2}}, version, strict=True)


def test_the_service_monitor_finds_the_metrics_of_every_role():
    """Its schema is not Kubernetes' own: these are the fields that it has, as far as they are used."""
    [monitor] = of_kind("production", "ServiceMonitor")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["spec"].keys() <= {"selector", "endpoints", "targetLabels", "jobLabel", "namespaceSelector"}
    for endpoint in monitor["spec"]["endpoints"]:
        assert endpoint.keys() <= {"port", "path", "interval", "scrapeTimeout", "scheme"}
        assert endpoint["path"] == "/metrics"
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    found = [service for service in of_kind("production", "Service") if wanted <= service["metadata"].get("labels", {}).items()]
    assert sorted(service["metadata"]["name"] for service in found) == ROLES
    for service in found:
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_keep_to_the_restricted_standard(name):
    [namespace] = of_kind(name, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for found in of_kind(name, *WORKLOADS):
        security = pod(found)["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] != 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod(found)["automountServiceAccountToken"] is False
        account = one(name, "ServiceAccount", pod(found)["serviceAccountName"])
        assert account["automountServiceAccountToken"] is False
        of_container = container(found)["securityContext"]
        assert of_container["allowPrivilegeEscalation"] is False
        assert of_container["readOnlyRootFilesystem"] is True
        assert of_container["capabilities"] == {"drop": ["ALL"]}
        assert {"requests", "limits"} <= container(found)["resources"].keys()
        assert re.search(r":[^:/]+$", container(found)["image"]), "its version is left open"
        if found["metadata"]["name"] != "redis":
            # Else an image with the tag `latest` that was loaded into the nodes would be looked for elsewhere.
            assert container(found)["imagePullPolicy"] == "IfNotPresent"
    assert not container(workload("production", "quota"))["image"].endswith(":latest")


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_name_leads_somewhere(name):
    for found in of_kind(name, *WORKLOADS):
        labels = found["spec"]["template"]["metadata"]["labels"].items()
        assert found["spec"]["selector"]["matchLabels"].items() <= labels
        volumes = {volume["name"]: volume for volume in pod(found).get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in found["spec"].get("volumeClaimTemplates", [])}
        mounted = {mount["name"] for mount in container(found).get("volumeMounts", [])}
        assert mounted == volumes.keys() | claims
        for volume in volumes.values():
            if "configMap" in volume:
                one(name, "ConfigMap", volume["configMap"]["name"])
        if found["kind"] == "StatefulSet":
            one(name, "Service", found["spec"]["serviceName"])
    for service in of_kind(name, "Service"):
        [behind] = [
            found
            for found in of_kind(name, *WORKLOADS)
            if service["spec"]["selector"].items() <= found["spec"]["template"]["metadata"]["labels"].items()
        ]
        ports = {port["name"]: port["containerPort"] for port in container(behind)["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    for scaler in of_kind(name, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        scaled = one(name, target["kind"], target["name"])
        assert "replicas" not in scaled["spec"], "it would be scaled back whenever it is applied"
    guarded = {budget["metadata"]["name"] for budget in of_kind(name, "PodDisruptionBudget")}
    assert guarded == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OVERLAYS)
def test_a_role_listens_where_it_is_looked_for_and_is_probed(name, role, tmp_path):
    told, found = in_force(name, role, tmp_path), container(workload(name, role))
    assert found["args"] == [role]
    ports = {port["name"]: port["containerPort"] for port in found["ports"]}
    assert house.port(told[role]["listen"]) in ports.values()
    assert house.port(told["operations"]["listen"]) == ports["operations"]
    for probe, path in [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]:
        assert found[probe]["httpGet"] == {"path": path, "port": "operations"}
    for key, url in told[role].items():
        if key.endswith("_url"):
            service = one(name, "Service", house.host(url))
            assert service["spec"]["clusterIP"] == "None", "gRPC balances over every pod"
            assert url.startswith("https://" if name == "production" else "http://")
            assert service["metadata"]["name"] in ROLES, "its certificate is for another name"
            assert house.port(url) in [port["port"] for port in service["spec"]["ports"]]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OVERLAYS)
def test_a_role_is_given_every_secret_that_its_configuration_names_and_no_other(name, role, tmp_path):
    given = set()
    for volume in pod(workload(name, role))["volumes"]:
        if "secret" in volume:
            own = volume["name"] == "tls"
            assert volume["secret"]["secretName"] == (f"tessera-tls-{role}" if own else "tessera-secrets")
            # Somebody makes all that is in a secret of its own for a role: see the certificates.
            paths = CERTIFICATE if own else [item["path"] for item in volume["secret"]["items"]]
            given |= {f"{mounted(name, role, volume['name'])}/{path}" for path in paths}
    assert house.secret_files(in_force(name, role, tmp_path)) == given


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OVERLAYS)
def test_pictures_in_flight_are_finished_before_a_pod_goes(name, role, tmp_path):
    deadline = in_force(name, "generation", tmp_path)["generation"]["deadline_seconds"]
    drain = in_force(name, role, tmp_path)["operations"]["drain_seconds"]
    grace = pod(workload(name, role))["terminationGracePeriodSeconds"]
    assert grace >= drain + (20 if role == "quota" else deadline + 15)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OVERLAYS)
def test_everybody_knows_that_a_pod_goes_before_it_takes_nothing_more(name, role, tmp_path):
    found = container(workload(name, role))
    assert "lifecycle" not in found, "it would say that it is ready for as long as that takes"
    probe = found["readinessProbe"]
    known = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert in_force(name, role, tmp_path)["operations"]["drain_seconds"] > known


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_quota_has_not_heard_outlives_a_pod(name, tmp_path):
    found = workload(name, "generation")
    assert found["kind"] == "StatefulSet"
    [state] = found["spec"]["volumeClaimTemplates"]
    [mount] = [mount for mount in container(found)["volumeMounts"] if mount["name"] == state["metadata"]["name"]]
    assert mount["mountPath"] == house.image()["TESSERA_DATA_DIR"]
    assert "outbox" not in in_force(name, "generation", tmp_path)["generation"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_nobody_may_reach_what_is_not_said_and_generation_alone_the_provider(name):
    assert one(name, "NetworkPolicy", "default-deny")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    outside = {}
    for policy in of_kind(name, "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            assert rule.get("to") and rule.get("ports"), f"{policy['metadata']['name']} may go anywhere"
            blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
            if blocks:
                outside.setdefault(policy["metadata"]["name"], []).append((blocks, rule["ports"]))
    if name == "demo":
        assert outside == {}
        return
    [(blocks, ports)] = outside.pop("generation")
    assert ports == [{"protocol": "TCP", "port": 443}]
    for hidden in ["169.254.169.254", "10.0.0.1", "172.20.0.1", "192.168.1.1", "fd00:ec2::254", "fe80::1"]:
        assert not reaches(blocks, hidden), hidden
    for public in ["142.250.186.74", "2a00:1450:4001:80e::200a"]:
        assert reaches(blocks, public), public
    [(redis, ports)] = outside.pop("quota")
    store = tomllib.loads((ROOT / "deploy/kubernetes/overlays/production/tessera.toml").read_text())["quota"]["store"]
    assert ports == [{"protocol": "TCP", "port": house.port(store)}]
    assert not reaches(redis, "142.250.186.74")
    assert outside == {}


def reaches(blocks: list[dict], address: str) -> bool:
    address = ipaddress.ip_address(address)
    inside = lambda networks: any(address in ipaddress.ip_network(network) for network in networks)
    return any(inside([block["cidr"]]) and not inside(block.get("except", [])) for block in blocks)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_call_that_is_made_is_let_out_and_let_in(name):
    calls = [("gateway", "generation", 8050), ("gateway", "quota", 8051), ("generation", "quota", 8051)]
    calls += [("quota", "redis", 6379), ("generation", "simulator", 8090)] if name == "demo" else []
    for caller, called, port in calls:
        out = one(name, "NetworkPolicy", caller)["spec"]["egress"]
        into = one(name, "NetworkPolicy", called)["spec"]["ingress"]
        assert allows(out, "to", called, port), f"{caller} may not call {called}"
        assert allows(into, "from", caller, port), f"{called} may not be called by {caller}"


def allows(rules: list[dict], direction: str, role: str, port: int) -> bool:
    labels = {"app.kubernetes.io/name": role}
    return any(
        any(peer.get("podSelector", {}).get("matchLabels") == labels for peer in rule.get(direction, []))
        and {"protocol": "TCP", "port": port} in rule["ports"]
        for rule in rules
    )


def test_redis_of_the_demo_starts_as_that_of_compose_does(tmp_path):
    [volume] = [volume for volume in pod(workload("demo", "redis"))["volumes"] if "configMap" in volume]
    script = one("demo", "ConfigMap", volume["configMap"]["name"])["data"]["start.sh"]
    assert script == (ROOT / "deploy/redis/start.sh").read_text()
    with redis_script.running(script, tmp_path) as (port, password):
        redis_script.holds_a_ledger(port, password, "", tmp_path)


def test_the_readme_makes_every_secret():
    made = re.findall(r"for name in ([a-z -]+); do\n.* openssl rand", (ROOT / "README.md").read_text())[0].split()
    for name in OVERLAYS:
        for found in of_kind(name, *WORKLOADS):
            for volume in pod(found).get("volumes", []):
                for item in volume.get("secret", {}).get("items", []):
                    assert item["key"] in made


def test_the_readme_makes_every_certificate(tmp_path):
    """As it is written there, with a kubectl that keeps what it is given."""
    [script] = re.findall(r"^sh deploy/certificates.sh .*?^done", (ROOT / "README.md").read_text(), re.M | re.S)
    kubectl = tmp_path / "bin/kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text('#!/bin/sh\n[ "$1" = apply ] && exec cat > /dev/null\necho "$@" >> "$MADE"\n')
    kubectl.chmod(0o755)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    environment = {"PATH": f"{kubectl.parent}:{os.environ['PATH']}", "MADE": str(tmp_path / "made")}
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, env=environment, check=True, capture_output=True)
    made = re.findall(r"secret generic (\S+) --namespace tessera --from-file=(\S+)", (tmp_path / "made").read_text())
    assert sorted(secret for secret, _ in made) == sorted(f"tessera-tls-{role}" for role in ROLES)
    for secret, place in made:
        role = secret.removeprefix("tessera-tls-")
        assert sorted(file.name for file in (tmp_path / place).iterdir()) == CERTIFICATE
        told = certificate_checks(role, tmp_path / place)
        assert told["certificate"]["state"] == told["certificate's name"]["state"] == "ok", told


def certificate_checks(role: str, place) -> dict[str, dict]:
    """What the doctor says of a certificate, by its checks."""
    files = {f"TESSERA_TLS__{key}_FILE": str(place / name) for key, name in zip(["CA", "CERT", "KEY"], CERTIFICATE)}
    command = [house.BINARY, "doctor", "--json", "--role", role, "--data-dir", str(place.parent)]
    told = subprocess.run(command, env=files, capture_output=True, text=True).stdout
    return {finding["check"]: finding for finding in map(json.loads, told.splitlines())}


@pytest.mark.parametrize("name", OVERLAYS)
def test_generation_scales_with_a_metric_that_is_told(name):
    metrics = one(name, "HorizontalPodAutoscaler", "generation")["spec"]["metrics"]
    [scaled] = [metric["pods"]["metric"]["name"] for metric in metrics if metric["type"] == "Pods"]
    # What the dashboard shows is held against what the roles really tell.
    assert scaled in (ROOT / "deploy/observability/grafana/dashboards/tessera.json").read_text()
