"""What the repository promises about itself: the direction of includes, and examples that are valid."""

import base64
import os
import pathlib
import re
import subprocess
import sys

import pytest

from support.rekey import ROOT, binary


def check(path, **environment):
    return subprocess.run([binary(), "check", "-c", path], env={**os.environ, **environment}, capture_output=True, text=True,
                          check=False)


def test_the_direction_of_includes():
    result = subprocess.run([sys.executable, ROOT / "tools/check_tree.py", "--includes"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_example_of_the_readme_is_valid(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1)
    (tmp_path / "rekey.yaml").write_text(example)
    for name in re.findall(r"file: ([\w.]+)", example):
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_text(base64.b64encode(os.urandom(32)).decode())
    result = check(tmp_path / "rekey.yaml")
    assert result.returncode == 0, result.stderr


def test_the_example_of_the_compose_file_is_valid():
    lines = (ROOT / "docs/examples/compose.env").read_text(encoding="utf-8").splitlines()
    environment = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    result = check(ROOT / "docs/examples/rekey.yaml", **environment)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("document", sorted(path.relative_to(ROOT).as_posix() for path in
                                            [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]))
def test_links_between_documents_lead_somewhere(document):
    path = ROOT / document
    for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / pathlib.Path(link)).exists(), link
