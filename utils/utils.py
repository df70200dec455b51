"""The helpers that the course notes' notebooks call by these names."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import pprint
import sys
from typing import Any

from utils.errors import SetupError

FORMAT = "[%(asctime)s] p%(process)s {%(filename)s:%(lineno)d} %(levelname)s - %(message)s"
LOGGER = "course"
_NO_KEY = "run setup(...) first, which needs no key, or put {}=… into .env"


def set_logger(name: str = LOGGER, level: int = logging.INFO) -> logging.Logger:
    """Return a logger that writes to stderr in the notes' format; a second call returns the same one."""
    logger = logging.getLogger(name)
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(handler)
        logger.propagate = False
    return logger


def set_pretty_printer() -> pprint.PrettyPrinter:
    """Return a pretty printer, two spaces deep and 100 columns wide."""
    return pprint.PrettyPrinter(indent=2, width=100)


def get_tavily_api(key: str = "TAVILY_API_KEY", region: str | None = None) -> str:
    """Return the search service's key: from the environment, or from AWS Secrets Manager in this region.

    ``setup()`` and ``.env`` put it into the environment. A key from Secrets Manager is put there as well, for
    the search tool. The secret has the key's name; it is the key, or JSON such as {"TAVILY_API_KEY": "…"}.
    The log says where the key was found. Raises SetupError when it is nowhere.
    """
    logger = logging.getLogger(LOGGER)
    if value := os.environ.get(key):
        logger.info("%s was found in the environment, where setup() and .env put it.", key)
        return value
    os.environ[key] = value = _from_secrets_manager(key, region)
    logger.info("%s was found in AWS Secrets Manager.", key)
    return value


def _from_secrets_manager(key: str, region: str | None) -> str:
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region or importlib.util.find_spec("boto3") is None:
        missing = "no region was given" if not region else "boto3 is not installed"
        msg = f"{key} is not set, and AWS Secrets Manager cannot be asked: {missing}"
        raise SetupError(msg, hint=_NO_KEY.format(key))
    boto3: Any = importlib.import_module("boto3")
    try:
        answer = (
            boto3.session.Session()
            .client("secretsmanager", region_name=region)
            .get_secret_value(SecretId=key)
        )
    except Exception as error:  # the SDK has dozens: no keys, no network, no right, no such secret
        code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
        msg = f"{key} is not set, and AWS Secrets Manager in {region} does not give it ({code})"
        raise SetupError(msg, hint=_NO_KEY.format(key)) from None
    secret = answer.get("SecretString") or ""
    try:
        told = json.loads(secret)
    except (ValueError, RecursionError):
        told = secret
    value = told.get(key) if isinstance(told, dict) else told
    if not isinstance(value, str) or not value:
        msg = f"the secret {key} in {region} holds no key"
        raise SetupError(msg, hint=f'store the key itself, or JSON: {{"{key}": "…"}}')
    return value
