"""The examples in docstrings say what the code really returns."""

import doctest
import importlib
import pkgutil

import pytest

import course_utils

MODULES = [
    module.name
    for module in pkgutil.walk_packages(course_utils.__path__, "course_utils.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("course_utils.datasets.")])
def test_every_loader_has_an_example(name):
    # Counted with the skipped ones: those that need a download or a file of the user's.
    assert any(found.examples for found in doctest.DocTestFinder().find(importlib.import_module(name)))
