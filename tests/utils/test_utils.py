"""The helpers that the course notes' notebooks call by these names."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from utils.errors import SetupError
from utils.utils import get_tavily_api, set_logger, set_pretty_printer


def test_the_logger_writes_once_and_in_the_notes_format(capsys: pytest.CaptureFixture[str]) -> None:
    logger = set_logger("course-test")
    assert set_logger("course-test") is logger
    logger.info("hello")
    for handler in logger.handlers:
        handler.flush()
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\d [\d:,]+\] p\d+ \{test_utils\.py:\d+\} INFO - hello\n", said), said


def test_the_logger_s_level_can_be_chosen() -> None:
    assert set_logger("course-level", logging.WARNING).level == logging.WARNING


def test_the_pretty_printer_is_wide(capsys: pytest.CaptureFixture[str]) -> None:
    set_pretty_printer().pprint({"a": "x" * 40, "b": "y" * 40})
    assert capsys.readouterr().out.count("\n") == 1


def test_the_search_key_is_the_environment_s(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TAVILY_API_KEY", "one")
    monkeypatch.setenv("OTHER_KEY", "two")
    monkeypatch.setattr(logging.getLogger("course"), "propagate", True)
    with caplog.at_level(logging.INFO, "course"):
        assert get_tavily_api() == "one"
        assert get_tavily_api("OTHER_KEY", "eu-west-1") == "two"
    assert caplog.messages[0] == "TAVILY_API_KEY was found in the environment, where setup() and .env put it."


@pytest.fixture(scope="module")
def secrets_manager() -> Iterator[str]:
    """The address of a server that plays AWS, with secrets in it."""
    server = pytest.importorskip("moto.server", reason="moto is not installed: make setup-dev brings it")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def aws(secrets_manager: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A person with keys of AWS; the client puts secrets there."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_manager)
    monkeypatch.setenv("TAVILY_API_KEY", "")
    import boto3

    client = boto3.session.Session().client("secretsmanager", region_name="eu-west-1")
    yield client
    for one in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=one["Name"], ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize("secret", ["tvly-stored", '{"TAVILY_API_KEY": "tvly-stored", "OTHER": 1}'])
def test_without_one_the_key_comes_from_secrets_manager_and_stays(
    aws: Any, secret: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aws.create_secret(Name="TAVILY_API_KEY", SecretString=secret)
    monkeypatch.setattr(logging.getLogger("course"), "propagate", True)
    with caplog.at_level(logging.INFO, "course"):
        assert get_tavily_api("TAVILY_API_KEY", "eu-west-1") == "tvly-stored"
    told = [record.getMessage() for record in caplog.records if record.name == "course"]
    assert told == ["TAVILY_API_KEY was found in AWS Secrets Manager."]
    assert os.environ["TAVILY_API_KEY"] == "tvly-stored"


@pytest.mark.parametrize(
    "secret",
    [
        "__import__('os').abort()",
        "{'TAVILY_API_KEY': 'python'}",
        '{"OTHER": "x"}',
        "[1]",
        '{"TAVILY_API_KEY": 1}',
    ],
)
def test_a_secret_is_read_as_json_and_never_evaluated(aws: Any, secret: str) -> None:
    aws.create_secret(Name="TAVILY_API_KEY", SecretString=secret)
    if secret.startswith(('{"', "[")):
        with pytest.raises(SetupError, match=r"the secret TAVILY_API_KEY in eu-west-1 holds no key"):
            get_tavily_api("TAVILY_API_KEY", "eu-west-1")
    else:
        assert get_tavily_api("TAVILY_API_KEY", "eu-west-1") == secret, "it is text, whatever it looks like"


def test_a_secret_that_does_not_exist_is_a_sentence(aws: Any) -> None:
    with pytest.raises(
        SetupError, match=r"Secrets Manager in eu-west-1 does not give it \(ResourceNotFoundException\)"
    ):
        get_tavily_api("TAVILY_API_KEY", "eu-west-1")


def test_without_a_search_key_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match=r"no region was given\n  What to do: run setup") as caught:
        get_tavily_api()
    assert "TAVILY_API_KEY=…" in caught.value.hint
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SetupError, match=r"does not give it \(\w+\)\n  What to do: run setup"):
        get_tavily_api(region="eu-west-1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(SetupError, match="cannot be asked: boto3 is not installed"):
        get_tavily_api(region="eu-west-1")
