"""docker-compose.yml is valid by Compose's own schema, and means what it should."""

import importlib.resources
import json
import re

import house
import jsonschema
import pytest
import redis_script
import yaml
from house import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "tessera:latest"}
ROLES = {name: service for name, service in OURS.items() if service["command"][0] != "simulator"}


def config_of(service):
    [config] = service["configs"]
    return ROOT / COMPOSE["configs"][config["source"]]["file"]


def in_force(service):
    return house.configuration(service["command"][0], config_of(service), service["environment"])


def networks(service) -> dict:
    named = service["networks"]
    return named if isinstance(named, dict) else {name: {} for name in named}


def companions(profile: str) -> dict:
    return {name: service for name, service in SERVICES.items() if profile in service.get("profiles", [profile])}


def test_the_schema_of_the_specification_is_met():
    vendored = importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
    schema = json.loads(vendored.joinpath("compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []
    broken = {**COMPOSE, "services": {"redis": {**SERVICES["redis"], "restarts": "always"}}}
    assert not validator.is_valid(broken), "the schema refuses nothing"


@pytest.mark.parametrize("kind", ["secrets", "configs", "networks", "volumes"])
def test_everything_that_is_named_is_defined_and_the_other_way_round(kind):
    named = set()
    for service in SERVICES.values():
        for entry in service.get(kind, []):
            name = entry["source"] if isinstance(entry, dict) else entry.split(":")[0]
            named |= set() if name.startswith(".") else {name}
    assert named == set(COMPOSE[kind])


def test_every_file_that_is_mounted_is_there():
    for config in COMPOSE["configs"].values():
        assert (ROOT / config["file"]).is_file(), config
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            path = volume.split(":")[0]
            assert not path.startswith(".") or (ROOT / path).exists(), f"{name} mounts {path}"


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_given_every_secret_that_its_configuration_names_and_no_other(name):
    named = house.secret_files(in_force(SERVICES[name]))
    assert named == {f"/run/secrets/{secret}" for secret in SERVICES[name].get("secrets", [])}


@pytest.mark.parametrize("profile", ["live", "demo"])
def test_every_role_finds_the_others(profile):
    there = companions(profile)
    at = {}
    for name, service in there.items():
        for network, settings in networks(service).items():
            for alias in {name, *settings.get("aliases", [])}:
                at.setdefault((network, alias), []).append(service)
    roles = {service["command"][0]: service for service in there.values() if service in ROLES.values()}
    assert set(roles) == {"gateway", "generation", "quota"}
    told = {role: in_force(service) for role, service in roles.items()}
    for role, service in roles.items():
        for key, url in told[role][role].items():
            if not key.endswith("_url"):
                continue
            other = key.removesuffix("_url")
            [found] = at["core", house.host(url)]
            assert found is roles[other], f"{role} looks for {other} at {url}"
            assert house.port(url) == house.port(told[other][other]["listen"])
    [redis] = at["core", house.host(told["quota"]["quota"]["store"])]
    assert redis is SERVICES["redis"]


def test_the_demo_draws_with_the_simulator_and_counts_it_apart():
    demo, live = (in_force(SERVICES[name]) for name in ["generation-demo", "generation"])
    assert house.host(demo["generation"]["gemini"]["base_url"]) == "simulator"
    port = house.port(demo["generation"]["gemini"]["base_url"])
    assert SERVICES["simulator"]["command"] == ["simulator", "--listen", f"0.0.0.0:{port}"]
    assert live["generation"]["gemini"]["base_url"] == "https://generativelanguage.googleapis.com"
    stores = [in_force(SERVICES[name])["quota"]["store"] for name in ["quota", "quota-demo"]]
    assert stores[1] == stores[0] + "?prefix=demo"


def test_what_is_published_is_what_listens():
    told = in_force(SERVICES["gateway"])["gateway"]
    published = {int(ports.rsplit(":", 1)[1]) for ports in SERVICES["gateway"]["ports"]}
    listening = {house.port(told[key]) for key in ["listen", "console_listen"] if key in told}
    assert published == listening
    for name, service in SERVICES.items():
        for ports in service.get("ports", []):
            assert ports.startswith(("127.0.0.1:", "${TESSERA_ADDRESS:-127.0.0.1}:")), f"{name} publishes {ports}"


def test_only_generation_can_reach_the_outside():
    ways_out = {
        name
        for name, network in COMPOSE["networks"].items()
        if not (network or {}).get("internal")
        and "false" not in (network or {}).get("driver_opts", {}).values()
    }
    assert ways_out == {"outside"}
    assert [name for name, service in SERVICES.items() if "outside" in networks(service)] == ["generation"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_may_do_more_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service in OURS.values() or re.search(r":v?\d+\.\d+\.\d+", service["image"]), "its version is left open"
    assert service.get("user", "65532:65532").split(":")[0] != "0"


def test_a_picture_in_flight_may_finish():
    told = in_force(SERVICES["generation"])["generation"]
    for name in ["gateway", "generation", "generation-demo"]:
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= told["deadline_seconds"] + 15


def test_replicas_of_generation_keep_apart_what_quota_has_not_heard():
    for name in ["generation", "generation-demo"]:
        outbox = in_force(SERVICES[name])["generation"]["outbox"]
        [volume] = SERVICES[name]["volumes"]
        assert outbox.startswith(volume.split(":")[1] + "/") and outbox.endswith("/*")


def test_live_is_what_starts_when_nothing_is_said():
    assert "COMPOSE_PROFILES=live" in (ROOT / ".env").read_text().splitlines()


def test_the_readme_makes_every_secret():
    made_once = r"for name in ([a-z -]+); do\n  \[ -s secrets/\$name \] \|\| openssl rand -hex 32 > secrets/\$name\ndone"
    [made] = re.findall(made_once, (ROOT / "README.md").read_text())
    assert {f"secrets/{name}" for name in made.split()} == {secret["file"] for secret in COMPOSE["secrets"].values()}


@pytest.mark.parametrize("store", ["redis://tessera@redis:6379", "redis://tessera@redis:6379?prefix=demo"])
def test_redis_keeps_what_it_acknowledged_and_lets_the_ledger_do_what_it_must(store, tmp_path):
    script = (ROOT / COMPOSE["configs"]["redis"]["file"]).read_text()
    with redis_script.running(script, tmp_path) as (port, password):
        redis_script.holds_a_ledger(port, password, store.removeprefix("redis://tessera@redis:6379"), tmp_path)
        assert "aof_enabled:1" in redis_script.tells(port, "INFO", "persistence")
        assert "maxmemory_policy:noeviction" in redis_script.tells(port, "INFO", "memory")
        for forbidden in [["GET", "elsewhere"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"]]:
            assert redis_script.tells(port, *forbidden).startswith("NOPERM"), forbidden
