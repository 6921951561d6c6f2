"""The alerts of docs/examples fire when they should, and not before: Prometheus' own tool runs them."""

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "docs/examples/alerts.yml"

# name: (series and its values by the minute from 0 on, minute, whether it fires then); values as promtool has them.
CASES = {
    "nothing is ready": ("RekeyNotReady", 'rekey_ready', "0x5", 2, True),
    "ready": ("RekeyNotReady", 'rekey_ready', "1x5", 2, False),
    "a lease that is renewed": ("RekeyCredentialNearExpiry", 'rekey_credential_expires_seconds{credential="app"}',
                                "600 540 480 420 360 300 240 600 540 480", 6, False),
    "a lease that is not renewed": ("RekeyCredentialNearExpiry", 'rekey_credential_expires_seconds{credential="app"}',
                                    "600-60x12", 10, True),
    "a credential of weeks": ("RekeyCredentialNearExpiry", 'rekey_credential_expires_seconds{credential="app"}',
                              "2000000-60x30", 30, False),
    "fetches that fail": ("RekeyCredentialFetchFails", 'rekey_credential_fetch_failures_total{credential="app"}',
                          "0+1x20", 15, True),
    "one fetch that failed": ("RekeyCredentialFetchFails", 'rekey_credential_fetch_failures_total{credential="app"}',
                              "0x5 1x15", 15, False),
    "a store that is spared": ("RekeySourceBreakerOpen", 'rekey_credential_breaker_open{credential="app"}', "1x10", 7,
                               True),
    "a store that is not spared": ("RekeySourceBreakerOpen", 'rekey_credential_breaker_open{credential="app"}', "0x10",
                                   7, False),
    "held": ("RekeyRotationHeld", 'rekey_rotation_state{credential="app",state="held"}', "1x10", 7, True),
    "held for a moment": ("RekeyRotationHeld", 'rekey_rotation_state{credential="app",state="held"}', "0x4 1x2 0x8", 7,
                          False),
    "idle": ("RekeyRotationHeld", 'rekey_rotation_state{credential="app",state="idle"}', "1x10", 7, False),
    "many refused logins": ("RekeyLoginsRefused", 'rekey_backend_logins_refused_total', "0+2x10", 10, True),
    "the refusal that proves a rotation": ("RekeyLoginsRefused", "rekey_backend_logins_refused_total", "0x4 1x10", 10,
                                           False),
    "an old backend that stays": ("RekeyOldGenerationLingers", 'rekey_rotation_backends_left{credential="app"}',
                                  "1x20", 18, True),
    "a replacement under way": ("RekeyOldGenerationLingers", 'rekey_rotation_backends_left{credential="app"}',
                                "20x2 0x20", 18, False),
    "a rotation that failed": ("RekeyRotationFails", 'rekey_rotations_total{credential="app",result="failed"}',
                               "0x3 1x10", 6, True),
    "a rotation that went well": ("RekeyRotationFails", 'rekey_rotations_total{credential="app",result="done"}',
                                  "0+1x10", 6, False),
}


def promtool(*arguments, **options):
    if shutil.which("promtool") is None:
        pytest.skip("NOT RUN: promtool is not here; ./dev setup full installs Prometheus")
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, **options)


def test_the_rules_are_valid_and_name_metrics_that_exist():
    result = promtool("check", "rules", RULES)
    assert result.returncode == 0, result.stdout + result.stderr
    known = set(re.findall(r"^\| `(rekey_\w+)`", (ROOT / "docs/metrics.md").read_text(encoding="utf-8"), re.MULTILINE))
    expressions = re.findall(r"expr: (.*)", RULES.read_text(encoding="utf-8"))
    assert len(expressions) == len(set(case[0] for case in CASES.values()))
    assert set(re.findall(r"\brekey_\w+", "\n".join(expressions))) <= known


@pytest.mark.parametrize("case", CASES)
def test_an_alert_fires_when_it_should(case, tmp_path):
    alert, series, values, minute, fires = CASES[case]
    count = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
    (tmp_path / "test.yml").write_text(f"""
rule_files: [{RULES}]
evaluation_interval: 30s
tests:
  - interval: 1m
    input_series:
      - series: '{series}'
        values: '{values}'
    promql_expr_test:
      - expr: '{count}'
        eval_time: {minute}m
        exp_samples: [{{ labels: '{{}}', value: {int(fires)} }}]
""", encoding="utf-8")
    result = promtool("test", "rules", tmp_path / "test.yml")
    assert result.returncode == 0, result.stdout + result.stderr
