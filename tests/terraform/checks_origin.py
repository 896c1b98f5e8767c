"""The single origin: where a path leads through the URL map, and what stands before the functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from local.catalog import load
from tests.terraform.deployment import Deployment

CATALOG = load()
_BALANCED = sorted(name for name, entry in CATALOG.items() if not entry.is_private or entry.routes)


@dataclass(frozen=True)
class Answer:
    """The backend that gets a request, and the path that it sees."""

    service: str
    path: str


class UrlMap:
    """Follows a path through one path matcher as Google does: the first rule by priority that matches."""

    def __init__(self, matcher: dict[str, Any]) -> None:
        self._rules = sorted(matcher["route_rules"], key=lambda rule: int(rule["priority"]))
        self._default = matcher["default_service"]
        priorities = [rule["priority"] for rule in self._rules]
        assert len(set(priorities)) == len(priorities), "two rules have one priority"

    def follow(self, path: str) -> Answer:
        for rule in self._rules:
            for match in rule["match_rules"]:
                if (rest := _matches(match, path)) is not None:
                    return Answer(rule["service"], _rewritten(rule, path, rest))
        return Answer(self._default, path)


def _matches(match: dict[str, Any], path: str) -> str | None:
    """What is left of the path after what matches; None: no match."""
    if match["full_path_match"] is not None:
        return "" if path == match["full_path_match"] else None
    if match["prefix_match"] is not None:
        return path.removeprefix(match["prefix_match"]) if path.startswith(match["prefix_match"]) else None
    return "" if _template(match["path_template_match"]).fullmatch(path) else None


def _template(text: str) -> re.Pattern[str]:
    """`/a/{x=*}` as a regular expression: `*` is one segment."""
    parts = re.split(r"\{(\w+)=\*\}", text)
    assert not re.search(r"[{}*]", "".join(parts[::2])), f"not a template that is understood here: {text}"
    return re.compile("".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>[^/]+)" for i, part in enumerate(parts)))


def _rewritten(rule: dict[str, Any], path: str, rest: str) -> str:
    rewrites = [rewrite for action in rule["route_action"] for rewrite in action["url_rewrite"]]
    if not rewrites:
        return path
    (rewrite,) = rewrites
    if rewrite["path_prefix_rewrite"] is not None:
        return str(rewrite["path_prefix_rewrite"] + rest)
    (match,) = rule["match_rules"]
    found = _template(match["path_template_match"]).fullmatch(path)
    assert found is not None
    return str(rewrite["path_template_rewrite"].format_map(found.groupdict()))


def _url_map(deployment: Deployment) -> UrlMap:
    url_map = deployment.one("google_compute_url_map", "single_origin")
    (matcher,) = url_map.blocks("path_matcher")
    (host,) = url_map.blocks("host_rule")
    assert host["hosts"] == [deployment.variables["load_balancer"]["domain"]]
    assert host["path_matcher"] == matcher["name"]
    return UrlMap(matcher)


def _service_of(deployment: Deployment, name: str) -> str:
    (found,) = [one for one in deployment.all("google_compute_backend_service") if one.key == name]
    return str(found["id"])


def each_route_of_the_catalog_leads_to_its_function_and_target(deployment: Deployment) -> None:
    if not deployment.has_load_balancer:
        return
    url_map = _url_map(deployment)
    for name, entry in CATALOG.items():
        for route in entry.routes:
            values = {key: f"some-{key}.1" for key in re.findall(r"\{(\w+)\}", route.path)}
            answer = url_map.follow(route.path.format_map(values))
            wanted = f"/{name}{route.target.format_map(values)}".removesuffix("/")
            assert answer == Answer(_service_of(deployment, name), wanted), route.path


def each_function_has_its_own_path_and_anything_else_is_the_console(deployment: Deployment) -> None:
    if not deployment.has_load_balancer:
        return
    url_map = _url_map(deployment)
    for name in _BALANCED:
        for path in (f"/{name}", f"/{name}/", f"/{name}/a/b"):
            assert url_map.follow(path) == Answer(_service_of(deployment, name), path)
    console = deployment.one("google_compute_backend_bucket", "console")
    nowhere = [f"/{name}" for name in CATALOG if name not in _BALANCED]
    for path in ("/", "/index.html", "/loginx", "/api/videos/stream/a/b", "/api/videos/stream/", *nowhere):
        assert url_map.follow(path) == Answer(console["id"], path)
    assert console["bucket_name"] == deployment.one("google_storage_bucket", "console")["name"]


def each_backend_is_the_service_of_its_function_behind_cloud_armor(deployment: Deployment) -> None:
    groups = {one.key: one for one in deployment.all("google_compute_region_network_endpoint_group")}
    backends = {one.key: one for one in deployment.all("google_compute_backend_service")}
    assert sorted(groups) == sorted(backends) == (_BALANCED if deployment.has_load_balancer else [])
    for name, backend in backends.items():
        service = str(deployment.functions[name]["service_config.service"]).rpartition("/")[2]
        assert groups[name]["cloud_run.service"] == service, name
        assert backend["backend.group"] == groups[name]["id"], name
        armor = deployment.one("google_compute_security_policy", "single_origin")["id"]
        assert backend["security_policy"] == armor, name
        assert backend["load_balancing_scheme"] == "EXTERNAL_MANAGED", name


def cloud_armor_limits_bodies_and_each_address(deployment: Deployment) -> None:
    if not deployment.has_load_balancer:
        return
    policy = deployment.one("google_compute_security_policy", "single_origin")
    body, rate, rest = sorted(policy.blocks("rule"), key=lambda rule: int(rule["priority"]))
    assert not any(rule["preview"] for rule in (body, rate, rest))
    assert body["action"] == "deny(403)"
    header = "request.headers['content-length']"
    assert body["match"][0]["expr"][0]["expression"] == f"has({header}) && int({header}) > 33554432"
    for rule in (rate, rest):
        assert rule["match"][0]["config"][0]["src_ip_ranges"] == ["*"]
    options = rate["rate_limit_options"][0]
    assert (rate["action"], options["enforce_on_key"], options["exceed_action"]) == ("throttle", "IP", "deny(429)")
    limit = deployment.variables["load_balancer"].get("requests_per_minute") or 600
    assert options["rate_limit_threshold"] == [{"count": limit, "interval_sec": 60}]
    assert (rest["action"], rest["priority"]) == ("allow", 2147483647)


def browsers_speak_https_on_one_domain(deployment: Deployment) -> None:
    if not deployment.has_load_balancer:
        return
    domain = deployment.variables["load_balancer"]["domain"]
    certificate = deployment.one("google_compute_managed_ssl_certificate", "single_origin")
    assert certificate["managed.domains"] == [domain]
    proxy = deployment.one("google_compute_target_https_proxy", "single_origin")
    assert proxy["url_map"] == deployment.one("google_compute_url_map", "single_origin")["id"]
    assert proxy["ssl_certificates"] == [certificate["id"]]
    assert proxy["ssl_policy"] == deployment.one("google_compute_ssl_policy", "single_origin")["id"]
    redirect = deployment.one("google_compute_url_map", "redirect")
    assert redirect["default_url_redirect.https_redirect"] is True
    plain = deployment.one("google_compute_target_http_proxy", "redirect")
    assert plain["url_map"] == redirect["id"]
    assert redirect["default_url_redirect.strip_query"] is False
    rules = {one["port_range"]: one for one in deployment.all("google_compute_global_forwarding_rule")}
    assert {port: rule["target"] for port, rule in rules.items()} == {"443": proxy["id"], "80": plain["id"]}
    assert {rule["load_balancing_scheme"] for rule in rules.values()} == {"EXTERNAL_MANAGED"}
    address = deployment.one("google_compute_global_address", "single_origin")["id"]
    assert {rule["ip_address"] for rule in rules.values()} == {address}


def without_a_domain_there_is_no_load_balancer(deployment: Deployment) -> None:
    found = [one.address for one in deployment.resources if one.type.startswith("google_compute_")]
    assert bool(found) == deployment.has_load_balancer
