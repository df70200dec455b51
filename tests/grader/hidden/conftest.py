"""The same labs on written namespaces as the self-check's tests use."""

from tests.utils.conftest import make_lab, make_transport, recorded_server

__all__ = ["make_lab", "make_transport", "recorded_server"]
