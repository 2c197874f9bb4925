"""How a service becomes a Debian package: the debhelper sequence, the scripts of the build, and the release.

``README.rst`` in this directory says how the parts work together. A service runs them as
``python -m debonair.deb <command>`` from the virtual environment that its lock was installed into.
"""
