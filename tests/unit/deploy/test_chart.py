"""The chart, rendered by Helm itself: what every process of a county must have on a cluster."""

from typing import Any

import pytest

pytest.importorskip("helm_python", reason="needs deploy-tools, which `make check` installs")

import helm_python as helm
import kubernetes_validate

from deploy import lint

PROCESSES = {"web", "stream", "worker", "ingest"}


def _of(kind: str, values: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """The objects of one kind, by the process they belong to."""
    return {
        thing["metadata"]["labels"].get("app.kubernetes.io/component", ""): thing
        for thing in lint.rendered(values or {})
        if thing["kind"] == kind
    }


def _container(thing: dict[str, Any]) -> dict[str, Any]:
    (container,) = thing["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_helm_and_kubernetes_object_to_nothing() -> None:
    assert list(lint.of_the_chart()) == []


def test_the_schemas_would_object() -> None:
    deployment = _of("Deployment")["web"]
    deployment["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, lint.KUBERNETES[0], strict=True)


@pytest.mark.parametrize(
    "values",
    [
        {"county": {"schema": "Hua-Xian"}},
        {"county": {"publicUrl": "http://huying.example"}},
        {"county": {"settings": {"HUYING_DEMO": "1"}}},
        {"secrets": {"database": {"name": "", "key": "url"}}},
        {"wbe": {}},
    ],
)
def test_a_wrong_value_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(helm.HelmValuesError):
        lint.rendered(values)


def test_an_ingress_without_a_certificate_is_refused() -> None:
    with pytest.raises(helm.HelmRenderError, match=r"ingress\.tlsSecret"):
        lint.rendered({"ingress": {"enabled": True}})


def test_each_process_runs_bounded_and_without_rights() -> None:
    deployments = _of("Deployment")
    assert set(deployments) == PROCESSES == set(_of("PodDisruptionBudget"))
    for process, thing in (*deployments.items(), *_of("Job").items()):
        pod, container = thing["spec"]["template"]["spec"], _container(thing)
        assert container["args"][0] == process
        assert set(container["resources"]) == {"requests", "limits"}
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_what_was_signed_last_is_kept_apart_from_the_attachments() -> None:
    container = _container(_of("Deployment")["worker"])
    (mark,) = [one["value"] for one in container["env"] if one["name"] == "HUYING_LEDGER_MARK"]
    lasting = {
        one["mountPath"]: one["subPath"]
        for one in container["volumeMounts"]
        if one["name"] == "attachments"
    }
    folder = mark.rpartition("/")[0]
    assert folder in lasting
    assert folder != "/var/lib/huying/attachments"
    assert len(set(lasting.values())) == len(lasting) == 2


def test_who_listens_is_asked() -> None:
    asked = {name: _container(thing) for name, thing in _of("Deployment").items()}
    web = asked["web"]
    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # The site answers to its own names only, and a node asks by the address of the pod.
    assert web["readinessProbe"]["httpGet"]["httpHeaders"] == [
        {"name": "Host", "value": "localhost"}
    ]
    assert asked["stream"]["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert asked["ingest"]["readinessProbe"] == {
        **asked["ingest"]["readinessProbe"],
        "tcpSocket": {"port": "hj212"},
    }
    assert "readinessProbe" not in asked["worker"]


def test_what_scales_leaves_its_number_to_the_scaler() -> None:
    scalers = _of("HorizontalPodAutoscaler")
    assert set(scalers) == {"web", "ingest"}
    for process, thing in _of("Deployment").items():
        assert ("replicas" in thing["spec"]) == (process not in scalers)
    fixed = lint.EXAMPLES["little of it"]
    assert _of("HorizontalPodAutoscaler", fixed) == {}
    assert all("replicas" in thing["spec"] for thing in _of("Deployment", fixed).values())


def test_the_tables_come_before_the_pods() -> None:
    job = _of("Job")["migrate"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    # At that time the claim of the chart is not there yet.
    volumes = job["spec"]["template"]["spec"]["volumes"]
    assert {"data", "tmp", "keys"} == {volume["name"] for volume in volumes}


def test_no_secret_is_written_down() -> None:
    values = lint.EXAMPLES["all of it"]
    assert _of("Secret", values) == {}
    for thing in _of("Deployment", values).values():
        referred = {
            entry["name"]: entry["valueFrom"]["secretKeyRef"]["name"]
            for entry in _container(thing)["env"]
            if "valueFrom" in entry
        }
        assert referred == {
            "HUYING_DATABASE_URL": "huying-database",
            "HUYING_MQTT_URL": "huying-mqtt",
        }


def test_a_setting_of_the_county_stands_once() -> None:
    values = {"county": {"settings": {"HUYING_TRUSTED_PROXIES": "2", "HUYING_LOG_LEVEL": "INFO"}}}
    names = [entry["name"] for entry in _container(_of("Deployment", values)["web"])["env"]]
    assert len(names) == len(set(names))
    settings = {
        e["name"]: e.get("value") for e in _container(_of("Deployment", values)["web"])["env"]
    }
    assert settings["HUYING_TRUSTED_PROXIES"] == "2"
    assert settings["HUYING_LOG_LEVEL"] == "INFO"


def test_live_updates_and_pages_go_to_their_own_service() -> None:
    (ingress,) = _of("Ingress", lint.EXAMPLES["all of it"]).values()
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "huying.example.gov.cn"
    assert {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {
        "/live/": "huying-stream",
        "/": "huying-web",
    }


def test_devices_reach_the_listener_alone() -> None:
    values = lint.EXAMPLES["all of it"]
    service = _of("Service", values)["ingest"]["spec"]
    assert (service["type"], service["ports"][0]["nodePort"]) == ("NodePort", 30212)
    policies = {
        thing["metadata"]["name"]: thing["spec"]
        for thing in lint.rendered(values)
        if thing["kind"] == "NetworkPolicy"
    }
    assert policies["huying"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["huying"], "nobody comes in unless another policy says so"
    (rule,) = policies["huying-devices"]["ingress"]
    assert rule["from"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    assert [port["port"] for port in rule["ports"]] == [9212]
