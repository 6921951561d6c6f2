"""The fixtures of the MySQL side serve here, too."""

from integration.conftest import my_database, my_rekey, my_server, my_servers  # noqa: F401 pylint: disable=unused-import
