"""What `make check` asks of the files in deploy/, each by the tool that reads such files.

    python -m deploy.lint

Dockerfile: hadolint. Shell: shellcheck. YAML: yamllint. Compose: the compose specification's own
schema. Chart: Helm itself lints and renders it, for each of EXAMPLES, and what comes out is held
against Kubernetes' schemas of the oldest and the newest version meant.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
CHART = HERE / "helm" / "huying"
COMPOSE = HERE / "compose" / "compose.yaml"
KUBERNETES = ("1.27", "1.37")
WARNING = 2

PROGRAMS = (
    ["hadolint", str(HERE / "Dockerfile")],
    ["shellcheck", str(HERE / "huying"), str(HERE / "install.sh")],
    ["yamllint", "--strict", "-c", str(HERE / "yamllint.yaml"), str(COMPOSE), str(CHART)],
    ["check-jsonschema", "-q", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
)
# The ways a county may set the chart: as it is, all switched on, all switched off.
EXAMPLES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "all of it": {
        "image": {"repository": "images.example/huying", "tag": "0.1.1", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "images"}],
        "county": {"proceduresConfigMap": "procedures", "parametersConfigMap": "parameters"},
        "secrets": {"mqtt": {"name": "huying-mqtt", "key": "url"}},
        "attachments": {"storageClass": "shared"},
        "hj212": {
            "service": {"type": "NodePort", "nodePort": 30212, "sourceRanges": ["10.0.0.0/8"]}
        },
        "ingress": {"enabled": True, "tlsSecret": "huying-tls"},
        "networkPolicy": {
            "databaseTo": [{"ipBlock": {"cidr": "10.1.0.0/24"}}],
            "mqttTo": [{"ipBlock": {"cidr": "10.1.1.0/24"}}],
        },
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "county", "operator": "Exists", "effect": "NoSchedule"}],
    },
    "little of it": {
        "attachments": {"existingClaim": "photographs"},
        "web": {"replicas": 1, "autoscaling": {"enabled": False, "min": 1, "max": 1, "cpu": 80}},
        "ingest": {"replicas": 1, "autoscaling": {"enabled": False, "min": 1, "max": 1, "cpu": 80}},
        "hj212": {"service": {"type": "ClusterIP"}},
        "metrics": {"enabled": False, "port": 9464},
        "networkPolicy": {"enabled": False},
    },
}


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The Kubernetes objects that the chart makes of `values`, hooks included."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name="huying", namespace="county", is_install=True)
    return [
        found
        for name, text in sorted(files.items())
        if name.endswith(".yaml")
        for found in yaml.safe_load_all(text)
        if found
    ]


def of_the_chart() -> Iterator[str]:
    """What Helm or Kubernetes would object to."""
    for name, values in EXAMPLES.items():
        report = helm.lint(CHART, values, strict=True, quiet=True)
        for message in report["messages"]:
            if message["severity"] < WARNING:
                continue
            yield f"chart, {name}: {message['path']}: {message['error']}"
        for thing in rendered(values):
            for version in KUBERNETES:
                try:
                    kubernetes_validate.validate(thing, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    where = ".".join(map(str, error.path))
                    what = f"{thing['kind']} {thing['metadata']['name']}"
                    yield f"chart, {name}: {what}: {where}: {error.message} ({version})"


def of_the_programs() -> Iterator[str]:
    for program, *arguments in PROGRAMS:
        done = subprocess.run(
            [str(BIN / program), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            yield f"{program}: {done.stdout.strip()}{done.stderr.strip()}"


def main() -> int:
    objections = [*of_the_programs(), *of_the_chart()]
    sys.stdout.write("".join(f"{objection}\n" for objection in objections))
    sys.stdout.write(f"deploy: {len(objections)} objections\n")
    return 1 if objections else 0


if __name__ == "__main__":
    raise SystemExit(main())
