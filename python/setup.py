# Without network: pip install --no-build-isolation, with setuptools and wheel installed.
import setuptools

setuptools.setup()
