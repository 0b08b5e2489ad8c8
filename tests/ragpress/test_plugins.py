"""Finding plugins by their entry points."""

from __future__ import annotations

import pytest

from ragpress.errors import SettingsError
from ragpress.plugins import load_plugin
from tests.plugins import PluginFolder, plugins

__all__ = ["plugins"]

GROUP = "ragpress.parsers"
CODE = "def read(data, name, settings):\n    raise NotImplementedError\n"


def test_a_plugin_is_found_with_its_distribution(plugins: PluginFolder) -> None:
    plugins.install("logbook", CODE, {GROUP: "logbook = logbook:read"}, version="2.1")

    plugin = load_plugin(GROUP, "logbook")

    assert plugin.version == "logbook 2.1"
    assert plugin.target.__name__ == "read"
    assert len(plugin.fingerprint) == 32


def test_the_fingerprint_follows_the_version_and_the_plugins_own(plugins: PluginFolder) -> None:
    seen = set()
    for version, code in (("1.0", CODE), ("1.1", CODE), ("1.1", CODE + "read.fingerprint = 'b'\n")):
        plugins.install("logbook", code, {GROUP: "logbook = logbook:read"}, version)
        seen.add(load_plugin(GROUP, "logbook").fingerprint)
        plugins.forget()
        seen.add(load_plugin(GROUP, "logbook").fingerprint)

    assert len(seen) == 3


def test_an_unknown_name_is_refused_with_the_nearest(plugins: PluginFolder) -> None:
    with pytest.raises(SettingsError, match=r"No installed package offers a plugin 'logbok'.*Installed: none"):
        load_plugin(GROUP, "logbok")
    plugins.install("logbook", CODE, {GROUP: "logbook = logbook:read"})
    with pytest.raises(SettingsError, match="Did you mean 'logbook'"):
        load_plugin(GROUP, "logbok")


def test_a_plugin_that_cannot_be_imported_says_why(plugins: PluginFolder) -> None:
    plugins.install("logbook", "import not_installed_here\n", {GROUP: "logbook = logbook:read"})

    with pytest.raises(SettingsError, match="cannot be loaded: ModuleNotFoundError: No module named 'not_installed"):
        load_plugin(GROUP, "logbook")


def test_two_packages_that_offer_one_name_are_refused(plugins: PluginFolder) -> None:
    plugins.install("logbook", CODE, {GROUP: "log = logbook:read"})
    plugins.install("logfile", CODE, {GROUP: "log = logfile:read"})

    with pytest.raises(SettingsError, match=r"Several packages offer a plugin 'log'.*logbook:read, logfile:read"):
        load_plugin(GROUP, "log")
