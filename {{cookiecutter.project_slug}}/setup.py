"""Everything is in setup.cfg; this file is for tools that still want it."""

from setuptools import setup

setup()
