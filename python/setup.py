# Without a pyproject.toml pip builds with the setuptools that is installed, and needs no network.
import setuptools

setuptools.setup()
