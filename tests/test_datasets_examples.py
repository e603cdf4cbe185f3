"""The examples in the docstrings of the data loaders say what the loaders really return."""

import doctest
import importlib
import pkgutil

import pytest

from course_utils import datasets
from course_utils.runtime import quiet_tensorflow

quiet_tensorflow()
MODULES = [module.name for module in pkgutil.iter_modules(datasets.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"course_utils.datasets.{name}")
    # Counted with the skipped ones: those that need a download or a file of the user's.
    assert any(found.examples for found in doctest.DocTestFinder().find(module))
    assert doctest.testmod(module).failed == 0
