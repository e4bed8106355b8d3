"""The image, the Compose file and the manifests: by their schemas, with the one list's commands, no secret."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shigu import serving
from shigu.fleet.deploying import environment
from shigu.fleet.deploying.place import Place
from shigu.fleet.doctor import database
from shigu.kit.processes import Part

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = DEPLOY / "kubernetes"
CLUSTERS = ("1.30", "1.37")
NOT_APPLIED = {"secret.example.yaml", "kustomization.yaml"}
ANYWHERE = "0.0.0.0"

Document = dict[str, Any]


def parts(flower_host: str) -> dict[str, Part]:
    """The one list, as containers run it."""
    python = {"python": "python"}
    workers = {f"worker-{group}": serving.worker(group, **python) for group in serving.QUEUES}
    return workers | {
        "pages": serving.pages(ANYWHERE, 8000, **python),
        "events": serving.events(ANYWHERE, 8001, **python),
        "beat": serving.beat(**python),
        "flower": serving.flower(flower_host, 5555, **python),
    }


def compose() -> Document:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def documents(path: Path) -> list[Document]:
    return list(yaml.safe_load_all(path.read_text()))


def applied() -> list[Document]:
    """Everything that reaches a cluster, as it stands in the folder."""
    files = sorted(path for path in MANIFESTS.glob("*.yaml") if path.name not in NOT_APPLIED)
    return [document for path in files for document in documents(path)]


def of_kind(kind: str) -> dict[str, Document]:
    return {one["metadata"]["name"]: one for one in applied() if one["kind"] == kind}


def pods() -> Iterator[tuple[str, Document]]:
    for name, one in (of_kind("Deployment") | of_kind("Job")).items():
        yield name, one["spec"]["template"]["spec"]


# -- Compose -----------------------------------------------------------------------------------


def checked(path: Path) -> subprocess.CompletedProcess[str]:
    """The Compose specification's own schema, which check-jsonschema brings along."""
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_compose_file_keeps_to_its_schema(tmp_path: Path) -> None:
    """And a misspelled key does not."""
    done = checked(DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((DEPLOY / "compose.yaml").read_text().replace("cap_drop", "cap_drp"))
    assert "cap_drp" in checked(wrong).stdout


def test_compose_runs_the_one_list() -> None:
    """Every part with its command; beats and the first workers twice; tables before all of them."""
    services = compose()["services"]
    listed = parts(ANYWHERE)
    assert set(services) == {*listed, "postgres", "redis", "migrate"}
    for name, part in listed.items():
        assert services[name]["command"] == list(part.command), name
        assert services[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }
        assert services[name]["stop_grace_period"] == "60s"
    for name in ("beat", "worker-order"):
        assert services[name]["deploy"]["replicas"] == 2


def test_compose_opens_nothing_to_the_world() -> None:
    """What listens on this machine does so on loopback; database and broker not at all."""
    services = compose()["services"]
    published = [port for one in services.values() for port in one.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert not {"ports"} & (services["postgres"].keys() | services["redis"].keys())


def test_compose_knows_every_volume_and_neighbour() -> None:
    """What a service names is there."""
    said = compose()
    for name, one in said["services"].items():
        assert set(one.get("depends_on", {})) <= set(said["services"]), name
        named = {volume.partition(":")[0] for volume in one.get("volumes", [])}
        assert named <= set(said["volumes"]), name
        assert one.get("env_file", ["shigu.env"]) == ["shigu.env"], name


# -- Kubernetes --------------------------------------------------------------------------------


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_manifests_keep_to_their_schemas(cluster: str) -> None:
    """Strictly, for the oldest and the newest cluster that we know of; a misspelled key does not."""
    for document in [*applied(), *documents(MANIFESTS / "secret.example.yaml")]:
        kubernetes_validate.validate(document, cluster, strict=True)
    wrong = of_kind("Deployment")["pages"]
    wrong["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError, match="enableServiceLink"):
        kubernetes_validate.validate(wrong, cluster, strict=True)


def test_the_kustomization_names_every_file() -> None:
    """None is forgotten, the example of a secret is not among them; kubectl builds it where it is."""
    said = documents(MANIFESTS / "kustomization.yaml")[0]
    files = {path.name for path in MANIFESTS.glob("*.yaml")}
    assert set(said["resources"]) == files - NOT_APPLIED
    if shutil.which("kubectl"):
        built = list(yaml.safe_load_all(kustomized()))
        assert len(built) == len(applied()) + 1
        for document in built:
            kubernetes_validate.validate(document, CLUSTERS[0], strict=True)


def kustomized() -> str:
    return subprocess.run(
        ["kubectl", "kustomize", str(MANIFESTS)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_pods_run_the_one_list() -> None:
    """Every part with its command, Flower on the pod's own loopback, and the tables as a job."""
    listed = parts("127.0.0.1")
    started = {name: spec["containers"][0]["command"] for name, spec in pods()}
    assert started.pop("migrate") == ["python", "-m", "shigu", "migrate", "--noinput"]
    assert started == {name: list(part.command) for name, part in listed.items()}


def test_pods_are_confined() -> None:
    """Not root, nothing writable but what is mounted, no token of the cluster, bounded memory."""
    for name, spec in pods():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["automountServiceAccountToken"] is False, name
        # A service called "flower" would set FLOWER_PORT=tcp://… in every pod, and Flower would not start.
        assert spec["enableServiceLinks"] is False, name
        (container,) = spec["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert {"requests", "limits"} <= container["resources"].keys(), name
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["volumes"]}, name


def test_visitors_are_sent_to_who_is_ready_and_lose_nothing() -> None:
    """Probes at /healthz and /readyz; time to be taken out of rotation before the end; two of each."""
    deployments = of_kind("Deployment")
    for name in ("pages", "events", "beat", "worker-order"):
        assert deployments[name]["spec"]["replicas"] == 2, name
    (pages,) = deployments["pages"]["spec"]["template"]["spec"]["containers"]
    assert pages["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert pages["readinessProbe"]["httpGet"]["path"] == "/readyz"
    for name in ("pages", "events"):
        spec = deployments[name]["spec"]["template"]["spec"]
        pause = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
        assert spec["terminationGracePeriodSeconds"] >= pause + 60
        assert deployments[name]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_names_lead_somewhere() -> None:
    """Selectors choose pods that exist, the ingress services that exist, volumes claims that exist."""
    labels = [
        one["spec"]["template"]["metadata"]["labels"] for one in of_kind("Deployment").values()
    ]
    services = of_kind("Service")
    for one in services.values():
        assert one["spec"]["selector"] in labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        for one in of_kind(kind).values():
            assert one["spec"]["selector"]["matchLabels"] in labels
    targets = {
        path["path"]: path["backend"]["service"]["name"]
        for ingress in of_kind("Ingress").values()
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    assert targets == {"/events/": "events", "/": "pages"}
    assert set(targets.values()) <= set(services)
    assert {
        volume["persistentVolumeClaim"]["claimName"]
        for _, spec in pods()
        for volume in spec["volumes"]
        if "persistentVolumeClaim" in volume
    } == set(of_kind("PersistentVolumeClaim"))
    assert {"beat", "pages", "events", "worker-order"} == set(of_kind("PodDisruptionBudget"))


# -- all of them -------------------------------------------------------------------------------


def test_the_image_is_linted_and_not_root() -> None:
    """By hadolint; pinned requirements with hashes; a user of its own; the pages' command."""
    linter = Path(sys.executable).parent / "hadolint"
    path = DEPLOY / "Dockerfile"
    done = subprocess.run([linter, path], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    text = path.read_text()
    assert "--require-hashes" in text
    assert text.rindex("USER 10001") < text.rindex("CMD")
    for name in re.findall(r"^COPY ((?:requirements|shigu)\S*)", text, re.MULTILINE):
        assert (ROOT / name).exists(), name
    (command,) = re.findall(r"^CMD (.*)$", text, re.MULTILINE)
    assert yaml.safe_load(command) == list(parts(ANYWHERE)["pages"].command)


def test_no_secret_is_committed() -> None:
    """Values of what is secret are empty or come from outside, and the made file is ignored."""
    (secret,) = documents(MANIFESTS / "secret.example.yaml")
    assert set(secret["stringData"].values()) == {""}
    names = "|".join([*secret["stringData"], "SHIGU_CONSOLE_PASSWORD", "POSTGRES_PASSWORD"])
    for path in [*DEPLOY.glob("*"), *MANIFESTS.glob("*")]:
        if path.is_file() and path.name not in {"shigu", "shigu.env"}:
            for value in re.findall(rf"(?:{names})[=:] *(\S*)", path.read_text()):
                assert value in {"", '""', "PGPASSWORD"} or value.startswith("${"), path.name
    assert "deploy/shigu.env" in (ROOT / ".gitignore").read_text().splitlines()


def configured() -> dict[str, str]:
    """What the cluster's pods are told that is no secret."""
    said = documents(MANIFESTS / "kustomization.yaml")[0]["configMapGenerator"][0]["literals"]
    return environment.parse("\n".join(said))


def pooled(commands: dict[str, tuple[list[str], int]]) -> int:
    """Processes that may fill a pool, by command and replicas: of pages and workers, and one for the rest."""
    each = {
        name: int(command[command.index("--workers" if name == "pages" else "--concurrency") + 1])
        for name, (command, _) in commands.items()
        if name == "pages" or name.startswith("worker-")
    }
    return sum(count * commands[name][1] for name, count in each.items()) + 1


def test_pools_add_up() -> None:
    """Each place says how many processes it has, and all their connections fit the server's."""
    services = compose()["services"]
    said = {
        name: (one["command"], one.get("deploy", {}).get("replicas", 1))
        for name, one in services.items()
    }
    processes = int(services["pages"]["environment"]["SHIGU_PROCESSES"])
    assert processes == pooled(said)
    room = re.search(r"max_connections=(\d+)", " ".join(services["postgres"]["command"]))
    assert room is not None
    assert processes * Place.threads + database.SPARE <= int(room[1]) - 3
    replicas = {name: one["spec"]["replicas"] for name, one in of_kind("Deployment").items()}
    started = {
        name: (spec["containers"][0]["command"], replicas.get(name, 1)) for name, spec in pods()
    }
    told = configured()
    assert int(told["SHIGU_PROCESSES"]) == pooled(started)
    assert int(told["SHIGU_POOL"]) == Place.threads
    needed = int(told["SHIGU_PROCESSES"]) * int(told["SHIGU_POOL"]) + database.SPARE
    least = re.search(r"must be (\d+) or more", (MANIFESTS / "kustomization.yaml").read_text())
    assert least is not None
    assert needed <= int(least[1])


def test_figures_have_a_place_to_be_counted_in() -> None:
    """Pages count in files, and nothing but what is mounted can be written; the image has the folder."""
    folder = f"{configured()['SHIGU_VAR']}/metrics"
    (pages,) = [spec for name, spec in pods() if name == "pages"]
    mounted = {one["mountPath"]: one["name"] for one in pages["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pages["volumes"]}
    assert "emptyDir" in volumes[mounted[folder]]
    assert folder in compose()["services"]["pages"]["tmpfs"]
    assert folder in (DEPLOY / "Dockerfile").read_text()
    secrets = documents(MANIFESTS / "secret.example.yaml")[0]["stringData"]
    assert "SHIGU_METRICS_TOKEN" in secrets


def test_whatever_is_shared_is_in_redis() -> None:
    """Several page servers: caches, limits and push by one Redis, hints by a broker, in both places."""
    for told in (configured(), compose()["services"]["pages"]["environment"]):
        assert told["SHIGU_REDIS_URL"].startswith("redis://")
        assert told["CELERY_BROKER_URL"].startswith(("redis://", "amqp://"))
        assert told["SHIGU_REDIS_URL"] != told["CELERY_BROKER_URL"]


def test_settings_of_containers_are_settings() -> None:
    """What manifests and Compose set is read by the shop, so that no name is misspelled."""
    known = set(
        re.findall(r"""["']([A-Z][A-Z0-9_]+)["']""", (ROOT / "shigu/settings.py").read_text())
    )
    known |= {"PGPASSWORD", "FLOWER_BASIC_AUTH", "FLOWER_COOKIE_SECRET"}
    (secret,) = documents(MANIFESTS / "secret.example.yaml")
    names = {*configured(), *secret["stringData"]}
    names |= set(compose()["services"]["pages"]["environment"]) | {"SHIGU_VAR"}
    assert names <= known
